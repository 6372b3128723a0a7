import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseClients, readClientsFile } from '../../src/adapters/clients/clients-file.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';

const app = { client_id: 'app', redirect_uris: ['https://app.example/callback'] };
const text = (...clients: readonly unknown[]) => JSON.stringify({ clients });

function faultsOf(file: string): readonly string[] {
  const parsed = parseClients(file);
  return parsed.ok ? assert.fail('accepted') : parsed.failure;
}

test('a file names clients with a secret, with keys, and with neither', () => {
  const parsed = parseClients(
    text(
      app,
      { ...app, client_id: 'b', client_name: 'B', client_secret_hash: `sha256:${sha256('s')}` },
      { ...app, client_id: 'c', jwks: { keys: [{ kty: 'EC' }] } },
      { ...app, client_id: 'd', jwks_uri: 'https://app.example/jwks' },
      { ...app, client_id: 'https://app.example/client.json' },
    ),
  );

  assert.deepEqual(
    parsed.ok && [...parsed.value].map(([id, client]) => [id, client.method, client.origin]),
    [
      ['app', 'none', 'configured'],
      ['b', 'client_secret_basic', 'configured'],
      ['c', 'private_key_jwt', 'configured'],
      ['d', 'private_key_jwt', 'configured'],
      ['https://app.example/client.json', 'none', 'configured'],
    ],
  );
});

test('the example in docs/clients.md is a clients file', () => {
  const [, example = ''] =
    /```json\n([\s\S]*?)```/.exec(readFileSync('docs/clients.md', 'utf8')) ?? [];

  const parsed = parseClients(example);

  assert.deepEqual(parsed.ok && [...parsed.value.keys()], ['claude', 'my-cli']);
});

test('a hash may be spelled as sha256sum does', () => {
  const hex = createHash('sha256').update('s').digest('hex');

  for (const spelled of [hex, hex.toUpperCase()]) {
    const parsed = parseClients(text({ ...app, client_secret_hash: `sha256:${spelled}` }));
    assert.equal(parsed.ok && parsed.value.get('app')?.secretHash, sha256('s'));
  }
});

const faults: readonly (readonly [string, string, RegExp])[] = [
  ['no JSON', '{', /^The file is not JSON\.$/],
  ['a list', '[]', /^The file: /],
  ['no clients', '{}', /^clients: /],
  ['a member that is not known', '{"clients":[],"client":[]}', /"client"/],
  ['a client without an id', text({ ...app, client_id: undefined }), /^clients\[0\]\.client_id: /],
  ['a secret itself', text({ ...app, client_secret: 'hunter2' }), /^clients\[0\]: a secret does/],
  ['a misspelt member', text({ ...app, redirect_uri: 'x' }), /redirect_uri/],
  ['a hash of another kind', text({ ...app, client_secret_hash: 'hunter2' }), /must be sha256:/],
  [
    'a redirect URI that is refused',
    text({ ...app, redirect_uris: ['http://a/'] }),
    /^Client "app"/,
  ],
  ['a client twice', text(app, app), /^Client "app" is there twice\.$/],
];

for (const [name, file, fault] of faults) {
  test(`a file with ${name} is refused, and no secret quoted`, () => {
    const sentences = faultsOf(file);

    assert.match(sentences[0] ?? '', fault);
    assert.doesNotMatch(sentences.join(), /hunter2/);
  });
}

test('a file tells all its faults at once', () => {
  const unusable = { ...app, redirect_uris: [] };

  assert.equal(faultsOf(text(unusable, { ...unusable, client_id: 'b' })).length, 2);
});

test('a file that is not there is said to be missing', () => {
  const read = readClientsFile('/nowhere/clients.json');

  assert.deepEqual(read.ok || read.failure, [
    'The file cannot be read (ENOENT): /nowhere/clients.json.',
  ]);
});
