import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { approveOidcProvider, Browser } from '../support/real/browser-driver.ts';
import {
  type OidcProviderOptions,
  type OidcProviderUpstream,
  startOidcProvider,
} from '../support/real/oidc-provider-upstream.ts';

const redirectUri = 'http://127.0.0.1:33418/callback';
const resource = 'http://127.0.0.1:1/mcp';

const jsonObject = z.record(z.string(), z.unknown());

interface TokenAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function start(
  t: TestContext,
  options: OidcProviderOptions = {},
): Promise<OidcProviderUpstream> {
  const as = await startOidcProvider({
    clients: [
      {
        client_id: 'gateway',
        client_secret: 'a secret of the gateway',
        redirect_uris: [redirectUri],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    ...options,
  });
  t.after(as.close);
  return as;
}

/** Walks through the login; the answer is what the redirect URI was called with. */
async function authorize(
  as: OidcProviderUpstream,
  parameters: Readonly<Record<string, string>>,
): Promise<URLSearchParams> {
  const browser = new Browser(redirectUri);
  const url = new URL(as.endpoints.authorization);
  url.search = new URLSearchParams({
    client_id: 'gateway',
    response_type: 'code',
    redirect_uri: redirectUri,
    ...parameters,
  }).toString();
  const page = await approveOidcProvider(browser, await browser.visit(url));
  assert.ok(page.callback, `${page.status} ${page.body}`);
  return page.callback;
}

async function requestToken(
  as: OidcProviderUpstream,
  form: Readonly<Record<string, string>>,
): Promise<TokenAnswer> {
  const body = new URLSearchParams({
    client_id: 'gateway',
    client_secret: 'a secret of the gateway',
    ...form,
  });
  const answer = await fetch(as.endpoints.token, { method: 'POST', body });
  return { status: answer.status, body: jsonObject.parse(await answer.json()) };
}

async function logIn(
  as: OidcProviderUpstream,
  parameters: Readonly<Record<string, string>> = {},
  tokenParameters: Readonly<Record<string, string>> = {},
): Promise<TokenAnswer> {
  const verifier = randomBytes(32).toString('base64url');
  const callback = await authorize(as, {
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  });
  return requestToken(as, {
    grant_type: 'authorization_code',
    code: callback.get('code') ?? '',
    code_verifier: verifier,
    redirect_uri: redirectUri,
    ...tokenParameters,
  });
}

function refresh(as: OidcProviderUpstream, token: unknown): Promise<TokenAnswer> {
  return requestToken(as, { grant_type: 'refresh_token', refresh_token: String(token) });
}

test('oidc-provider publishes one document under both well-known names', async (t) => {
  const as = await start(t);

  const [oauth, openid] = await Promise.all(
    ['oauth-authorization-server', 'openid-configuration'].map(async (name) => {
      const answer = await fetch(`${as.issuer}/.well-known/${name}`);
      return jsonObject.parse(await answer.json());
    }),
  );

  assert.deepEqual(oauth, openid);
  assert.ok(oauth);
  assert.equal(oauth.issuer, as.issuer);
  assert.deepEqual(oauth.code_challenge_methods_supported, ['S256']);
  assert.equal(oauth.authorization_response_iss_parameter_supported, true);
  assert.deepEqual(
    [
      oauth.authorization_endpoint,
      oauth.token_endpoint,
      oauth.registration_endpoint,
      oauth.revocation_endpoint,
      oauth.introspection_endpoint,
    ],
    Object.values(as.endpoints),
  );
});

test('oidc-provider sends every client without PKCE back with an error', async (t) => {
  const as = await start(t);

  const callback = await authorize(as, { state: 'a state' });

  assert.equal(callback.get('error'), 'invalid_request');
  assert.match(callback.get('error_description') ?? '', /PKCE/);
  assert.equal(callback.get('state'), 'a state');
  assert.equal(callback.get('iss'), as.issuer);
});

test('oidc-provider rotates refresh tokens and ends the grant of one that comes twice', async (t) => {
  const as = await start(t);
  const first = await logIn(as);

  const second = await refresh(as, first.body.refresh_token);
  const replay = await refresh(as, first.body.refresh_token);
  const third = await refresh(as, second.body.refresh_token);

  assert.equal(second.status, 200);
  assert.notEqual(second.body.refresh_token, first.body.refresh_token);
  assert.deepEqual([replay.status, replay.body.error], [400, 'invalid_grant']);
  assert.deepEqual([third.status, third.body.error], [400, 'invalid_grant']);
  assert.equal(await as.verifyAccessToken(String(second.body.access_token)), false);
  assert.deepEqual(
    as.tokenRequests.map((request) => [request.grantType, request.status, request.error]),
    [
      ['authorization_code', 200, undefined],
      ['refresh_token', 200, undefined],
      ['refresh_token', 400, 'invalid_grant'],
      ['refresh_token', 400, 'invalid_grant'],
    ],
  );
});

for (const accessTokenFormat of ['opaque', 'jwt'] as const) {
  test(`oidc-provider makes ${accessTokenFormat} tokens for the resource that was asked for`, async (t) => {
    const as = await start(t, { accessTokenFormat });

    const { body } = await logIn(as, { resource, scope: 'mcp' });
    const token = String(body.access_token);

    assert.equal(token.split('.').length, accessTokenFormat === 'jwt' ? 3 : 1);
    assert.equal(body.scope, 'mcp');
    assert.deepEqual(await as.verifyAccessToken(token, resource), {
      sub: 'alice',
      client_id: 'gateway',
      scope: 'mcp',
      aud: resource,
    });
    assert.equal(await as.verifyAccessToken(token, 'http://127.0.0.1:1/other'), false);
    assert.equal(await as.verifyAccessToken(`${token}x`), false);
    await as.expireAccessTokens();
    assert.equal(await as.verifyAccessToken(token), false);
    // The resource of the grant is kept, although no refresh names it.
    const renewed = await refresh(as, body.refresh_token);
    assert.notEqual(await as.verifyAccessToken(String(renewed.body.access_token), resource), false);
  });
}

test('oidc-provider makes a token for nothing in particular when no resource is asked for', async (t) => {
  const as = await start(t, { accessTokenFormat: 'jwt' });

  const { body } = await logIn(as, { scope: 'mcp' });
  const token = String(body.access_token);

  assert.deepEqual(await as.verifyAccessToken(token), {
    sub: 'alice',
    client_id: 'gateway',
    scope: 'mcp',
    aud: undefined,
  });
  assert.equal(await as.verifyAccessToken(token, resource), false);
});

test('oidc-provider falls back to its default resource when told so', async (t) => {
  const as = await start(t, { defaultResource: () => resource });

  const { body } = await logIn(as);

  assert.notEqual(await as.verifyAccessToken(String(body.access_token), resource), false);
});

test('oidc-provider takes a resource only in the second step when it was granted in the first', async (t) => {
  const as = await start(t);

  const { status, body } = await logIn(as, {}, { resource });

  assert.deepEqual([status, body.error], [400, 'invalid_target']);
});

test('oidc-provider can refuse a resource, and can ignore the parameter', async (t) => {
  const strict = await start(t, { resources: (asked) => asked !== resource });
  const ignorant = await start(t, { resources: 'ignored' });

  const refused = await authorize(strict, {
    resource,
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256',
  });
  const ignored = await logIn(ignorant, { resource }, { resource });

  assert.equal(refused.get('error'), 'invalid_target');
  assert.equal(ignored.status, 200);
  assert.notEqual(await ignorant.verifyAccessToken(String(ignored.body.access_token)), false);
});

test('oidc-provider grants its default scope to a client that names none, or nothing at all', async (t) => {
  const kind = await start(t);
  const strict = await start(t, { defaultScope: '' });

  const granted = await logIn(kind);
  const denied = await authorize(strict, {
    code_challenge: 'a'.repeat(43),
    code_challenge_method: 'S256',
  });

  assert.equal(granted.body.scope, 'mcp');
  assert.equal(kind.authorizationRequests[0]?.get('scope'), null);
  assert.equal(denied.get('error'), 'access_denied');
});

test('oidc-provider ends a grant when its user takes it back', async (t) => {
  const as = await start(t);
  const { body } = await logIn(as);
  assert.notEqual(await as.verifyAccessToken(String(body.access_token)), false);

  await as.revokeGrants();
  const refused = await refresh(as, body.refresh_token);

  assert.equal(await as.verifyAccessToken(String(body.access_token)), false);
  assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant']);
});

test('oidc-provider revokes and introspects over HTTP', async (t) => {
  const as = await start(t);
  const { body } = await logIn(as);
  const about = async (endpoint: string): Promise<Response> =>
    fetch(endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: 'gateway',
        client_secret: 'a secret of the gateway',
        token: String(body.refresh_token),
      }),
    });

  const before = jsonObject.parse(await (await about(as.endpoints.introspection)).json());
  const revocation = await about(as.endpoints.revocation);
  const after = jsonObject.parse(await (await about(as.endpoints.introspection)).json());

  assert.equal(before.active, true);
  assert.equal(revocation.status, 200);
  assert.equal(after.active, false);
  assert.equal(await as.verifyAccessToken(String(body.access_token)), false);
});

test('oidc-provider announces the lifetime that it was given', async (t) => {
  let ttl = 100;
  const as = await start(t, { accessTokenTtl: () => ttl });

  const first = await logIn(as, { resource });
  ttl = 200;
  const second = await refresh(as, first.body.refresh_token);

  assert.deepEqual([first.body.expires_in, second.body.expires_in], [100, 200]);
});

test('oidc-provider holds an answer back as long as it is told to', async (t) => {
  let isHolding = false;
  let arrive = (): void => {};
  let release = (): void => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const beforeTokenRequest = (): Promise<void> | undefined => {
    if (!isHolding) return undefined;
    arrive();
    return released;
  };
  const as = await start(t, { beforeTokenRequest });
  const { body } = await logIn(as);

  isHolding = true;
  const pending = refresh(as, body.refresh_token);
  await arrived;
  const countBefore = as.countTokenRequests('refresh_token');
  release();
  const renewed = await pending;

  assert.equal(countBefore, 0);
  assert.equal(renewed.status, 200);
  assert.equal(as.countTokenRequests('refresh_token'), 1);
});

test('oidc-provider comes back from an outage as it was', async (t) => {
  const as = await start(t);
  const { body } = await logIn(as);

  await as.close();
  await assert.rejects(refresh(as, body.refresh_token), /fetch failed/);
  await as.reopen();
  const renewed = await refresh(as, body.refresh_token);

  assert.equal(renewed.status, 200);
});
