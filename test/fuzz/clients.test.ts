import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { joseAssertions } from '../../src/adapters/clients/jose-assertions.ts';
import { shallowJson } from '../../src/adapters/http/json-body.ts';
import { documentClient, documentUrlFault } from '../../src/domain/client-document.ts';
import { publicKeys } from '../../src/domain/client-keys.ts';
import { clientMetadata, clientMetadataDocument } from '../../src/domain/client-metadata.ts';
import { clientId, registerClient } from '../../src/domain/client-registration.ts';
import { epochSeconds } from '../../src/domain/lifetime.ts';
import { redirectUri } from '../../src/domain/redirect-uri.ts';
import { anyText } from '../domain/any-text.ts';
import { anyJson, member, secret, webUrl } from './strange-input.ts';

// What comes from outside, made by the grammar that its parser reads, and then by one that almost is that.

const keySet = fc.record({
  keys: fc.array(
    fc.dictionary(
      fc.constantFrom('kty', 'kid', 'alg', 'crv', 'x', 'y', 'n', 'e', 'd', 'p', 'k', '__proto__'),
      member(fc.string()),
    ),
    { maxLength: 4 },
  ),
});

const metadata = fc.record(
  {
    client_id: member(webUrl),
    redirect_uris: member(fc.array(fc.oneof(webUrl, anyText), { maxLength: 4 })),
    token_endpoint_auth_method: member(
      fc.constantFrom('none', 'client_secret_basic', 'private_key_jwt'),
    ),
    token_endpoint_auth_methods_supported: member(
      fc.array(fc.constantFrom('none', 'private_key_jwt')),
    ),
    grant_types: member(
      fc.array(fc.constantFrom('authorization_code', 'refresh_token', 'implicit')),
    ),
    response_types: member(fc.array(fc.constantFrom('code', 'token'))),
    client_name: member(anyText),
    client_secret: member(secret),
    jwks: member(keySet),
    jwks_uri: member(webUrl),
  },
  { requiredKeys: [] },
);

/** RFC 6749 §5.2: what an error_description may be made of. */
const describable = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

describe('what a client says of itself', () => {
  const issued = {
    id: clientId('client-1'),
    secret: 'the-secret',
    now: epochSeconds(1_767_225_600),
  };

  it('registers a client that can be used, or is refused in words that a header could carry', () => {
    let registered = 0;
    fc.assert(
      fc.property(metadata, (json) => {
        const read = clientMetadata(shallowJson(JSON.stringify(json)));
        if (read === undefined) return;
        const client = registerClient(read, issued);
        if (!client.ok) return void assert.match(client.failure.description, describable);
        registered += 1;
        for (const uri of client.value.redirectUris) assert.equal(redirectUri(uri).ok, true, uri);
        assert.doesNotMatch(JSON.stringify(client.value), /the-secret|"d":|"p":|"k":/);
      }),
      { numRuns: 400 },
    );
    assert.notEqual(registered, 0, 'some of them are good');
  });

  it('at a URL is a client of that URL, which proves itself by no shared secret', () => {
    const policy = { insecure: false, domains: undefined };
    fc.assert(
      fc.property(metadata, webUrl, fc.boolean(), (json, url, isOwn) => {
        fc.pre(documentUrlFault(url, policy) === undefined);
        const document = clientMetadataDocument(isOwn ? { ...json, client_id: url } : json);
        if (document === undefined) return;
        const client = documentClient(url, document, issued.now, policy);
        if (!client.ok) return void assert.doesNotMatch(client.failure, /s3cr3t/);
        assert.equal(client.value.id, url);
        assert.equal(json.client_secret ?? undefined, undefined);
        assert.match(client.value.method, /^(none|private_key_jwt)$/);
      }),
      { numRuns: 400 },
    );
  });

  it('is a set of public keys, or nothing: a private member is never kept', () => {
    fc.assert(
      fc.property(keySet, (set) => {
        for (const key of publicKeys(set) ?? []) {
          assert.deepEqual(
            Object.keys(key).filter((name) => ['d', 'p', 'k'].includes(name)),
            [],
          );
          assert.equal(typeof key.kty, 'string');
        }
      }),
    );
  });

  it('in an assertion is read without throwing, whatever stands between the dots', () => {
    const segment = fc.oneof(
      anyJson.map((json) => Buffer.from(JSON.stringify(json)).toString('base64url')),
      fc
        .record({
          alg: fc.constantFrom('RS256', 'HS256', 'none', 'ES256'),
          crit: member(fc.constant(['exp'])),
        })
        .map((json) => Buffer.from(JSON.stringify(json)).toString('base64url')),
      anyText,
    );
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const claims = joseAssertions.read(segments.join('.'));
        if (claims !== undefined) assert.equal(typeof claims.expiresAt, 'number');
      }),
    );
  });
});
