import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import { chunkQueue } from '../../src/adapters/testing/chunk-queue.ts';
import {
  eventStreamAnswer,
  jsonAnswer,
  messageEvent,
} from '../../src/adapters/testing/mcp-answers.ts';
import type { GatewayOptions } from '../../src/main.ts';
import { type Stage, startStage } from '../gateway/fake-stage.ts';
import { credentials } from '../gateway/gateway-setup.ts';
import { exchangeForm, postToken, register, send, tokensOf } from '../gateway/raw-client.ts';
import { codeOf, rawLogin } from '../gateway/raw-login.ts';
import {
  isInstalled,
  type ProxyProgram,
  programs,
  snippetsOf,
  startProxyProgram,
} from './proxy-programs.ts';

const guarded = { timeout: 60_000 };
const password = 'a-password-of-our-own';
const typed = { username: credentials.username, password };

/** A gateway behind a proxy that was set up as the documentation says. */
async function behind(
  t: TestContext,
  program: ProxyProgram,
  snippet: string,
  options: Partial<GatewayOptions> & { readonly publicUrl: string },
): Promise<Stage> {
  const stage = await startStage(t, { password, trustedProxy: '127.0.0.1', ...options });
  const place = {
    host: new URL(options.publicUrl).hostname,
    gatewayPort: Number(new URL(stage.local).port),
  };
  await startProxyProgram(t, program, snippet, place);
  return stage;
}

/** Discovers, logs in and gets tokens, as a client would: from the MCP URL alone. */
async function logInFrom(stage: Stage, headers: Readonly<Record<string, string>> = {}) {
  const challenge = await send(`${stage.base}/mcp`, { method: 'POST', headers });
  assert.equal(challenge.status, 401);
  const metadataUrl = /resource_metadata="([^"]+)"/.exec(
    challenge.headers['www-authenticate'] ?? '',
  );
  const resource = (await send(metadataUrl?.[1] ?? '', { headers })).json();
  assert.equal(resource.resource, `${stage.base}/mcp`);
  const [issuer] = resource.authorization_servers as string[];
  const { origin, pathname } = new URL(issuer ?? '');
  const inserted = `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`;
  const server = (await send(inserted, { headers })).json();
  assert.equal(server.issuer, issuer);
  assert.equal(server.token_endpoint, `${stage.base}/token`);
  const client = await register(stage.base);
  const login = await rawLogin(stage, client, { typed, headers });
  assert.equal(login.signedIn.status, 303, login.signedIn.text);
  const code = codeOf(await login.back());
  const tokens = tokensOf(await postToken(stage.base, exchangeForm(code, client), headers));
  return { login, bearer: { authorization: `Bearer ${tokens.access_token}` } };
}

async function callsAndStreams({ base, mcp }: Stage, bearer: Readonly<Record<string, string>>) {
  mcp.answerNext(jsonAnswer({ fine: true }));
  const called = await send(`${base}/mcp`, { method: 'POST', headers: bearer, body: '{}' });
  assert.deepEqual(called.json(), { fine: true });

  for (const method of ['GET', 'POST'] as const) {
    const events = chunkQueue();
    mcp.answerNext(eventStreamAnswer(events));
    // The headers come before the first event: this would wait for ever if they were held back.
    const { body } = await request(`${base}/mcp`, {
      method,
      headers: { ...bearer, accept: 'text/event-stream' },
      body: method === 'POST' ? '{}' : null,
    });
    for (const id of [1, 2, 3]) {
      const event = messageEvent({ jsonrpc: '2.0', id });
      events.push(event);
      // The next is sent only when this one is here.
      assert.equal(String(await once(body, 'data')), event);
    }
    events.end();
    await body.dump();
  }
}

const languages = { nginx: 'nginx', caddy: 'caddyfile', haproxy: 'haproxy' } as const;
for (const [name, program] of Object.entries(programs)) {
  const [snippet = ''] = snippetsOf(languages[name as keyof typeof languages]);
  const skip = isInstalled(program) ? false : `${name} is not installed`;

  test(`behind ${name}, set up as the documentation says, everything works and events come one by one`, {
    ...guarded,
    skip,
  }, async (t) => {
    const stage = await behind(t, program, snippet, { publicUrl: 'https://mcp.example.com' });

    const { login, bearer } = await logInFrom(stage);
    await callsAndStreams(stage, bearer);

    assert.match(login.cookie, /^__Host-mcp-flow-/);
  });

  test(`behind ${name} the client’s address counts, and none that it invents`, {
    ...guarded,
    skip,
  }, async (t) => {
    // The client is on loopback as well: only a made-up hop before it tells whether it is believed.
    const stage = await behind(t, program, snippet, { publicUrl: 'https://mcp.example.com' });

    const invented = { 'x-forwarded-for': '203.0.113.1', forwarded: 'for=203.0.113.2' };
    const answer = await send(`${stage.base}/`, {
      headers: { ...invented, 'x-request-id': 'mine' },
    });
    await stage.gateway.close();

    const [told] = stage.events.of('request_answered');
    // 127.0.0.1 is trusted here, so that its word counts in the list; Forwarded is taken out by the proxy.
    assert.equal(told?.address, name === 'caddy' ? '127.0.0.1' : '203.0.113.1');
    assert.equal(told?.request, answer.headers['x-request-id']);
    if (name !== 'caddy') assert.notEqual(told?.request, 'mine');
  });
}

const [, belowPath = ''] = snippetsOf('nginx');
const stripping = belowPath.replace(
  'location /github/ {\n        proxy_pass http://127.0.0.1:8002;',
  'location /github/ {\n        proxy_pass http://127.0.0.1:8002/;',
);
for (const [what, snippet] of [
  ['below a path', belowPath],
  ['below a path that the proxy takes off', stripping],
] as const) {
  test(`behind nginx, ${what}, everything works`, {
    ...guarded,
    skip: isInstalled(programs.nginx) ? false : 'nginx is not installed',
  }, async (t) => {
    assert.notEqual(belowPath, stripping);
    const stage = await behind(t, programs.nginx, snippet, {
      publicUrl: 'https://example.com/github',
    });

    const { login, bearer } = await logInFrom(stage);
    await callsAndStreams(stage, bearer);

    assert.match(login.cookie, /^__Secure-mcp-flow-/);
  });
}
