import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noStepUp } from '../../src/domain/scope.ts';
import {
  isIssuerOf,
  scopesOf,
  serverName,
  silentResource,
} from '../../src/domain/upstream-server.ts';
import { upstream } from './sample-upstream.ts';

test('a server goes by its issuer, else by its token endpoint', () => {
  assert.equal(serverName(upstream.server), 'https://as.example');
  assert.equal(serverName({ ...upstream.server, issuer: undefined }), 'https://as.example/token');
});

const issuers: readonly (readonly [
  string,
  string | undefined,
  boolean,
  string | undefined,
  boolean,
])[] = [
  ['is the one of the metadata', 'https://as.example', true, 'https://as.example', true],
  ['is another one', 'https://as.example', true, 'https://evil.example', false],
  [
    'is another one, of a server that need not send it',
    'https://as.example',
    false,
    'https://evil.example',
    false,
  ],
  ['has a slash too many', 'https://as.example', false, 'https://as.example/', false],
  ['is empty', 'https://as.example', false, '', false],
  ['is missing, of a server that sends it', 'https://as.example', true, undefined, false],
  ['is missing, of a server that does not send it', 'https://as.example', false, undefined, true],
  ['cannot be known', undefined, false, 'https://evil.example', true],
];
for (const [what, issuer, issuerInResponse, presented, taken] of issuers) {
  test(`an answer is ${taken ? 'taken' : 'not taken'} where its issuer ${what}`, () => {
    const server = { ...upstream.server, issuer, issuerInResponse };

    assert.equal(isIssuerOf(server, presented), taken);
  });
}

test('the scopes of a server are those it lists, else those of its resource', () => {
  assert.deepEqual(scopesOf(upstream.server, 'set'), {
    configured: 'set',
    supported: ['openid', 'repo'],
    demanded: ['repo'],
    elsewhere: ['repo'],
    stepUp: noStepUp,
  });
  const stepUp = { named: ['admin'], demanded: [], granted: [] };
  const terse = { ...upstream.server, scopesSupported: undefined, challengeScopes: ['gist'] };
  assert.deepEqual(scopesOf(terse, undefined, stepUp), {
    configured: undefined,
    supported: ['repo'],
    demanded: ['gist'],
    elsewhere: ['repo', 'gist'],
    stepUp,
  });
  assert.deepEqual(scopesOf({ ...upstream.server, ...silentResource }, undefined).elsewhere, []);
});
