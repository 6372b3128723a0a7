import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { GatewayOptions } from '../../src/main.ts';
import { startStage } from './fake-stage.ts';
import { type Answer, logIn, postToken, refreshForm, register, send } from './raw-client.ts';

// Characters that half of all libraries encode in a Basic header, and half do not (RFC 6749 §2.3.1).
const caller = { introspectionClientId: 'rs:1', introspectionClientSecret: 'a secret +%' };

interface Asked {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, string>> | string;
}

async function asking(t: TestContext, options: Partial<GatewayOptions> = {}) {
  const stage = await startStage(t, { ...caller, ...options });
  const { client, tokens } = await logIn(stage.base);
  const post = (asked: Asked) => send(`${stage.base}/introspect`, { method: 'POST', ...asked });
  const ask = async (token: string) => post({ headers: basic(), body: { token } });
  return { ...stage, client, tokens, post, ask };
}

function basic(id = 'rs%3A1', secret = 'a+secret+%2B%25') {
  const credentials = Buffer.from(`${id}:${secret}`).toString('base64');
  return { authorization: `Basic ${credentials}` };
}

function secondsFromNow(answer: Answer, member: 'iat' | 'exp'): number {
  return Math.round(Number(answer.json()[member]) - Date.now() / 1000);
}

test('introspection is off unless its caller is configured', async (t) => {
  const { base } = await startStage(t);

  assert.equal((await send(`${base}/introspect`, { method: 'POST' })).status, 404);
  const metadata = await send(`${base}/.well-known/oauth-authorization-server`);
  assert.equal('introspection_endpoint' in metadata.json(), false);
});

test('its caller learns what a live access token is', async (t) => {
  const { base, client, tokens, ask } = await asking(t);

  const answer = await ask(tokens.access_token);

  const { iat, exp, ...said } = answer.json();
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.deepEqual(said, {
    active: true,
    scope: 'read write',
    client_id: client.client_id,
    username: 'gateway_user',
    sub: 'gateway_user',
    token_type: 'Bearer',
    token_use: 'access_token',
    aud: `${base}/mcp`,
    iss: base,
  });
  assert.equal(Number(exp) - Number(iat), 3600);
  assert.ok(Math.abs(secondsFromNow(answer, 'iat')) < 30);
  const metadata = await send(`${base}/.well-known/oauth-authorization-server`);
  assert.equal(metadata.json().introspection_endpoint, `${base}/introspect`);
});

test('a refresh token cannot be taken for an access token', async (t) => {
  const { tokens, ask } = await asking(t);

  const said = (await ask(tokens.refresh_token)).json();

  assert.equal(said.active, true);
  assert.equal(said.token_use, 'refresh_token');
  assert.equal('token_type' in said, false);
});

test('of a token that is not good nothing is said but that', async (t) => {
  const { base, client, clock, tokens, ask } = await asking(t);
  const second = await logIn(base);
  const notActive = async (token: string, why: string) =>
    assert.deepEqual((await ask(token)).json(), { active: false }, why);

  await notActive('x', 'made up');
  await notActive(`${tokens.access_token}=`, 'misspelled');
  clock.advance(3700);
  await notActive(tokens.access_token, 'expired');
  await postToken(base, refreshForm(second.tokens.refresh_token, second.client));
  const form = { token: tokens.refresh_token, client_id: client.client_id };
  await send(`${base}/revoke`, { method: 'POST', body: form });
  await notActive(tokens.refresh_token, 'revoked');
});

test('nobody else learns anything, least of all whether the token is good', async (t) => {
  const { base, client, tokens, post } = await asking(t);
  const secretClient = await register(base, { token_endpoint_auth_method: 'client_secret_post' });
  const token = tokens.access_token;

  const refused = [
    await post({ body: { token } }),
    await post({ headers: basic('rs%3A1', 'guess'), body: { token } }),
    await post({ headers: basic('rs%3A1', ''), body: { token } }),
    await post({ headers: basic('another'), body: { token } }),
    await post({ headers: { authorization: `Bearer ${token}` }, body: { token } }),
    await post({ body: { token, client_id: client.client_id } }),
    await post({ body: { token, ...secretClient } as Record<string, string> }),
    await post({ headers: basic('rs%3A1', 'guess'), body: {} }),
  ];

  for (const answer of refused) {
    assert.equal(answer.status, 401);
    assert.equal(answer.json().error, 'invalid_client');
    assert.match(answer.headers['www-authenticate'] ?? '', /^Basic /);
    assert.equal(answer.text, refused[0]?.text);
  }
});

test('its caller may send its secret in the form, and both parts of a header as they are', async (t) => {
  const { tokens, post } = await asking(t, { introspectionClientId: 'rs' });
  const token = tokens.access_token;
  const secret = caller.introspectionClientSecret;

  const byForm = await post({ body: { token, client_id: 'rs', client_secret: secret } });
  const byHeader = await post({ headers: basic('rs', secret), body: { token } });

  assert.equal(byForm.json().active, true);
  assert.equal(byHeader.json().active, true);
});

test('a request without a token, or with two, is not in order', async (t) => {
  const { tokens, post } = await asking(t);
  const form = { ...basic(), 'content-type': 'application/x-www-form-urlencoded' };
  const { access_token: token } = tokens;

  for (const body of ['', 'token=', `token=x&token=${token}`]) {
    const answer = await post({ headers: form, body });

    assert.equal(answer.status, 400, body);
    assert.equal(answer.json().error, 'invalid_request');
  }
  const json = { ...basic(), 'content-type': 'application/json' };
  assert.equal((await post({ headers: json, body: JSON.stringify({ token }) })).status, 400);
});

test('the only method is POST: a token does not belong into a URL', async (t) => {
  const { base, tokens } = await asking(t);

  const answer = await send(`${base}/introspect?token=${tokens.access_token}`, {
    headers: basic(),
  });

  assert.equal(answer.status, 405);
});
