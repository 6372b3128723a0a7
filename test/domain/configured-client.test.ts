import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeySource } from '../../src/domain/client-keys.ts';
import { type ClientEntry, configuredClient } from '../../src/domain/configured-client.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';

const entry: ClientEntry = {
  id: 'app',
  name: ' App ',
  redirectUris: ['https://app.example/callback'],
  method: undefined,
  secretHash: undefined,
  keys: undefined,
};
const secretHash = sha256('secret');
const keys: KeySource = { type: 'inline', keys: [{ kty: 'EC' }] };

test('an entry makes a client of the operator’s', () => {
  const client = configuredClient(entry);

  assert.deepEqual(client.ok && client.value, {
    id: 'app',
    name: 'App',
    origin: 'configured',
    redirectUris: ['https://app.example/callback'],
    method: 'none',
    secretHash: undefined,
    keys: undefined,
    registeredAt: 0,
    usedAt: undefined,
  });
});

const implied: readonly (readonly [Partial<ClientEntry>, string])[] = [
  [{}, 'none'],
  [{ secretHash }, 'client_secret_basic'],
  [{ secretHash, method: 'client_secret_post' }, 'client_secret_post'],
  [{ keys }, 'private_key_jwt'],
];

for (const [changes, method] of implied) {
  test(`an entry with ${Object.keys(changes).join(' and ') || 'nothing'} is of a client with ${method}`, () => {
    const client = configuredClient({ ...entry, ...changes });

    assert.equal(client.ok && client.value.method, method);
    assert.equal(client.ok && client.value.keys?.required, changes.keys && true);
  });
}

const faults: readonly (readonly [string, Partial<ClientEntry>, RegExp])[] = [
  ['no id', { id: '' }, /client_id/],
  ['an id with a line break', { id: 'a\nb' }, /client_id/],
  ['no redirect URI', { redirectUris: [] }, /redirect_uris/],
  ['a dangerous redirect URI', { redirectUris: ['javascript:x'] }, /javascript/],
  ['a method that needs a secret, and none', { method: 'client_secret_basic' }, /needs client_s/],
  ['a secret that nothing needs', { method: 'none', secretHash }, /of no use/],
  ['a method that needs keys, and none', { method: 'private_key_jwt' }, /needs jwks/],
  ['keys that nothing needs', { method: 'none', keys }, /of no use/],
  ['keys beside a secret', { secretHash, keys }, /of no use/],
  ['an empty key set', { keys: { type: 'inline', keys: [] } }, /no public key/],
  ['keys at a URL without TLS', { keys: { type: 'url', url: 'http://a.example/' } }, /https/],
];

for (const [name, changes, fault] of faults) {
  test(`an entry with ${name} is refused`, () => {
    const client = configuredClient({ ...entry, ...changes });

    assert.match(client.ok ? '' : client.failure, fault);
  });
}
