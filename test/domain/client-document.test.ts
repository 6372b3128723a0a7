import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ClientMetadataDocument,
  type DocumentPolicy,
  documentClient,
  documentUrlFault,
  isDocumentUrl,
  keyUrlFault,
} from '../../src/domain/client-document.ts';
import type { KeySource } from '../../src/domain/client-keys.ts';
import type { Client, ClientMetadata } from '../../src/domain/client-registration.ts';
import { epochSeconds } from '../../src/domain/lifetime.ts';

const strict: DocumentPolicy = { insecure: false, domains: undefined };
const insecure: DocumentPolicy = { insecure: true, domains: undefined };
const url = 'https://app.example/client.json';
const now = epochSeconds(1000);

const urls: readonly (readonly [string, string, boolean])[] = [
  ['a URL with a path', url, true],
  ['a path without an ending', 'https://claude.ai/oauth/claude-code-client-metadata', true],
  ['a port', 'https://app.example:8443/client.json', true],
  ['a query', 'https://app.example/client?id=1', true],
  ['no path', 'https://app.example', false],
  ['the root alone', 'https://app.example/', false],
  ['a fragment', `${url}#top`, false],
  ['an empty fragment', `${url}#`, false],
  ['a user name', 'https://user@app.example/client.json', false],
  ['an empty user name', 'https://@app.example/client.json', false],
  ['a password', 'https://:pass@app.example/client.json', false],
  ['a dot segment', 'https://app.example/./client.json', false],
  ['a double-dot segment', 'https://app.example/a/../client.json', false],
  ['an encoded dot segment', 'https://app.example/a/%2e%2E/client.json', false],
  ['capitals in the host', 'https://App.example/client.json', false],
  ['the port that goes without saying', 'https://app.example:443/client.json', false],
  ['a backslash', 'https://app.example\\client.json', false],
  ['a blank', 'https://app.example/client json', false],
  ['an address in hexadecimal', 'https://0x7f.1/client.json', false],
  ['no host', 'https:///client.json', false],
  ['nothing behind the scheme', 'https://', false],
  ['http', 'http://app.example/client.json', false],
  ['more than 2048 characters', `https://app.example/${'a'.repeat(2048)}`, false],
];

for (const [name, id, good] of urls) {
  test(`a client id with ${name} is ${good ? 'the URL of a document' : 'refused'}`, () => {
    assert.equal(documentUrlFault(id, { ...strict, insecure: true }) === undefined, good);
  });
}

test('only https URLs are taken for the URL of a document, and http where the operator wants that', () => {
  for (const id of ['a-client', 'HTTPS://app.example/c', 'httpsx', 'ftp://app.example/c', '']) {
    assert.equal(isDocumentUrl(id, insecure), false, id);
  }
  assert.equal(isDocumentUrl(url, strict), true);
  assert.equal(isDocumentUrl('http://localhost:1/c', strict), false);
  assert.equal(isDocumentUrl('http://localhost:1/c', insecure), true);
});

for (const [host, good] of [
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.1.2.3', true],
  ['[::1]', true],
  ['10.0.0.1', false],
  ['localhost.evil.example', false],
  ['127.0.0.1.evil.example', false],
] as const) {
  test(`for tests, http://${host} is ${good ? 'admitted' : 'refused all the same'}`, () => {
    assert.equal(documentUrlFault(`http://${host}:8080/c`, insecure) === undefined, good);
  });
}

const admitted: readonly (readonly [string, readonly string[], boolean])[] = [
  ['app.example', ['app.example'], true],
  ['app.example', ['other.example', 'app.example'], true],
  ['sub.app.example', ['app.example'], false],
  ['sub.app.example', ['*.app.example'], true],
  ['app.example', ['*.app.example'], false],
  ['evilapp.example', ['*.app.example', 'app.example'], false],
  ['app.example', [], false],
];

for (const [host, domains, good] of admitted) {
  test(`${host} is ${good ? '' : 'not '}among ${domains.join(' and ') || 'no domains'}`, () => {
    const fault = documentUrlFault(`https://${host}:8443/c`, { ...strict, domains });

    if (good) assert.equal(fault, undefined);
    else assert.match(fault ?? '', /operator/);
  });
}

const metadata: ClientMetadata = {
  redirectUris: ['https://app.example/callback'],
  tokenEndpointAuthMethod: undefined,
  grantTypes: undefined,
  responseTypes: undefined,
  clientName: 'App',
  keys: undefined,
};
const document: ClientMetadataDocument = {
  clientId: url,
  metadata,
  methodsOffered: undefined,
  hasSecret: false,
};

function clientOf(
  changes: Partial<ClientMetadata>,
  others: Partial<ClientMetadataDocument> = {},
  policy = strict,
) {
  const changed = { ...document, metadata: { ...metadata, ...changes }, ...others };
  return documentClient(url, changed, now, policy);
}

function given(outcome: ReturnType<typeof clientOf>): Client {
  return outcome.ok ? outcome.value : assert.fail(outcome.failure);
}

test('a document makes a public client of its URL', () => {
  assert.deepEqual(given(clientOf({})), {
    id: url,
    name: 'App',
    origin: 'document',
    redirectUris: ['https://app.example/callback'],
    method: 'none',
    keys: undefined,
    secretHash: undefined,
    registeredAt: now,
    usedAt: undefined,
  });
});

const refusals: readonly (readonly [
  string,
  Partial<ClientMetadata>,
  Partial<ClientMetadataDocument>,
  RegExp,
])[] = [
  ['is another client’s', {}, { clientId: `${url}/` }, /client_id/],
  [
    'spells its URL in another way',
    {},
    { clientId: 'https://APP.example/client.json' },
    /client_id/,
  ],
  ['holds a secret', {}, { hasSecret: true }, /client_secret/],
  ['has no name', { clientName: ' ' }, {}, /client_name/],
  ['has no redirect URI', { redirectUris: [] }, {}, /redirect URI/],
  ['has only redirect URIs that are dangerous', { redirectUris: ['javascript:x'] }, {}, /redirect/],
  ['does not use the code flow', { grantTypes: ['client_credentials'] }, {}, /grant_types/],
  ['wants a shared secret', { tokenEndpointAuthMethod: 'client_secret_post' }, {}, /none or/],
  ['offers only shared secrets', {}, { methodsOffered: ['client_secret_basic'] }, /none or/],
  ['signs without keys', { tokenEndpointAuthMethod: 'private_key_jwt' }, {}, /jwks/],
];

for (const [name, changes, others, reason] of refusals) {
  test(`a document that ${name} is refused`, () => {
    const outcome = clientOf(changes, others);

    assert.match(outcome.ok ? '' : outcome.failure, reason);
  });
}

test('of a document’s redirect URIs those that may not be used are left out', () => {
  const good = ['http://localhost/callback', 'http://127.0.0.1/callback'];

  const client = given(clientOf({ redirectUris: ['http://plain.example/', ...good, 'data:x'] }));

  assert.deepEqual(client.redirectUris, good);
});

const keys: KeySource = { type: 'url', url: 'https://app.example/jwks.json' };
const badKeys: KeySource = { type: 'url', url: 'http://app.example/jwks.json' };
const loopbackKeys: KeySource = { type: 'url', url: 'http://127.0.0.1:8080/jwks.json' };
const jwt = 'private_key_jwt';

const ways: readonly (readonly [
  string,
  Partial<ClientMetadata>,
  readonly string[] | undefined,
  Pick<Client, 'method' | 'keys'> | undefined,
])[] = [
  [
    'prefers to sign',
    { tokenEndpointAuthMethod: jwt, keys },
    undefined,
    { method: jwt, keys: { source: keys, required: true } },
  ],
  [
    'prefers to sign and offers to do without',
    { tokenEndpointAuthMethod: jwt, keys },
    ['none', jwt],
    { method: jwt, keys: { source: keys, required: false } },
  ],
  [
    'offers to sign',
    { keys },
    [jwt, 'client_secret_post'],
    { method: jwt, keys: { source: keys, required: true } },
  ],
  [
    'prefers none and can sign',
    { tokenEndpointAuthMethod: 'none', keys },
    [jwt],
    { method: jwt, keys: { source: keys, required: false } },
  ],
  [
    'can sign but has no keys',
    { tokenEndpointAuthMethod: jwt },
    ['none'],
    { method: 'none', keys: undefined },
  ],
  [
    'can sign but has bad keys',
    { tokenEndpointAuthMethod: jwt, keys: badKeys },
    ['none'],
    { method: 'none', keys: undefined },
  ],
  [
    'has to sign with bad keys',
    { tokenEndpointAuthMethod: jwt, keys: badKeys },
    undefined,
    undefined,
  ],
  ['has keys it does not use', { keys }, undefined, { method: 'none', keys: undefined }],
];

for (const [name, changes, methodsOffered, way] of ways) {
  test(`a document’s client that ${name} ${way ? `proves itself by ${way.method}` : 'is refused'}`, () => {
    const outcome = clientOf(changes, { methodsOffered });

    assert.deepEqual(
      outcome.ok ? { method: outcome.value.method, keys: outcome.value.keys } : undefined,
      way,
    );
  });
}

test('for tests, keys may be on loopback over http', () => {
  const signing = { tokenEndpointAuthMethod: jwt, keys: loopbackKeys };

  assert.equal(clientOf(signing).ok, false);
  assert.equal(given(clientOf(signing, {}, insecure)).method, jwt);
});

const documents: DocumentPolicy = { insecure: false, domains: ['keys.example', '*.app.example'] };
const keyUrls: readonly (readonly [
  string,
  DocumentPolicy | undefined,
  string,
  RegExp | undefined,
])[] = [
  ['anywhere', { insecure: false, domains: undefined }, 'https://a.example/jwks', undefined],
  ['at an admitted host', documents, 'https://keys.example/jwks', undefined],
  ['below an admitted host', documents, 'https://x.app.example:444/jwks', undefined],
  ['at another host', documents, 'https://evil.example/jwks', /not admit keys of evil\.example/],
  ['where nothing is fetched', undefined, 'https://keys.example/jwks', /register jwks/],
  ['here', documents, 'https://gw.example/jwks', /on this gateway/],
];
for (const [where, policy, url, fault] of keyUrls) {
  test(`keys ${where} ${fault === undefined ? 'may' : 'must not'} be fetched`, () => {
    assert.match(keyUrlFault(url, policy, 'https://gw.example') ?? 'fine', fault ?? /^fine$/);
  });
}
