import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AuthMethodFacts,
  authMethodFor,
  authMethodOfKept,
  authMethodToRegister,
  type UpstreamAuthMethod,
} from '../../src/domain/upstream-client.ts';

const nothing: AuthMethodFacts = {
  configured: undefined,
  answered: undefined,
  preset: undefined,
  listed: undefined,
  hasSecret: false,
  hasKey: false,
};
const secret = { ...nothing, hasSecret: true };
const key = { ...nothing, hasKey: true };
const both = ['client_secret_post', 'client_secret_basic'];

const choices: readonly (readonly [string, AuthMethodFacts, string])[] = [
  ['without a secret', { ...nothing, listed: ['client_secret_basic'] }, 'none'],
  ['where nothing is listed', secret, 'client_secret_basic'],
  ['where both are listed', { ...secret, listed: both }, 'client_secret_basic'],
  [
    'where only the form is listed',
    { ...secret, listed: ['client_secret_post'] },
    'client_secret_post',
  ],
  ['where neither is listed', { ...secret, listed: ['private_key_jwt'] }, 'client_secret_basic'],
  ['where the list is empty', { ...secret, listed: [] }, 'client_secret_basic'],
  ['with a key', key, 'private_key_jwt'],
  ['with a key that is listed', { ...key, listed: ['private_key_jwt'] }, 'private_key_jwt'],
  ['with a key that is of no use', { ...key, listed: both }, 'none'],
  ['with a key and a secret', { ...key, hasSecret: true }, 'client_secret_basic'],
  [
    'as the operator says',
    { ...secret, configured: 'client_secret_post', listed: both },
    'client_secret_post',
  ],
  [
    'as the upstream answered',
    { ...secret, answered: 'client_secret_post', listed: both },
    'client_secret_post',
  ],
  [
    'as the upstream answered',
    { ...secret, answered: 'client_secret_basic' },
    'client_secret_basic',
  ],
  ['as the upstream answered', { ...key, answered: 'private_key_jwt' }, 'private_key_jwt'],
  [
    'although the upstream answered otherwise, for want of a key',
    { ...nothing, answered: 'private_key_jwt' },
    'none',
  ],
  [
    'although the upstream answered otherwise, for want of a key',
    { ...secret, answered: 'private_key_jwt', listed: ['client_secret_post'] },
    'client_secret_post',
  ],
  [
    'as is known to work, whatever the upstream answered',
    { ...secret, preset: 'client_secret_post', answered: 'client_secret_basic' },
    'client_secret_post',
  ],
  [
    'with the secret that came although none was asked for',
    { ...secret, answered: 'none' },
    'client_secret_basic',
  ],
];
for (const [what, facts, method] of choices) {
  test(`the gateway authenticates by ${method} ${what}: ${JSON.stringify(facts)}`, () => {
    assert.equal(authMethodFor(facts), method);
  });
}

const registrations: readonly (readonly [string, Partial<AuthMethodFacts>, string])[] = [
  ['where nothing is listed', {}, 'client_secret_basic'],
  ['where every method is listed', { listed: ['none', ...both] }, 'client_secret_basic'],
  ['where only the form is', { listed: ['none', 'client_secret_post'] }, 'client_secret_post'],
  ['where nothing else is listed', { listed: ['none'] }, 'none'],
  ['where nothing known is listed', { listed: ['tls_client_auth'] }, 'client_secret_basic'],
  [
    'where there is a key and it is listed',
    { hasKey: true, listed: ['none', 'private_key_jwt'] },
    'private_key_jwt',
  ],
  [
    'where there is a key and it is not listed',
    { hasKey: true, listed: both },
    'client_secret_basic',
  ],
  ['where that is known to work', { preset: 'client_secret_post' }, 'client_secret_post'],
  ['where the operator says so', { configured: 'none', listed: both }, 'none'],
];
for (const [what, facts, method] of registrations) {
  test(`the gateway registers for ${method} ${what}`, () => {
    assert.equal(authMethodToRegister({ ...nothing, ...facts }), method);
  });
}

const kept: readonly (readonly [
  string,
  { readonly method: UpstreamAuthMethod; readonly secret?: string },
  UpstreamAuthMethod | undefined,
  UpstreamAuthMethod | undefined,
])[] = [
  ['as it is', { method: 'client_secret_post', secret: 's' }, undefined, 'client_secret_post'],
  ['public, as it is', { method: 'none' }, undefined, 'none'],
  ['with its secret in another place', basic(), 'client_secret_post', 'client_secret_post'],
  ['with a secret it has not', { method: 'none' }, 'client_secret_basic', undefined],
  ['without the secret it has', basic(), 'none', undefined],
  ['as badly as it was registered', { method: 'client_secret_basic' }, undefined, basic().method],
  ['with a key it never named', basic(), 'private_key_jwt', undefined],
];

function basic() {
  return { method: 'client_secret_basic', secret: 's' } as const;
}

for (const [name, { method, secret }, configured, expected] of kept) {
  test(`a client that registered before says who it is ${name}: ${expected ?? 'not at all'}`, () => {
    const client = { clientId: 'kept', clientSecret: secret, method };

    assert.equal(authMethodOfKept(client, { configured, hasKey: true }), expected);
  });
}

test('a client that registered with a key is of no use without it', () => {
  const client = { clientId: 'kept', clientSecret: undefined, method: 'private_key_jwt' } as const;
  const facts = { configured: undefined };

  assert.equal(authMethodOfKept(client, { ...facts, hasKey: true }), 'private_key_jwt');
  assert.equal(authMethodOfKept(client, { ...facts, hasKey: false }), undefined);
});
