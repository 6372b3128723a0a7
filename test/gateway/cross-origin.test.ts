import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStage } from './fake-stage.ts';
import { logIn, send } from './raw-client.ts';

const inspector = 'http://localhost:6274';
const foreign = 'https://evil.example';
const paths = [
  '/mcp',
  '/token',
  '/register',
  '/revoke',
  '/.well-known/oauth-protected-resource/mcp',
  '/.well-known/oauth-authorization-server',
];

test('a preflight is answered on every path, before authentication, with what clients send', async (t) => {
  const { base } = await startStage(t);

  for (const path of paths) {
    const answer = await send(`${base}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: inspector,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'Authorization, Mcp-Param-Region',
      },
    });

    assert.equal(answer.status, 204, path);
    const isPublic = path.startsWith('/.well-known/');
    assert.equal(answer.headers['access-control-allow-origin'], isPublic ? '*' : inspector);
    assert.match(answer.headers['access-control-allow-headers'] ?? '', /authorization/);
    assert.match(answer.headers['access-control-allow-headers'] ?? '', /mcp-param-region/);
    assert.match(answer.headers['access-control-allow-methods'] ?? '', /DELETE/);
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    assert.equal(answer.headers.vary, isPublic ? undefined : 'Origin');
  }
});

test('a preflight of a foreign origin is allowed nothing', async (t) => {
  const { base } = await startStage(t);

  const answer = await send(`${base}/mcp`, { method: 'OPTIONS', headers: { origin: foreign } });

  assert.equal(answer.status, 204);
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
});

test('an allowed page can read the challenge of a 401, and the session of an answer', async (t) => {
  const { base } = await startStage(t);
  const { tokens } = await logIn(base);

  const refused = await send(`${base}/mcp`, { method: 'POST', headers: { origin: inspector } });
  const answered = await send(`${base}/mcp`, {
    method: 'POST',
    headers: {
      origin: inspector,
      authorization: `Bearer ${tokens.access_token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  });

  for (const [answer, status] of [
    [refused, 401],
    [answered, answered.status],
  ] as const) {
    assert.equal(answer.status, status);
    assert.equal(answer.headers['access-control-allow-origin'], inspector);
    assert.match(
      answer.headers['access-control-expose-headers'] ?? '',
      /WWW-Authenticate, Mcp-Session-Id/,
    );
  }
});

for (const origin of [foreign, 'null', 'http://localhost.evil.example']) {
  test(`a page of ${origin} may not call /mcp, whatever token it has`, async (t) => {
    const { base, mcp } = await startStage(t);
    const { tokens } = await logIn(base);

    const answer = await send(`${base}/mcp`, {
      method: 'POST',
      headers: { origin, authorization: `Bearer ${tokens.access_token}` },
      body: '{}',
    });

    assert.equal(answer.status, 403);
    assert.equal(answer.json().error, 'origin_not_allowed');
    assert.equal(mcp.calls.length, 0);
  });
}

test('a listed origin may call a gateway that is public, and loopback pages may not', async (t) => {
  const { local } = await startStage(t, {
    publicUrl: 'https://mcp.example.com',
    password: 'not the default',
    allowedOrigins: 'https://app.example https://other.example',
  });
  const statusFor = async (origin: string) =>
    (await send(`${local}/mcp`, { method: 'POST', headers: { origin } })).status;

  assert.equal(await statusFor('https://app.example'), 401);
  assert.equal(await statusFor('https://other.example'), 401);
  assert.equal(await statusFor('https://mcp.example.com'), 401);
  assert.equal(await statusFor(inspector), 403);
});

test('metadata may be read by every page, since it is public', async (t) => {
  const { base } = await startStage(t);

  const answer = await send(`${base}/.well-known/oauth-authorization-server`, {
    headers: { origin: foreign },
  });

  assert.equal(answer.status, 200);
  assert.equal(answer.headers['access-control-allow-origin'], '*');
});

test('a token in the URL is refused and goes nowhere', async (t) => {
  const { base, mcp } = await startStage(t);
  const { tokens } = await logIn(base);

  const answer = await send(`${base}/mcp?access_token=${tokens.access_token}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.access_token}` },
    body: '{}',
  });

  assert.equal(answer.status, 400);
  assert.equal(answer.json().error, 'invalid_request');
  assert.equal(mcp.calls.length, 0);
});

test('a person who opens /mcp in a browser sees what it is, and an MCP client its challenge', async (t) => {
  const { base } = await startStage(t);

  const person = await send(`${base}/mcp`, { headers: { accept: 'text/html,*/*' } });
  const client = await send(`${base}/mcp`, { headers: { accept: 'text/event-stream' } });

  assert.equal(person.status, 200);
  assert.match(person.headers['content-type'] ?? '', /text\/html/);
  assert.match(person.text, new RegExp(`${base}/mcp`));
  assert.equal(client.status, 401);
});
