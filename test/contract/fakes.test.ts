import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  countingRandom,
  fakeAuthorizationServer,
  githubHttpTraits,
  type HttpAuthorizationServerOptions,
  standingClock,
  startHttpAuthorizationServer,
  startHttpResourceServer,
} from '../../src/adapters/testing/testing.ts';
import { codeChallengeOf } from '../../src/domain/pkce.ts';
import { silentResource } from '../../src/domain/upstream-server.ts';

describe('the standing clock', () => {
  it('moves only when it is told, and wakes whoever slept until then', async () => {
    const clock = standingClock(1000);
    const woken: string[] = [];
    const early = clock.sleep(1500).then(() => woken.push('early'));
    const late = clock.sleep(3000).then(() => woken.push('late'));

    clock.advance(2);
    await early;

    assert.equal(clock.now(), 1002);
    assert.deepEqual(woken, ['early']);
    clock.advance(1);
    await late;
  });

  it('jumps to the first sleeper where it flows, and lets all time pass once', async () => {
    const clock = standingClock(1000, { flowing: true });

    await Promise.all([clock.sleep(5000), clock.sleep(5000), clock.sleep(2000)]);

    assert.equal(clock.now(), 1005);
  });
});

describe('counting randomness', () => {
  it('never repeats itself, and is the same in every run', () => {
    const one = countingRandom('a');
    const drawn = Array.from({ length: 100 }, () => Buffer.from(one.bytes(40)).toString('hex'));

    assert.equal(new Set(drawn).size, 100);
    assert.equal(drawn[0]?.length, 80);
    assert.equal(Buffer.from(countingRandom('a').bytes(40)).toString('hex'), drawn[0]);
    assert.notEqual(Buffer.from(countingRandom('b').bytes(40)).toString('hex'), drawn[0]);
  });
});

const client = { clientId: 'gateway', clientSecret: undefined };
const redirectUri = 'http://localhost:8002/upstream/callback';
const verifier = 'v'.repeat(43);

async function started(test: TestContext, options: HttpAuthorizationServerOptions = {}) {
  const server = await startHttpAuthorizationServer({
    clients: [{ ...client, redirectUris: [redirectUri] }],
    ...options,
  });
  test.after(() => server.close());
  return server;
}

function authorizationUrl(endpoint: string, changed: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: redirectUri,
    state: 'a state',
    code_challenge: codeChallengeOf(verifier),
    code_challenge_method: 'S256',
    ...changed,
  });
  return `${endpoint}?${query}`;
}

/** Where a browser is sent to. */
async function location(url: string, form?: URLSearchParams): Promise<URL> {
  const method = form === undefined ? {} : { method: 'POST', body: form };
  const response = await fetch(url, { redirect: 'manual', ...method });
  return new URL(response.headers.get('location') ?? '', url);
}

async function tokensFor(endpoint: string, code: string): Promise<Response> {
  return fetch(endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: client.clientId,
      code,
      redirect_uri: redirectUri,
      code_verifier: verifier,
    }),
  });
}

describe('the authorization server over HTTP', () => {
  it('shows a page with a form that says yes or no', async (test) => {
    const server = await started(test, { name: 'The <Upstream>' });
    const url = authorizationUrl(server.authorizationEndpoint, { scope: 'read' });

    const page = await (await fetch(url)).text();

    assert.match(page, /The &lt;Upstream&gt;/);
    assert.match(page, /localhost:8002/);
    assert.match(page, /<code>read<\/code>/);
    const request = new URL(url).search.slice(1);
    for (const [decision, answer] of [
      ['allow', 'code'],
      ['deny', 'error'],
    ] as const) {
      const form = new URLSearchParams({ request, decision });
      const callback = await location(server.authorizationEndpoint, form);
      assert.equal(callback.origin, 'http://localhost:8002');
      assert.ok(callback.searchParams.get(answer));
      assert.equal(callback.searchParams.get('state'), 'a state');
      assert.equal(callback.searchParams.get('iss'), server.issuer);
    }
  });

  it('tells the user about a strange redirect URI, and the client about a missing proof', async (test) => {
    const server = await started(test);
    const strange = { redirect_uri: 'https://evil.example/' };
    const proofless = authorizationUrl(server.authorizationEndpoint, { code_challenge: 'short' });

    const page = await fetch(authorizationUrl(server.authorizationEndpoint, strange));

    assert.equal(page.status, 400);
    const callback = await location(proofless);
    assert.equal(callback.searchParams.get('error'), 'invalid_request');
  });

  it('answers as GitHub does where it is told to', async (test) => {
    const server = await started(test, { traits: { ...githubHttpTraits, autoApprove: true } });
    const callback = await location(authorizationUrl(server.authorizationEndpoint));
    const code = callback.searchParams.get('code') ?? '';

    const answer = await tokensFor(server.tokenEndpoint, code);
    const again = await tokensFor(server.tokenEndpoint, code);

    const tokens = new URLSearchParams(await answer.text());
    assert.ok(tokens.get('access_token'));
    assert.equal(tokens.get('expires_in'), null);
    assert.equal(tokens.get('refresh_token'), null);
    assert.equal(again.status, 200);
    assert.equal(new URLSearchParams(await again.text()).get('error'), 'invalid_grant');
    assert.equal(server.access(tokens.get('access_token') ?? ''), undefined);
  });
});

describe('the authorization server as a port', () => {
  it('ends all tokens of an authorization when a refresh token comes twice', async () => {
    const clock = standingClock();
    const server = fakeAuthorizationServer({
      clock,
      random: countingRandom(),
      clients: [{ ...client, redirectUris: undefined }],
    });
    const [document] = server.serverDocuments.values();
    assert.ok(document);
    const upstream = {
      server: { ...document, ...silentResource },
      client: { ...client, method: 'none' },
      manners: {
        resource: undefined,
        authorizeParameters: {},
        tokenParameters: {},
        scopeOnRefresh: false,
        tokenTypes: ['bearer'],
        revokes: true,
      },
    } as const;
    const callback = new URL(server.approve(authorizationUrl('https://as.example/authorize')));
    const ask = async (form: Readonly<Record<string, string>>) => {
      const answer = await server.requestTokens(upstream, form);
      return answer.ok ? answer.value : undefined;
    };
    const first = await ask({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
    });
    const form = { grant_type: 'refresh_token', refresh_token: first?.refresh ?? '' };
    const second = await ask(form);
    assert.ok(server.access(second?.access ?? ''));

    assert.equal(await ask(form), undefined);

    assert.equal(server.access(second?.access ?? ''), undefined);
    assert.deepEqual(server.tokenRequests, { authorization_code: 1, refresh_token: 2 });
  });
});

describe('the MCP server over HTTP', () => {
  const good = {
    clientId: 'c',
    subject: 's',
    scope: '',
    resource: undefined,
    expiresAt: undefined,
  };

  async function mcpServer(test: TestContext, metadata: 'both' | 'root' | 'none' = 'both') {
    const server = await startHttpResourceServer({
      issuer: 'https://as.example',
      access: (token) => (token === 'good' ? good : undefined),
      metadata,
    });
    test.after(() => server.close());
    const call = (method: string, message?: unknown, session?: string) =>
      fetch(server.url, {
        method,
        headers: {
          authorization: 'Bearer good',
          ...(session !== undefined && { 'mcp-session-id': session }),
        },
        ...(message !== undefined && { body: JSON.stringify(message) }),
      });
    return { server, call };
  }

  it('challenges whoever has no good token, and says where one is to be had', async (test) => {
    const { server } = await mcpServer(test);

    const response = await fetch(server.url, { method: 'POST', body: '{}' });

    assert.equal(response.status, 401);
    const url = /resource_metadata="([^"]+)"/.exec(response.headers.get('www-authenticate') ?? '');
    const metadata = (await (await fetch(url?.[1] ?? '')).json()) as Record<string, unknown>;
    assert.equal(metadata.resource, server.url);
    assert.deepEqual(metadata.authorization_servers, ['https://as.example']);
  });

  it('publishes its metadata where it is told to', async (test) => {
    const { server } = await mcpServer(test, 'root');
    const wellKnown = `${server.origin}/.well-known/oauth-protected-resource`;

    assert.equal((await fetch(wellKnown)).status, 200);
    assert.equal((await fetch(`${wellKnown}/mcp`)).status, 404);
  });

  it('opens a session, runs its tools in it, and ends it', async (test) => {
    const { server, call } = await mcpServer(test);
    const opened = await call('POST', { jsonrpc: '2.0', id: 1, method: 'initialize' });
    const session = opened.headers.get('mcp-session-id') ?? '';
    const tool = (name: string, given: unknown, _meta?: unknown) => ({
      jsonrpc: '2.0',
      id: 2,
      method: 'tools/call',
      params: { name, arguments: given, _meta },
    });

    const told = await call('POST', { method: 'notifications/initialized' }, session);
    assert.equal(told.status, 202);
    const echo = await call('POST', tool('echo', { text: 'hello' }), session);
    assert.match(await echo.text(), /hello/);
    const progress = { progressToken: 7 };
    const count = await call('POST', tool('count', { to: 3 }, progress), session);
    assert.equal(count.headers.get('content-type'), 'text/event-stream');
    assert.equal((await count.text()).split('notifications/progress').length, 4);
    const bad = await call('POST', tool('count', { to: 'many' }), session);
    assert.match(await bad.text(), /-32602/);

    const stream = await call('GET', undefined, session);
    server.notify({ method: 'notifications/tools/list_changed' });
    const reader = stream.body?.getReader();
    const first = await reader?.read();
    assert.match(Buffer.from(first?.value ?? []).toString(), /list_changed/);
    assert.equal((await call('DELETE', undefined, session)).status, 204);
    assert.equal((await reader?.read())?.done, true);
    assert.equal((await call('POST', tool('echo', { text: 'hello' }), session)).status, 404);
  });
});
