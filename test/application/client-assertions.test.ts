import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeAssertion } from '../../src/adapters/testing/testing.ts';
import type { ClientMetadataDocument } from '../../src/domain/client-document.ts';
import type { AssertionClaims, KeySource } from '../../src/domain/client-keys.ts';
import {
  type AssertionPurpose,
  clientId,
  type PresentedAssertion,
} from '../../src/domain/client-registration.ts';
import { configuredClient } from '../../src/domain/configured-client.ts';
import { issueGrant } from '../../src/domain/grant-code.ts';
import { epochSeconds } from '../../src/domain/lifetime.ts';
import { type GrantId, spellGatewayToken, tokenSecret } from '../../src/domain/token-pair.ts';
import { allowed, bytes, key, tokensOfVersion } from '../domain/sample-grant.ts';
import { aClient } from './dance.ts';
import {
  base,
  failureIn,
  gatewayKeys,
  policy,
  valueIn,
  type World,
  wired,
  world,
} from './wired.ts';

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
    purpose: exchanging(code(1)),
    ...rest,
  };
}

const secretOf = (seed: number) => tokenSecret(bytes(32, seed));
const idOf = (seed: number) => Buffer.from(bytes(16, seed)).toString('base64url') as GrantId;

/** The code of the grant of this number. */
function code(seed: number): string {
  return spellGatewayToken({ grant: idOf(seed), secret: secretOf(seed) });
}

/** The same world, where a client has got two codes. */
async function withCodes(outside: World, client = url): Promise<World> {
  for (const seed of [1, 2]) {
    const grant = issueGrant(
      { ...allowed, id: idOf(seed), clientId: clientId(client) },
      tokensOfVersion(1),
      { key, code: secretOf(seed), nonce: bytes(12, seed) },
      gatewayKeys(),
      policy,
      outside.clock.now(),
    );
    const until = epochSeconds(outside.clock.now() + 3600);
    const kept = await outside.store.grants.read(grant.id);
    await outside.store.grants.write(grant.id, grant, kept?.version, until);
  }
  return outside;
}

function exchanging(token: string): AssertionPurpose {
  return { action: 'exchange', token };
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
    const outside = await withCodes(signing());
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));

    const again = await gateway.authenticate(
      presented(outside, {}, { purpose: exchanging(code(2)) }),
    );

    assert.equal(failureIn(again).error, 'invalid_client');
    assert.match(outside.events.of('client_refused')[0]?.reason ?? '', /used before/);
  });

  it('is good again for the same request, whose answer was lost', async () => {
    const outside = await withCodes(signing());
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));

    assert.ok((await gateway.authenticate(presented(outside))).ok);
  });

  it('of one request is not good for the same token in another', async () => {
    const outside = await withCodes(signing());
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));

    const refresh = { action: 'refresh', token: code(1) } as const;
    const again = await gateway.authenticate(presented(outside, {}, { purpose: refresh }));

    assert.equal(failureIn(again).error, 'invalid_client');
  });

  const idle: readonly (readonly [string, AssertionPurpose | undefined])[] = [
    ['without a token', undefined],
    ['with something that is none', exchanging('code')],
    ['with a token of no grant', exchanging(code(3))],
    [
      'with a made-up secret of a grant',
      exchanging(spellGatewayToken({ grant: idOf(1), secret: secretOf(9) })),
    ],
    ['with another client’s token', exchanging(code(2))],
  ];

  for (const [name, purpose] of idle) {
    it(`of a request ${name} leaves nothing behind: strangers can send any number`, async () => {
      const outside = await withCodes(world({ limits: { assertions: 0 } }));
      const other = `${url}?2`;
      for (const each of [url, other]) {
        outside.sites.documents.set(each, { ...documentWith(atUrl), clientId: each });
      }
      outside.sites.keySets.set(jwksUri, [{ kty: 'RSA', kid: '1' }]);
      const issuer = purpose?.token === code(2) ? other : url;

      const proof = presented(outside, { issuer, subject: issuer }, { purpose });
      const client = await wired(outside).authenticate(proof);

      assert.equal(valueIn(client).value.id, issuer);
    });
  }

  it('is good once for all instances that share a store', async () => {
    const outside = await withCodes(signing());
    valueIn(await wired(outside).authenticate(presented(outside)));

    const elsewhere = presented(outside, {}, { purpose: exchanging(code(2)) });

    assert.ok(!(await wired(outside).authenticate(elsewhere)).ok);
  });

  it('may have the name of another client’s', async () => {
    const outside = await withCodes(signing());
    const other = `${url}?2`;
    outside.sites.documents.set(other, { ...documentWith(atUrl), clientId: other });
    const gateway = wired(outside);
    valueIn(await gateway.authenticate(presented(outside)));

    await withCodes(outside, other);
    const theirs = presented(
      outside,
      { issuer: other, subject: other },
      { purpose: exchanging(code(2)) },
    );

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
    const outside = await withCodes(world({ limits: { assertions: 1 } }));
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

  for (const [where, documents] of [
    ['where nothing is fetched for clients', undefined],
    ['where its host is not admitted', { insecure: false, domains: ['other.example'] }],
  ] as const) {
    it(`neither registers with keys at a URL nor is asked for them ${where}`, async () => {
      const outside = signing();
      const metadata = { ...documentWith(atUrl).metadata, clientName: 'Signer' };
      const { client } = valueIn(await wired(outside).register(metadata));
      const strict = wired(outside, { clients: { documents } });

      const refused = failureIn(await strict.register(metadata));
      const proof = presented(outside, { issuer: client.id, subject: client.id });
      const unproven = failureIn(await strict.authenticate(proof));

      assert.equal(refused.error, 'invalid_client_metadata');
      assert.equal(unproven.error, 'invalid_client');
      assert.deepEqual(outside.sites.asked, []);
    });
  }

  it('of the operator’s may have its keys at any URL', async () => {
    const outside = signing();
    const entry = {
      id: 'app',
      name: undefined,
      redirectUris: ['https://app.example/'],
      method: undefined,
      secretHash: undefined,
      keys: atUrl,
    };
    const configured = new Map([['app', valueIn(configuredClient(entry))]]);
    const gateway = wired(outside, { clients: { configured, documents: undefined } });

    const proof = presented(outside, { issuer: 'app', subject: 'app' });

    assert.equal(valueIn(await gateway.authenticate(proof)).value.id, 'app');
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
