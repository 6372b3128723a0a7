import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { GatewayOptions } from '../../src/main.ts';
import { Browser } from '../support/real/browser-driver.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';
import { type Authorize, sdks } from '../support/real/mcp-clients.ts';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { MemoryOAuthProvider } from '../support/real/memory-oauth-provider.ts';
import { credentials, startGateway } from './gateway-setup.ts';

/** An MCP server behind one fixed key, as many are. */
function keyed(t: TestContext, key: string) {
  return started(t, async (token) => token === key && { sub: 'x', client_id: 'x', scope: '' });
}

async function started(t: TestContext, verify: Parameters<typeof startSdkMcpServer>[0]['verify']) {
  const mcp = await startSdkMcpServer({
    verify,
    resourceMetadata: { authorization_servers: ['http://127.0.0.1:1'] },
  });
  t.after(mcp.close);
  return mcp;
}

/** A user who signs in at the gateway, where there is nothing else to see. */
function signingInOnce(redirectUri: string): Authorize {
  const browser = new Browser(redirectUri);
  return async (url) => {
    const page = await browser.visit(url);
    const [form] = page.forms;
    assert.ok(form);
    assert.ok(!page.body.includes('on its own screen'));
    const done = await browser.submit(form, credentials, { name: 'decision', value: 'allow' });
    assert.ok(done.callback, `The browser stayed at ${done.url}`);
    return done.callback;
  };
}

async function connected(t: TestContext, options: GatewayOptions) {
  const [sdk] = sdks.slice(-1);
  assert.ok(sdk);
  const gateway = await startGateway(t, options);
  const provider = new MemoryOAuthProvider();
  const connection = await sdk.connect({
    url: `${gateway.url}/mcp`,
    provider,
    authorize: signingInOnce(provider.redirectUrl),
  });
  return { gateway, connection, provider };
}

test('an MCP server behind a fixed header is signed in to on one screen, and called', async (t) => {
  const { url } = await keyed(t, 'the-fixed-key');

  const { connection } = await connected(t, {
    upstreamRs: url,
    upstreamAuth: 'static',
    upstreamHeader: 'Authorization: Bearer the-fixed-key',
  });

  assert.equal(await connection.call('echo', { text: 'hello' }), 'hello');
  await connection.close();
});

test('an MCP server without any OAuth is protected by the gateway alone', async (t) => {
  const seen: (string | undefined)[] = [];
  const inner = await keyed(t, 'inner');
  // Lets everybody in: what comes without a token is given the one that the server behind it wants.
  const open = createServer(async (request, response) => {
    seen.push(request.headers.authorization);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host: _, 'content-length': __, ...headers } = request.headers;
    const answer = await fetch(inner.url, {
      method: request.method ?? 'GET',
      headers: { ...(headers as Record<string, string>), authorization: 'Bearer inner' },
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const chunk of answer.body ?? []) response.write(chunk);
    response.end();
  });
  const { origin, close } = await listenOnLoopback(open);
  t.after(close);

  const { connection, gateway } = await connected(t, {
    upstreamRs: `${origin}/mcp`,
    upstreamAuth: 'none',
  });

  assert.equal(await connection.call('echo', { text: 'hello' }), 'hello');
  await connection.close();
  assert.ok(seen.length > 0 && seen.every((header) => header === undefined));
  assert.equal((await fetch(`${gateway.url}/mcp`, { method: 'POST' })).status, 401);
});

test('a fixed header that the upstream refuses is told as such, and nobody has to sign in again', async (t) => {
  const { url } = await keyed(t, 'another-key');
  const gateway = await startGateway(t, {
    upstreamRs: url,
    upstreamAuth: 'static',
    upstreamHeader: 'Authorization: Bearer the-fixed-key',
  });
  const [sdk] = sdks.slice(-1);
  const provider = new MemoryOAuthProvider();
  await assert.rejects(async () =>
    sdk?.connect({
      url: `${gateway.url}/mcp`,
      provider,
      authorize: signingInOnce(provider.redirectUrl),
    }),
  );

  const token = provider.tokens()?.access_token;
  const answer = await fetch(`${gateway.url}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });

  assert.equal(answer.status, 502);
  assert.match(await answer.text(), /does not accept the gateway's credentials/);
});

test('the client document is published where an upstream could read it, and nowhere else', async (t) => {
  const upstreamRs = 'http://127.0.0.1:1/mcp';
  const open = await startGateway(t, {
    upstreamRs,
    publicUrl: 'https://gateway.example',
    password: 'own',
  });
  const path = '/oauth/client-metadata.json';
  const handled = await listenOnLoopback(createServer(open.handler));
  t.after(handled.close);
  const hidden = await startGateway(t, { upstreamRs });

  const document = await fetch(`${handled.origin}${path}`);
  const nothing = await fetch(`${hidden.url}${path}`);

  assert.deepEqual(await document.json(), {
    client_id: `https://gateway.example${path}`,
    client_name: 'MCP OAuth Gateway',
    redirect_uris: ['https://gateway.example/upstream/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'web',
  });
  assert.match(document.headers.get('cache-control') ?? '', /max-age=300/);
  assert.equal(nothing.status, 404);
});

test('the client document names no key where the operator wants no authentication', async (t) => {
  const gateway = await startGateway(t, {
    upstreamRs: 'http://127.0.0.1:1/mcp',
    publicUrl: 'https://gateway.example',
    password: 'own',
    upstreamPrivateKeyFile: 'test/support/tls/client.key',
    upstreamTokenAuthMethod: 'none',
  });
  const handled = await listenOnLoopback(createServer(gateway.handler));
  t.after(handled.close);

  const answer = await fetch(`${handled.origin}/oauth/client-metadata.json`);

  const document = (await answer.json()) as Record<string, unknown>;
  assert.equal(document.token_endpoint_auth_method, 'none');
  assert.equal(document.jwks, undefined);
});
