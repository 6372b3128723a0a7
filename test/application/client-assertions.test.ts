import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeAssertion } from '../../src/adapters/testing/testing.ts';
import type { ClientMetadataDocument } from '../../src/domain/client-document.ts';
import type { AssertionClaims, KeySource } from '../../src/domain/client-keys.ts';
import { clientId, type PresentedAssertion } from '../../src/domain/client-registration.ts';
import { configuredClient } from '../../src/domain/configured-client.ts';
import { aClient } from './dance.ts';
import { base, failureIn, valueIn, type World, wired, world } from './wired.ts';

const url = 'https://chatgpt.example/oauth/1/client.json';
const jwksUri = 'https://chatgpt.example/oauth/jwks.json';
const atUrl: KeySource = { type: 'url', url: jwksUri };
const jwt = 'private_key_jwt';

function documentWith(keys: KeySource | undefined, methodsOffered?: readonly string[]) {
  return {
    clientId: url,
    metadata: {
      redirectUris: ['https://chatgpt.example/callback'],
      tokenEndpointAuthMethod: keys ? jwt : 'none',
      grantTypes: undefined,
      responseTypes: undefined,
      clientName: 'ChatGPT',
      keys,
    },
    methodsOffered,
    hasSecret: false,
  } satisfies ClientMetadataDocument;
}

/** A client that signs with key 1. */
function signing(keys: KeySource = atUrl, methodsOffered?: readonly string[]): World {
  const outside = world();
  outside.sites.documents.set(url, documentWith(keys, methodsOffered));
  outside.sites.keySets.set(jwksUri, [{ kty: 'RSA', kid: '1' }]);
  return outside;
}

function claims(outside: World, changes: Partial<AssertionClaims> = {}): AssertionClaims {
  return {
    issuer: url,
    subject: url,
    audience: [base],
    expiresAt: outside.clock.now() + 60,
    notBefore: undefined,
    issuedAt: undefined,
    id: 'jti-1',
    ...changes,
  };
}

function presented(
  outside: World,
  changes: Partial<AssertionClaims> = {},
  others: Partial<PresentedAssertion> & { readonly signedBy?: string } = {},
): PresentedAssertion {
  const { signedBy = '1', ...rest } = others;
  return {
    assertion: fakeAssertion(claims(outside, changes), signedBy),
    id: undefined,
    audiences: [base, `${base}/token`],
    purpose: 'code-1',
    ...rest,
  };
}

describe('a signed assertion', () => {
  for (const [where, keys] of [
    ['at a URL', atUrl],
    ['in the document', { type: 'inline', keys: [{ kty: 'RSA', kid: '1' }] }],
  ] as const) {
    it(`proves a client whose keys are ${where}`, async () => {
      const outside = signing(keys);

      const client = valueIn(await wired(outside).authenticate(presented(outside)));

      assert.equal(client.value.id, url);
    });
  }

  it('may come with the client’s id, which has to be the same', async () => {
    const outside = signing();
    const gateway = wired(outside);

    const same = presented(outside, {}, { id: clientId(url) });
    const other = presented(outside, { id: 'jti-2' }, { id: clientId(`${url}?other`) });

    assert.ok((await gateway.authenticate(same)).ok);
    assert.equal(failureIn(await gateway.authenticate(other)).error, 'invalid_client');
  });

  it('is good once', async () => {
    const outside = signing();
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));

    const again = await gateway.authenticate(presented(outside, {}, { purpose: 'code-2' }));

    assert.equal(failureIn(again).error, 'invalid_client');
    assert.match(outside.events.of('client_refused')[0]?.reason ?? '', /used before/);
  });

  it('is good again for the same request, whose answer was lost', async () => {
    const outside = signing();
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));

    assert.ok((await gateway.authenticate(presented(outside))).ok);
  });

  it('is good once for all instances that share a store', async () => {
    const outside = signing();
    valueIn(await wired(outside).authenticate(presented(outside)));

    const elsewhere = presented(outside, {}, { purpose: 'code-2' });

    assert.ok(!(await wired(outside).authenticate(elsewhere)).ok);
  });

  it('without a name is known by itself', async () => {
    const outside = signing();
    const gateway = wired(outside);
    const unnamed = { id: undefined };
    valueIn(await gateway.authenticate(presented(outside, unnamed)));

    const again = presented(outside, unnamed, { purpose: 'code-2' });
    const another = presented(outside, { ...unnamed, issuedAt: 1 }, { purpose: 'code-2' });

    assert.ok(!(await gateway.authenticate(again)).ok);
    assert.ok((await gateway.authenticate(another)).ok);
  });

  it('may have the name of another client’s', async () => {
    const outside = signing();
    const other = `${url}?2`;
    outside.sites.documents.set(other, { ...documentWith(atUrl), clientId: other });
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));

    const theirs = presented(outside, { issuer: other, subject: other }, { purpose: 'code-2' });

    assert.ok((await gateway.authenticate(theirs)).ok);
  });

  const refusals: readonly (readonly [string, (outside: World) => PresentedAssertion, RegExp])[] = [
    ['that is no JWT', (outside) => ({ ...presented(outside), assertion: 'x' }), /no signed JWT/],
    ['for another server', (outside) => presented(outside, { audience: ['https://o'] }), /aud/],
    ['that is over', (outside) => presented(outside, { expiresAt: 1 }), /exp/],
    ['by an unknown key', (outside) => presented(outside, {}, { signedBy: '2' }), /no key/],
    [
      'of a client that nobody knows',
      (outside) => presented(outside, { issuer: 'x', subject: 'x' }),
      /unknown/,
    ],
    [
      'of a client whose document is not there',
      (outside) => presented(outside, { issuer: `${url}x`, subject: `${url}x` }),
      /document/,
    ],
  ];

  for (const [name, make, reason] of refusals) {
    it(`${name} is refused, in the same words to the client, and the operator is told why`, async () => {
      const outside = signing();

      const refused = failureIn(await wired(outside).authenticate(make(outside)));

      assert.equal(refused.error, 'invalid_client');
      assert.match(outside.events.of('client_refused')[0]?.reason ?? '', reason);
    });
  }

  it('proves nothing for a client that has no keys', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    const { id } = client.value;

    const refused = await gateway.authenticate(presented(outside, { issuer: id, subject: id }));

    assert.equal(failureIn(refused).error, 'invalid_client');
  });

  it('by a key that the client has only just made is found', async () => {
    const outside = signing();
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));
    outside.sites.keySets.set(jwksUri, [{ kty: 'RSA', kid: '2' }]);
    outside.clock.advance(60);

    const renewed = presented(outside, { id: 'jti-2' }, { signedBy: '2' });

    assert.ok((await gateway.authenticate(renewed)).ok);
  });

  it('waits for keys that cannot be fetched', async () => {
    const outside = signing();
    const gateway = wired(outside);
    await gateway.authenticate([{ id: clientId(url), secret: undefined }]); // its document is known
    outside.sites.trouble = { kind: 'unavailable', reason: 'no answer' };

    const refused = failureIn(await gateway.authenticate(presented(outside)));

    assert.equal(refused.error, 'temporarily_unavailable');
  });

  it('by a new key is refused where the keys were withdrawn', async () => {
    const outside = signing();
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));
    outside.sites.keySets.clear();
    outside.clock.advance(60);

    const refused = await gateway.authenticate(
      presented(outside, { id: 'jti-2' }, { signedBy: '2' }),
    );

    assert.equal(failureIn(refused).error, 'invalid_client');
  });

  it('is asked for again when there is no room to remember it', async () => {
    const outside = world({ limits: { assertions: 1 } });
    outside.sites.documents.set(url, documentWith(atUrl));
    outside.sites.keySets.set(jwksUri, [{ kty: 'RSA', kid: '1' }]);
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));

    const refused = failureIn(await gateway.authenticate(presented(outside, { id: 'jti-2' })));

    assert.equal(refused.error, 'temporarily_unavailable');
  });
});

describe('a client that can sign', () => {
  it('may come without an assertion where its document offers that', async () => {
    const outside = signing(atUrl, ['none', jwt]);
    const gateway = wired(outside);

    assert.ok((await gateway.authenticate([{ id: clientId(url), secret: undefined }])).ok);
    assert.ok((await gateway.authenticate(presented(outside))).ok);
  });

  it('has to where its document does not', async () => {
    const gateway = wired(signing());

    const refused = await gateway.authenticate([{ id: clientId(url), secret: undefined }]);

    assert.equal(failureIn(refused).error, 'invalid_client');
  });

  it('may be the operator’s, or have registered itself', async () => {
    const outside = signing();
    const keys: KeySource = { type: 'inline', keys: [{ kty: 'RSA', kid: '1' }] };
    const entry = {
      id: 'app',
      name: undefined,
      redirectUris: ['https://app.example/'],
      method: undefined,
      secretHash: undefined,
      keys,
    };
    const configured = new Map([['app', valueIn(configuredClient(entry))]]);
    const gateway = wired(outside, { clients: { configured } });
    const { client, secret } = valueIn(
      await gateway.register({ ...documentWith(keys).metadata, clientName: 'Signer' }),
    );

    for (const id of ['app', client.id]) {
      const proof = presented(outside, { issuer: id, subject: id });
      assert.equal(valueIn(await gateway.authenticate(proof)).value.id, id);
    }
    assert.equal(secret, undefined);
  });
});
