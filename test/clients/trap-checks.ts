import assert from 'node:assert/strict';
import {
  authorizationUrl,
  exchangeForm,
  postToken,
  type Registered,
  send,
  tokensOf,
} from '../gateway/raw-client.ts';
import { Browser } from '../support/real/browser-driver.ts';
import type { ClientShape, traps } from './client-shapes.ts';
import type { ClientStage } from './client-stage.ts';
import { authorized, registered } from './emulated-client.ts';

type Check = (stage: ClientStage, shape: ClientShape, client: Registered) => Promise<void>;

/** One check for everything that a client has been seen to stumble over. */
export const trapChecks: Readonly<Record<keyof typeof traps, Check>> = {
  resource_exact: async ({ base }) => {
    for (const [form, typed] of [
      ['', '/mcp'],
      ['/mcp', '/mcp'],
      ['/mcp/', '/mcp/'],
    ]) {
      const document = await send(`${base}/.well-known/oauth-protected-resource${form}`);
      assert.equal(document.json().resource, `${base}${typed}`);
    }
  },
  none_listed: async ({ base }) => {
    const metadata = await send(`${base}/.well-known/oauth-authorization-server`);
    const { token_endpoint_auth_methods_supported: methods } = metadata.json();
    assert.ok(Array.isArray(methods) && methods.includes('none'));
  },
  no_nulls: async ({ base }, shape) => {
    const answers = [
      await send(`${base}/.well-known/oauth-protected-resource/mcp`),
      await send(`${base}/.well-known/oauth-authorization-server`),
      await send(`${base}/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...shape.metadata, client_uri: null, scope: '' }),
      }),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 201],
    );
    for (const { text } of answers) assert.doesNotMatch(text, /:null|:""/);
  },
  unknown_client: async ({ base }) => {
    const pruned = { client_id: 'a-client-that-was-forgotten' };
    const answer = await postToken(base, exchangeForm('code', pruned));
    assert.equal(answer.status, 401);
    assert.equal(answer.json().error, 'invalid_client');
  },
  small_header: async (stage, shape, client) => {
    const { access_token } = await freshTokens(stage, shape, client);
    assert.ok(`Authorization: Bearer ${access_token}`.length < 8192);
  },
  long_life: async (stage, shape, client) => {
    assert.ok((await freshTokens(stage, shape, client)).expires_in > 300);
  },
  no_openid: async ({ base }) => {
    for (const path of [
      '/.well-known/openid-configuration',
      '/.well-known/openid-configuration/mcp',
    ]) {
      assert.equal((await send(`${base}${path}`)).status, 404);
    }
  },
  unknown_scope: async (stage, shape, client) => {
    const odd = { ...shape, scope: 'openid no-such-scope' };
    assert.notEqual(await authorized(stage, odd, client, shape.redirectUri), '');
  },
  every_uri: async (stage, shape, client) => {
    for (const uri of shape.metadata.redirect_uris) {
      assert.notEqual(await authorized(stage, shape, client, uri), '', uri);
    }
  },
  no_other_host: async ({ base }, shape, client) => {
    const other = new URL(shape.redirectUri);
    other.hostname = other.hostname === 'localhost' ? '[::1]' : 'localhost';
    const refused = await send(authorizationUrl(base, client, { redirect_uri: other.href }));
    assert.equal(refused.status, 400);
    assert.equal(refused.headers.location, undefined);
  },
  lost_cookie: async (stage, shape, client) => {
    const page = await new Browser(shape.redirectUri).visit(
      authorizationUrl(stage.base, client, { redirect_uri: shape.redirectUri }),
    );
    const [form] = page.forms;
    assert.ok(form);
    const fields = Object.fromEntries(form.fields.map(({ name, value }) => [name, value]));
    const sent = await send(`${stage.base}/login/callback`, {
      method: 'POST',
      headers: { accept: 'text/html' },
      body: { ...fields, decision: 'allow' },
    });
    assert.equal(sent.status, 403);
    assert.match(sent.text, /open your usual browser/);
  },
  cross_origin: async ({ base }) => {
    for (const path of ['/mcp', '/token', '/register', '/.well-known/oauth-authorization-server']) {
      const preflight = await send(`${base}${path}`, {
        method: 'OPTIONS',
        headers: {
          origin: 'http://localhost:6274',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,mcp-protocol-version',
        },
      });
      assert.equal(preflight.status, 204, path);
      assert.ok(preflight.headers['access-control-allow-origin'], path);
    }
    const origin = 'http://localhost:6274';
    const unauthorized = await send(`${base}/mcp`, { method: 'POST', headers: { origin } });
    assert.equal(unauthorized.status, 401);
    assert.equal(unauthorized.headers['access-control-allow-origin'], origin);
    assert.match(
      String(unauthorized.headers['access-control-expose-headers']),
      /\bWWW-Authenticate\b/,
    );
  },
};

/** Runs every check that concerns a client. */
export async function checkTraps(stage: ClientStage, shape: ClientShape): Promise<void> {
  if (shape.traps.length === 0) return;
  const client = await registered(stage, shape);
  for (const trap of shape.traps) await trapChecks[trap](stage, shape, client);
}

/** Tokens of a public client of this shape. */
async function freshTokens(stage: ClientStage, shape: ClientShape, client: Registered) {
  const code = await authorized(stage, shape, client, shape.redirectUri);
  const form = { ...exchangeForm(code, client), redirect_uri: shape.redirectUri };
  return tokensOf(await postToken(stage.base, form));
}
