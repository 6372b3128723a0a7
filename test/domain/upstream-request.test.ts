import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presetFor } from '../../src/domain/upstream-presets.ts';
import {
  bindingTo,
  codeRequest,
  isBoundTo,
  isClientRefusal,
  isResourceRefusal,
  type MannerSettings,
  mannersOf,
  refreshRequest,
  upstreamAuthorizationUrl,
} from '../../src/domain/upstream-request.ts';
import type { UpstreamFailure } from '../../src/domain/upstream-tokens.ts';
import { upstream } from './sample-upstream.ts';

const settings: MannerSettings = {
  resource: 'https://a.example/mcp/',
  resourceParameter: 'auto',
  authorizeParameters: {},
  tokenParameters: {},
  revocation: 'auto',
};
const authorization = {
  redirectUri: 'http://localhost:8002/upstream/callback',
  state: 'the.state',
  challenge: 'the-challenge',
  scope: 'repo read:org',
  resource: 'https://a.example/mcp',
};
const google = presetFor(['https://accounts.google.com']);
const entra = presetFor(['https://login.microsoftonline.com/t/v2.0']);

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

for (const [revocation, at, revokes] of [
  ['auto', undefined, true],
  ['auto', google, false],
  ['on', google, true],
  ['off', undefined, false],
] as const) {
  test(`tokens are ${revokes ? '' : 'not '}revoked with ${revocation} at ${at?.name ?? 'any server'}`, () => {
    assert.equal(mannersOf({ ...settings, revocation }, upstream.server, at).revokes, revokes);
  });
}

test('what is not known is left out, the query of the endpoint stays, and nothing comes twice', () => {
  const authorizationEndpoint = 'https://as.example/authorize?tenant=1&resource=https://as.example';
  const server = { ...upstream.server, authorizationEndpoint };
  const bare = { ...authorization, scope: undefined };

  const { searchParams } = new URL(upstreamAuthorizationUrl({ ...upstream, server }, bare));

  assert.equal(searchParams.get('tenant'), '1');
  assert.equal(searchParams.has('scope'), false);
  assert.deepEqual(searchParams.getAll('resource'), ['https://a.example/mcp']);
});

test('further parameters are sent, and never in place of our own', () => {
  const manners = {
    ...upstream.manners,
    authorizeParameters: { access_type: 'offline', state: 'planted' },
    tokenParameters: { audience: 'api', grant_type: 'planted' },
  };
  const asked = { ...upstream, manners };
  const binding = bindingTo(asked, 'repo');
  const code = { code: 'c', redirectUri: 'http://localhost/', verifier: 'v' };

  const { searchParams } = new URL(upstreamAuthorizationUrl(asked, authorization));
  const exchange = codeRequest(asked, binding, code);
  const refresh = refreshRequest(asked, binding, 'r');

  assert.equal(searchParams.get('access_type'), 'offline');
  assert.equal(searchParams.get('state'), 'the.state');
  assert.deepEqual([exchange.audience, exchange.grant_type], ['api', 'authorization_code']);
  assert.deepEqual([refresh.audience, refresh.grant_type], ['api', 'refresh_token']);
});

test('a token request names the resource that the authorization request named, or none', () => {
  const binding = bindingTo(upstream, 'repo');
  const without = { ...binding, resource: undefined };
  const code = { code: 'c', redirectUri: 'http://localhost/', verifier: 'v' };

  assert.deepEqual(codeRequest(upstream, binding, code), {
    grant_type: 'authorization_code',
    code: 'c',
    redirect_uri: 'http://localhost/',
    code_verifier: 'v',
    resource: 'https://a.example/mcp',
  });
  assert.equal('resource' in codeRequest(upstream, without, code), false);
  assert.deepEqual(refreshRequest(upstream, without, 'r'), {
    grant_type: 'refresh_token',
    refresh_token: 'r',
  });
});

test('a refresh repeats the scope where the upstream wants that, and where there is one', () => {
  const manners = mannersOf(settings, upstream.server, entra);
  const asked = { ...upstream, manners };

  assert.equal(refreshRequest(asked, bindingTo(asked, 'api://x/y'), 'r').scope, 'api://x/y');
  assert.equal('scope' in refreshRequest(asked, bindingTo(asked, undefined), 'r'), false);
});

const unknownServer = { ...upstream.server, resource: undefined };
const resources: readonly (readonly [string, string | undefined, string | undefined])[] = [
  [
    'as its metadata spells it',
    mannersOf(settings, upstream.server, undefined).resource,
    'https://a.example/mcp',
  ],
  [
    'as the operator wrote the MCP server, where there is no metadata',
    mannersOf(settings, unknownServer, undefined).resource,
    'https://a.example/mcp/',
  ],
  [
    'not at all where it is known to be refused',
    mannersOf(settings, upstream.server, entra).resource,
    undefined,
  ],
  [
    'not at all where the operator says so',
    mannersOf({ ...settings, resourceParameter: 'off' }, upstream.server, undefined).resource,
    undefined,
  ],
  [
    'as the operator says, whatever is known',
    mannersOf({ ...settings, resourceParameter: 'urn:x' }, upstream.server, entra).resource,
    'urn:x',
  ],
];
for (const [what, sent, expected] of resources) {
  test(`the resource is sent ${what}`, () => {
    assert.equal(sent, expected);
  });
}

test('what is known of an upstream is a default that the operator overrides', () => {
  const asked = (authorizeParameters: Readonly<Record<string, string>>) =>
    mannersOf({ ...settings, authorizeParameters }, upstream.server, google).authorizeParameters;

  assert.deepEqual(asked({}), { access_type: 'offline', prompt: 'consent' });
  assert.deepEqual(asked({ prompt: 'select_account', hd: 'a.example' }), {
    access_type: 'offline',
    prompt: 'select_account',
    hd: 'a.example',
  });
  assert.deepEqual(asked({ prompt: '' }), { access_type: 'offline' });
});

test('tokens go only to the server, and as the client, that they were made for', () => {
  const binding = bindingTo(upstream, undefined);
  const server = { ...upstream.server, issuer: 'https://evil.example' };
  const client = { ...upstream.client, clientId: 'another' };
  const endpoint = { ...binding, server: upstream.server.tokenEndpoint };
  const respelled = { ...binding, server: `${binding.server}/` };

  assert.equal(isBoundTo(binding, upstream), true);
  assert.equal(isBoundTo(endpoint, upstream), true);
  assert.equal(isBoundTo(respelled, upstream), true);
  assert.equal(isBoundTo(binding, { ...upstream, server }), false);
  assert.equal(isBoundTo(binding, { ...upstream, client }), false);
});

const refused = (error: string, description?: string): UpstreamFailure => ({
  kind: 'refused',
  error,
  description,
});
const down: UpstreamFailure = { kind: 'unavailable', reason: 'x', retryAfter: undefined };
const refusals: readonly (readonly [UpstreamFailure, boolean, boolean])[] = [
  [refused('invalid_target'), true, false],
  [refused('invalid_request', 'AADSTS901002: no resource'), true, false],
  [refused('invalid_request', 'AADSTS9010010: mismatch'), true, false],
  [refused('invalid_request', 'AADSTS90100: else'), false, false],
  [refused('invalid_request'), false, false],
  [refused('invalid_client'), false, true],
  [down, false, false],
];
for (const [failure, resource, client] of refusals) {
  const what = resource ? 'the resource parameter' : client ? 'the client' : 'something else';
  test(`a failure is about ${what}: ${JSON.stringify(failure)}`, () => {
    assert.equal(isResourceRefusal(failure), resource);
    assert.equal(isClientRefusal(failure), client);
  });
}
