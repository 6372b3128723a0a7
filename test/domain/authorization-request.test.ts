import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AuthorizationParameters,
  clientRequest,
} from '../../src/domain/authorization-request.ts';
import { type Client, clientId } from '../../src/domain/client-registration.ts';
import { at, uri } from './sample-grant.ts';

const client: Client = {
  id: clientId('client-1'),
  name: 'Claude Code',
  redirectUris: [uri('http://localhost:3118/callback')],
  method: 'none',
  origin: 'registered',
  secretHash: undefined,
  keys: undefined,
  registeredAt: at(0),
  usedAt: undefined,
};
const bases = ['http://127.0.0.1:8002', 'http://localhost:8002'] as const;
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const parameters: AuthorizationParameters = {
  responseType: 'code',
  redirectUri: 'http://localhost:50000/callback',
  state: ' s+t%20a"t\u{1F600}e\n',
  scope: 'repo',
  resource: 'http://localhost:8002/mcp',
  codeChallenge: challenge,
  codeChallengeMethod: 'S256',
  prompt: undefined,
  repeated: undefined,
};

const decided = (changes: Partial<AuthorizationParameters>, by: Client | undefined = client) =>
  clientRequest(by, { ...parameters, ...changes }, bases);

test('a request that is in order goes on with what the later steps need, its state untouched', () => {
  assert.deepEqual(decided({}), {
    ok: true,
    value: {
      clientId: 'client-1',
      clientName: 'Claude Code',
      clientOrigin: 'registered',
      redirectUri: 'http://localhost:50000/callback',
      state: ' s+t%20a"t\u{1F600}e\n',
      issuer: 'http://127.0.0.1:8002',
      challenge,
      scope: 'repo',
      resource: 'http://localhost:8002/mcp',
      freshSignIn: false,
    },
  });
});

test('a client may ask for a fresh sign-in, and for a consent that is asked for anyway', () => {
  const fresh = (prompt: string) => {
    const outcome = decided({ prompt });
    return outcome.ok && outcome.value.freshSignIn;
  };

  assert.equal(fresh('login'), true);
  assert.equal(fresh('consent login'), true);
  assert.equal(fresh('consent'), false);
  assert.equal(fresh('select_account'), false);
});

for (const [prompt, error] of [
  ['none', 'interaction_required'],
  ['none login', 'invalid_request'],
] as const) {
  test(`a client that wants no screen at all (${prompt}) is told that there always is one`, () => {
    const outcome = decided({ prompt });

    assert.equal(outcome.ok, false);
    const { failure } = outcome as { failure: { error?: { error: string } } };
    assert.equal(failure.error?.error, error);
  });
}

test('a request may leave out state, scope, resource and the only redirect URI', () => {
  const outcome = decided({
    redirectUri: undefined,
    state: undefined,
    scope: undefined,
    resource: undefined,
  });

  assert.ok(outcome.ok, 'refused');
  assert.equal(outcome.value.redirectUri, 'http://localhost:3118/callback');
  assert.equal(outcome.value.state, undefined);
  assert.equal(outcome.value.scope, undefined);
  assert.equal(outcome.value.resource, 'http://127.0.0.1:8002/mcp');
});

test('an empty scope is none, an empty state is the one the client sent', () => {
  const outcome = decided({ scope: '', state: '' });

  assert.ok(outcome.ok, 'refused');
  assert.equal(outcome.value.scope, undefined);
  assert.equal(outcome.value.state, '');
});

test('the user is told that a client is not known: nothing of the request is to be trusted', () => {
  const outcome = clientRequest(undefined, parameters, bases);

  assert.deepEqual(outcome, {
    ok: false,
    failure: {
      to: 'user',
      reason: 'unknown_client',
      detail: 'The client is not registered here.',
    },
  });
});

const untrusted: readonly (readonly [string, Partial<AuthorizationParameters>, RegExp])[] = [
  ['is another one', { redirectUri: 'https://evil.example/' }, /not registered/],
  [
    'has user information for a port',
    { redirectUri: 'http://localhost:1@evil.example/callback' },
    /user/,
  ],
  [
    'is the other loopback name',
    { redirectUri: 'http://127.0.0.1:3118/callback' },
    /not registered/,
  ],
  ['came twice', { repeated: 'redirect_uri' }, /redirect_uri more than once/],
  ['belongs to one of two client ids', { repeated: 'client_id' }, /client_id more than once/],
  [
    'is another one and all else is wrong too',
    { redirectUri: 'https://evil.example/', responseType: 'token', codeChallenge: undefined },
    /not registered/,
  ],
];
for (const [what, changes, reason] of untrusted) {
  test(`the user is told, and the browser not sent anywhere, where the redirect URI ${what}`, () => {
    const outcome = decided(changes);

    assert.ok(!outcome.ok && outcome.failure.to === 'user', 'another outcome');
    assert.equal(outcome.failure.reason, 'redirect_uri');
    assert.match(outcome.failure.detail, reason);
  });
}

const faulty: readonly (readonly [string, Partial<AuthorizationParameters>, string, RegExp])[] = [
  ['came with two states', { repeated: 'state' }, 'invalid_request', /state may be sent only once/],
  ['came with two challenges', { repeated: 'code_challenge' }, 'invalid_request', /only once/],
  [
    'lacks response_type',
    { responseType: undefined },
    'invalid_request',
    /response_type is missing/,
  ],
  ['asks for a token', { responseType: 'token' }, 'unsupported_response_type', /must be code/],
  [
    'asks for a code and a token',
    { responseType: 'code token' },
    'unsupported_response_type',
    /code/,
  ],
  [
    'lacks PKCE',
    { codeChallenge: undefined, codeChallengeMethod: undefined },
    'invalid_request',
    /PKCE/,
  ],
  [
    'lacks the method, which means plain',
    { codeChallengeMethod: undefined },
    'invalid_request',
    /S256/,
  ],
  ['uses the method plain', { codeChallengeMethod: 'plain' }, 'invalid_request', /must be S256/],
  [
    'spells the method otherwise',
    { codeChallengeMethod: 's256' },
    'invalid_request',
    /must be S256/,
  ],
  ['has a short challenge', { codeChallenge: 'abc' }, 'invalid_request', /43 base64url/],
  ['has an empty challenge', { codeChallenge: '' }, 'invalid_request', /43 base64url/],
  [
    'is for another resource',
    { resource: 'https://evil.example/mcp' },
    'invalid_target',
    /resource here/,
  ],
];
for (const [what, changes, error, reason] of faulty) {
  test(`the client is told by redirect, with its state and our issuer, where a request ${what}`, () => {
    const outcome = decided(changes);

    assert.ok(!outcome.ok && outcome.failure.to === 'client', 'another outcome');
    assert.equal(outcome.failure.error.error, error);
    assert.match(outcome.failure.error.description, reason);
    assert.deepEqual(outcome.failure.address, {
      redirectUri: parameters.redirectUri,
      state: parameters.state,
      issuer: 'http://127.0.0.1:8002',
    });
  });
}

for (const name of ['state', 'scope'] as const) {
  test(`a ${name} of 4096 characters is kept, a longer one is refused`, () => {
    assert.equal(decided({ [name]: 'x'.repeat(4096) }).ok, true);
    assert.equal(decided({ [name]: 'x'.repeat(4097) }).ok, false);
  });
}
