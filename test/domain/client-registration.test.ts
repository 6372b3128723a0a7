import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeySource } from '../../src/domain/client-keys.ts';
import {
  type Client,
  type ClientMetadata,
  clientId,
  provenRedirectUri,
  provesClient,
  registerClient,
} from '../../src/domain/client-registration.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import { at, uri } from './sample-grant.ts';

const issued = { id: clientId('client-1'), secret: 'the-secret', now: at(0) };
const metadata: ClientMetadata = {
  redirectUris: ['http://localhost:3118/callback'],
  tokenEndpointAuthMethod: undefined,
  grantTypes: undefined,
  responseTypes: undefined,
  clientName: undefined,
  keys: undefined,
};

function registered(changes: Partial<ClientMetadata>): Client {
  const outcome = registerClient({ ...metadata, ...changes }, issued);
  return outcome.ok ? outcome.value : assert.fail(outcome.failure.description);
}

test('a client that says nothing of itself gets a secret for Basic (RFC 7591 §2), kept as a hash', () => {
  assert.deepEqual(registered({}), {
    id: 'client-1',
    name: undefined,
    origin: 'registered',
    redirectUris: ['http://localhost:3118/callback'],
    method: 'client_secret_basic',
    secretHash: sha256('the-secret'),
    keys: undefined,
    registeredAt: at(0),
    usedAt: undefined,
  });
});

test('a public client has no secret', () => {
  const client = registered({ tokenEndpointAuthMethod: 'none' });

  assert.equal(client.method, 'none');
  assert.equal(client.secretHash, undefined);
});

test('a client may send its secret in the form', () => {
  const client = registered({ tokenEndpointAuthMethod: 'client_secret_post' });

  assert.equal(client.method, 'client_secret_post');
  assert.equal(client.secretHash, sha256('the-secret'));
});

function keysAt(url: string): KeySource {
  return { type: 'url', url };
}

test('a client that signs has keys and no secret', () => {
  const keys = keysAt('https://a.example/jwks.json');

  const client = registered({ tokenEndpointAuthMethod: 'private_key_jwt', keys });

  assert.deepEqual(client.keys, { source: keys, required: true });
  assert.equal(client.secretHash, undefined);
  assert.equal(provesClient(client, { id: client.id, secret: undefined }), false);
});

test('keys of a client that does not sign are not kept', () => {
  const keys = keysAt('https://a.example/jwks.json');

  assert.equal(registered({ tokenEndpointAuthMethod: 'none', keys }).keys, undefined);
});

const names: readonly (readonly [string, string | undefined, string | undefined])[] = [
  ['as it is', 'Claude Code', 'Claude Code'],
  ['without the blanks around it', '  Claude  ', 'Claude'],
  ['cut at 200 characters', 'x'.repeat(300), 'x'.repeat(200)],
  ['as none, where it is empty', '', undefined],
  ['as none, where it is blank', ' \t ', undefined],
];
for (const [what, clientName, name] of names) {
  test(`a client's name is taken ${what}`, () => {
    assert.equal(registered({ clientName }).name, name);
  });
}

const harmless: readonly (readonly [string, Partial<ClientMetadata>])[] = [
  ['no types', { grantTypes: [], responseTypes: [] }],
  [
    'the usual types',
    { grantTypes: ['authorization_code', 'refresh_token'], responseTypes: ['code'] },
  ],
  [
    'more types than there are',
    { grantTypes: ['implicit', 'authorization_code'], responseTypes: ['token', 'code'] },
  ],
  [
    '32 redirect URIs',
    { redirectUris: Array.from({ length: 32 }, (_, n) => `https://a.example/${n}`) },
  ],
];
for (const [what, changes] of harmless) {
  test(`a registration is taken: ${what}`, () => {
    registered(changes);
  });
}

const refused: readonly (readonly [string, Partial<ClientMetadata>, string, RegExp])[] = [
  [
    'redirect URIs of more than 8192 characters altogether',
    {
      redirectUris: Array.from(
        { length: 5 },
        (_, n) => `https://a.example/${n}${'x'.repeat(1900)}`,
      ),
    },
    'invalid_redirect_uri',
    /8192/,
  ],
  ['no redirect URI', { redirectUris: [] }, 'invalid_redirect_uri', /at least one/],
  [
    '33 redirect URIs',
    { redirectUris: Array.from({ length: 33 }, (_, n) => `https://a.example/${n}`) },
    'invalid_redirect_uri',
    /at most 32/,
  ],
  [
    'one unsafe redirect URI among safe ones',
    { redirectUris: ['https://a.example/', 'javascript:alert(1)'] },
    'invalid_redirect_uri',
    /javascript/,
  ],
  [
    'a method of authentication that is not known',
    { tokenEndpointAuthMethod: 'client_secret_jwt' },
    'invalid_client_metadata',
    /token_endpoint_auth_method must be/,
  ],
  [
    'signed assertions without keys',
    { tokenEndpointAuthMethod: 'private_key_jwt' },
    'invalid_client_metadata',
    /needs jwks/,
  ],
  [
    'signed assertions with keys at a URL without TLS',
    { tokenEndpointAuthMethod: 'private_key_jwt', keys: keysAt('http://127.0.0.1/jwks') },
    'invalid_client_metadata',
    /jwks_uri/,
  ],
  [
    'signed assertions with keys at a URL that holds a password',
    { tokenEndpointAuthMethod: 'private_key_jwt', keys: keysAt('https://u:p@a.example/jwks') },
    'invalid_client_metadata',
    /jwks_uri/,
  ],
  [
    'signed assertions with keys at no URL',
    { tokenEndpointAuthMethod: 'private_key_jwt', keys: keysAt('jwks') },
    'invalid_client_metadata',
    /jwks_uri/,
  ],
  [
    'only grant types that are not known',
    { grantTypes: ['client_credentials'] },
    'invalid_client_metadata',
    /grant_types must include authorization_code/,
  ],
  [
    'refresh tokens without a way to the first one',
    { grantTypes: ['refresh_token'] },
    'invalid_client_metadata',
    /grant_types must include authorization_code/,
  ],
  [
    'only response types that are not known',
    { responseTypes: ['token'] },
    'invalid_client_metadata',
    /response_types must include code/,
  ],
];
for (const [what, changes, error, reason] of refused) {
  test(`a registration is refused: ${what}`, () => {
    const outcome = registerClient({ ...metadata, ...changes }, issued);

    assert.ok(!outcome.ok, 'accepted');
    assert.equal(outcome.failure.error, error);
    assert.match(outcome.failure.description, reason);
  });
}

const two = registered({ redirectUris: ['http://localhost/cb', 'https://a.example/cb'] });

const proven: readonly (readonly [string, Client, string | undefined, string])[] = [
  ['the registered one', two, 'https://a.example/cb', 'https://a.example/cb'],
  [
    'loopback with the port of the day',
    two,
    'http://localhost:53211/cb',
    'http://localhost:53211/cb',
  ],
  ['none, where there is only one', registered({}), undefined, 'http://localhost:3118/callback'],
];
for (const [what, client, presented, value] of proven) {
  test(`a redirect URI is proven: ${what}`, () => {
    assert.deepEqual(provenRedirectUri(client, presented), { ok: true, value });
  });
}

const unproven: readonly (readonly [string, Client, string | undefined, RegExp])[] = [
  ['none, where there are two', two, undefined, /did not say/],
  ['none, of a client without any', { ...two, redirectUris: [] }, undefined, /did not say/],
  ['another one', two, 'https://a.example/other', /not registered/],
  ['a host that continues', two, 'https://a.example/cb.evil.example', /not registered/],
  ['the other loopback name', two, 'http://127.0.0.1/cb', /not registered/],
  [
    'user information dressed as a port',
    two,
    'http://localhost:1@evil.example/cb',
    /user information/,
  ],
  ['an empty one', two, '', /characters/],
  ['an unsafe one', two, 'javascript:alert(1)', /javascript/],
];
for (const [what, client, presented, reason] of unproven) {
  test(`a redirect URI is not proven: ${what}`, () => {
    const outcome = provenRedirectUri(client, presented);

    assert.ok(!outcome.ok, 'accepted');
    assert.match(outcome.failure, reason);
  });
}

test('an unsafe redirect URI is not proven even where it is in the record', () => {
  const client = { ...two, redirectUris: [...two.redirectUris, 'javascript:alert(1)' as never] };

  assert.equal(provenRedirectUri(client, 'javascript:alert(1)').ok, false);
});

test('the presented redirect URI is the one that goes on, not the registered one', () => {
  const client = { ...two, redirectUris: [uri('http://localhost:1/cb')] };

  assert.deepEqual(provenRedirectUri(client, 'http://localhost:2/cb'), {
    ok: true,
    value: 'http://localhost:2/cb',
  });
});

const publicClient = registered({ tokenEndpointAuthMethod: 'none' });
const confidential = registered({});
const credentials: readonly (readonly [string, Client, string | undefined, boolean])[] = [
  ['a public client without a secret', publicClient, undefined, true],
  ['a public client with an empty secret', publicClient, '', true],
  ['a public client with a secret that it never got', publicClient, 'x', false],
  ['a confidential client with its secret', confidential, 'the-secret', true],
  ['a confidential client with another secret', confidential, 'The-secret', false],
  ['a confidential client with an empty secret', confidential, '', false],
  ['a confidential client without a secret', confidential, undefined, false],
  ['a confidential client with the hash of its secret', confidential, sha256('the-secret'), false],
];
for (const [what, client, secret, proves] of credentials) {
  test(`${what} ${proves ? 'proves' : 'does not prove'} who it is`, () => {
    assert.equal(provesClient(client, { id: client.id, secret }), proves);
  });
}
