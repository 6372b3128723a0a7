import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clientMetadata, clientMetadataDocument } from '../../src/domain/client-metadata.ts';

const full = {
  client_id: 'https://app.example/client.json',
  redirect_uris: ['https://app.example/cb'],
  token_endpoint_auth_method: 'none',
  token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  client_name: 'App',
  jwks_uri: 'https://app.example/jwks',
  client_uri: 'not looked at',
};
const bare = {
  redirectUris: ['https://app.example/cb'],
  tokenEndpointAuthMethod: undefined,
  grantTypes: undefined,
  responseTypes: undefined,
  clientName: undefined,
  keys: undefined,
};

test('client metadata is read member by member', () => {
  assert.deepEqual(clientMetadata(full), {
    redirectUris: full.redirect_uris,
    tokenEndpointAuthMethod: 'none',
    grantTypes: ['authorization_code'],
    responseTypes: ['code'],
    clientName: 'App',
    keys: { type: 'url', url: full.jwks_uri },
  });
});

for (const [what, value] of [
  ['absent', undefined],
  ['null', null],
  ['empty', ''],
  ['of another type', 7],
  ['an object', {}],
  ['a list with something else in it', ['x', 1]],
] as const) {
  test(`a member that is ${what} is not there (RFC 7591 §2)`, () => {
    const { redirect_uris } = full;
    const odd = { token_endpoint_auth_method: value, client_name: value, jwks_uri: value };
    const oddLists = { grant_types: value, response_types: value };

    assert.deepEqual(clientMetadata({ redirect_uris, ...odd, ...oddLists }), bare);
  });
}

for (const [what, json] of [
  ['nothing', undefined],
  ['null', null],
  ['a text', 'x'],
  ['a list', []],
  ['no redirect URIs', {}],
  ['one redirect URI, in no list', { redirect_uris: 'https://app.example/cb' }],
  ['redirect URIs that are no texts', { redirect_uris: [1] }],
] as const) {
  test(`JSON with ${what} is no client metadata, and no document`, () => {
    assert.equal(clientMetadata(json), undefined);
    assert.equal(clientMetadataDocument(json), undefined);
  });
}

test('a document has an id, and may offer methods', () => {
  const document = clientMetadataDocument(full);
  const { client_id: _, ...anonymous } = full;

  assert.deepEqual(document, {
    clientId: full.client_id,
    metadata: clientMetadata(full),
    methodsOffered: ['none', 'private_key_jwt'],
    hasSecret: false,
  });
  assert.equal(clientMetadataDocument(anonymous), undefined);
  assert.equal(clientMetadataDocument({ ...full, client_id: 1 }), undefined);
});

test('a secret in a document is noticed, whatever it is', () => {
  const has = (client_secret: unknown) =>
    clientMetadataDocument({ ...full, client_secret })?.hasSecret;

  assert.deepEqual([has('s'), has(''), has(0), has(null)], [true, true, true, false]);
});

test('no JSON is too odd to be read', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const metadata = clientMetadata({ ...full, ...(json as object) });
      assert.equal(metadata === undefined || Array.isArray(metadata.redirectUris), true);
    }),
  );
});
