import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  authMethodFor,
  isIssuerOf,
  scopesOf,
  tokenRequest,
  type Upstream,
  upstreamAuthorizationUrl,
} from '../../src/domain/upstream-server.ts';

const upstream: Upstream = {
  server: {
    issuer: 'https://as.example',
    authorizationEndpoint: 'https://as.example/authorize',
    tokenEndpoint: 'https://as.example/token',
    registrationEndpoint: undefined,
    revocationEndpoint: undefined,
    authMethods: undefined,
    scopesSupported: ['openid', 'repo'],
    issuerInResponse: true,
    resource: 'https://a.example/mcp',
    resourceScopes: ['repo'],
  },
  client: { clientId: 'id&1', clientSecret: undefined, method: 'none' },
};
const authorization = {
  redirectUri: 'http://localhost:8002/upstream/callback',
  state: 'the.state',
  challenge: 'the-challenge',
  scope: 'repo read:org',
};

test('the user is sent to the upstream with everything that the request needs', () => {
  const url = new URL(upstreamAuthorizationUrl(upstream, authorization));

  assert.equal(url.origin + url.pathname, 'https://as.example/authorize');
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    response_type: 'code',
    client_id: 'id&1',
    redirect_uri: 'http://localhost:8002/upstream/callback',
    state: 'the.state',
    code_challenge: 'the-challenge',
    code_challenge_method: 'S256',
    scope: 'repo read:org',
    resource: 'https://a.example/mcp',
  });
});

test('what is not known is left out, and the query of the endpoint stays', () => {
  const authorizationEndpoint = 'https://as.example/authorize?tenant=1';
  const server = { ...upstream.server, authorizationEndpoint, resource: undefined };

  const text = upstreamAuthorizationUrl(
    { ...upstream, server },
    { ...authorization, scope: undefined },
  );

  const { searchParams } = new URL(text);
  assert.equal(searchParams.get('tenant'), '1');
  assert.equal(searchParams.get('client_id'), 'id&1');
  assert.equal(!searchParams.has('scope') && !searchParams.has('resource'), true);
});

test('a token request names the resource exactly as its metadata spells it, or none', () => {
  const server = { ...upstream.server, resource: undefined };

  assert.deepEqual(tokenRequest(upstream, { code: 'c' }), {
    code: 'c',
    resource: 'https://a.example/mcp',
  });
  assert.deepEqual(tokenRequest({ ...upstream, server }, { code: 'c' }), { code: 'c' });
});

const methods: readonly (readonly [
  string,
  string | undefined,
  readonly string[] | undefined,
  string,
])[] = [
  ['without a secret', undefined, ['client_secret_basic'], 'none'],
  ['where nothing is listed', 's', undefined, 'client_secret_basic'],
  [
    'where both are listed',
    's',
    ['client_secret_post', 'client_secret_basic'],
    'client_secret_basic',
  ],
  ['where only the form is listed', 's', ['client_secret_post'], 'client_secret_post'],
  ['where neither is listed', 's', ['private_key_jwt'], 'client_secret_basic'],
  ['where the list is empty', 's', [], 'client_secret_basic'],
];
for (const [what, secret, listed, method] of methods) {
  test(`the gateway authenticates by ${method} ${what}`, () => {
    assert.equal(authMethodFor(secret, listed), method);
  });
}

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
  });
  assert.deepEqual(scopesOf({ ...upstream.server, scopesSupported: undefined }, undefined), {
    configured: undefined,
    supported: ['repo'],
    demanded: ['repo'],
  });
});
