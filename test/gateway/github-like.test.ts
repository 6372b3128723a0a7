import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { recordedEvents } from '../../src/adapters/testing/recorded-events.ts';
import { httpAuthorizationServer } from '../../src/adapters/upstream/authorization-server.ts';
import { httpCaller } from '../../src/adapters/upstream/http-call.ts';
import type { Ports, UpstreamAuthorizationServer } from '../../src/application/ports.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { Browser } from '../support/real/browser-driver.ts';
import { AuthorizationRefused, type Authorize, sdks } from '../support/real/mcp-clients.ts';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { MemoryOAuthProvider } from '../support/real/memory-oauth-provider.ts';
import { hashToken } from '../support/real/protected-mcp.ts';
import { movableClock, startGateway } from './gateway-setup.ts';
import { app, startGithubLike } from './github-like.ts';
import { answerScreenOne, halvesOf } from './raw-client.ts';

/** A gateway before GitHub, configured as the README says. */
async function startGithubChain(t: TestContext) {
  const github = await startGithubLike();
  t.after(github.close);
  const mcp = await startSdkMcpServer({
    verify: async (token) => github.isLive(token),
    resourceMetadata: { authorization_servers: ['http://127.0.0.1:1/never-asked'] },
  });
  t.after(mcp.close);
  const clock = movableClock();
  const events = recordedEvents();
  const discovery: string[] = [];
  const gateway = await startGateway(
    t,
    {
      upstreamRs: mcp.url,
      upstreamClientId: app.clientId,
      upstreamClientSecret: app.clientSecret,
      upstreamAuthorizeEndpoint: github.authorizeEndpoint,
      upstreamTokenEndpoint: github.tokenEndpoint,
      accessTokenTtl: 600,
      clockSkew: 0,
    },
    { clock, events, authorizationServer: watched(overHttp(clock), discovery) },
  );
  return { github, mcp, gateway, url: `${gateway.url}/mcp`, clock, events, discovery };
}

function overHttp(clock: Pick<Ports['clock'], 'now'>): UpstreamAuthorizationServer {
  const call = httpCaller({ dispatcher: undefined, userAgent: 'gateway/test', watch: undefined });
  return httpAuthorizationServer({ clock, call, callLimit: seconds(10) });
}

/** The real thing, which notes down whatever is not a token request. */
function watched(real: UpstreamAuthorizationServer, noted: string[]): UpstreamAuthorizationServer {
  return {
    ...real,
    probe: (url, within) => {
      noted.push(url);
      return real.probe(url, within);
    },
    resourceDocument: (url, within) => {
      noted.push(url);
      return real.resourceDocument(url, within);
    },
    serverDocument: (url, within) => {
      noted.push(url);
      return real.serverDocument(url, within);
    },
    register: (endpoint, registration) => {
      noted.push(endpoint);
      return real.register(endpoint, registration);
    },
  };
}

/** Signs in at the gateway; GitHub's own screen answers by itself. */
function signingInUser(redirectUri: string): Authorize {
  return async (url) => {
    const browser = new Browser(redirectUri);
    const end = await answerScreenOne(browser, await browser.visit(url));
    assert.ok(end.callback, `The browser stayed at ${end.url} with status ${end.status}`);
    return end.callback;
  };
}

for (const { name, connect } of sdks) {
  test(`${name} works through a GitHub OAuth App, of which nothing is discovered`, async (t) => {
    const { github, gateway, url, discovery } = await startGithubChain(t);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);

    const connection = await connect({ url, provider, authorize });

    const [, upstream] = halvesOf(provider.tokens()?.access_token ?? '');
    assert.match(upstream, /^gho_/);
    assert.equal(JSON.parse(await connection.call('whoami')).tokenHash, hashToken(upstream));
    const life = provider.tokens()?.expires_in ?? 0;
    assert.ok(life > 590 && life <= 600, String(life));
    assert.equal(provider.tokens()?.scope, 'repo gist');
    assert.deepEqual(github.seen, ['GET /login/oauth/authorize', 'POST /login/oauth/access_token']);
    assert.deepEqual(discovery, []);
    assert.equal(provider.authorizationUrls[0]?.origin, gateway.url);
    await connection.close();
  });

  test(`${name} refreshes with the same upstream token, and the upstream is not asked`, async (t) => {
    const { github, url, clock } = await startGithubChain(t);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    await connection.call('notify', { text: 'the stream is open' });
    const before = provider.tokens();

    for (let round = 1; round <= 3; round += 1) {
      clock.advance(600);
      assert.equal(await connection.call('echo', { text: 'on' }), 'on');
      assert.equal(provider.savedTokens, 1 + round);
    }

    const [gateway, upstream] = halvesOf(provider.tokens()?.access_token ?? '');
    const [oldGateway, oldUpstream] = halvesOf(before?.access_token ?? '');
    assert.equal(upstream, oldUpstream);
    assert.notEqual(gateway, oldGateway);
    const [, placeholder] = halvesOf(provider.tokens()?.refresh_token ?? '');
    assert.notEqual(placeholder, upstream);
    assert.ok(!placeholder.startsWith('gho_') && placeholder.length >= 43);
    assert.equal(github.answers.length, 1);
    assert.equal(provider.authorizationUrls.length, 1);
    await connection.close();
  });

  test(`${name} is sent to sign in again, once, when GitHub refuses the token`, async (t) => {
    const { github, mcp, url, events } = await startGithubChain(t);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    await connection.call('notify', { text: 'the stream is open' });
    const calls = mcp.requests.length;

    github.revokeAll();
    await assert.rejects(connection.call('echo', { text: 'anybody?' }), {
      message: 'Unauthorized',
    });
    assert.equal(mcp.requests.length, calls + 1);
    assert.equal(provider.authorizationUrls.length, 2);
    assert.deepEqual(
      events.of('token_refused').map((event) => event.error),
      ['invalid_grant'],
    );
    await connection.leave();
    const again = await connect({ url, provider, authorize });

    assert.equal(await again.call('echo', { text: 'back' }), 'back');
    assert.deepEqual(
      events.of('grant_ended').map((event) => event.reason),
      ['upstream_refused'],
    );
    assert.deepEqual(github.answers, Array(2).fill('access_token scope token_type'));
    await again.close();
  });

  for (const [next, error] of [
    ['deny', 'access_denied'],
    ['spoil', 'server_error'],
  ] as const) {
    test(`${name} is told ${error} when GitHub says no (${next})`, async (t) => {
      const { github, gateway, url } = await startGithubChain(t);
      github.next = next;
      const provider = new MemoryOAuthProvider();
      const authorize = signingInUser(provider.redirectUrl);

      const refusal = connect({ url, provider, authorize });

      await assert.rejects(refusal, (refused) => {
        assert.ok(refused instanceof AuthorizationRefused);
        assert.equal(refused.error, error);
        assert.equal(refused.parameters.get('iss'), gateway.url);
        assert.equal(refused.parameters.has('code'), false);
        const description = refused.parameters.get('error_description') ?? '';
        assert.equal(description.includes('bad_verification_code'), next === 'spoil');
        assert.ok(!description.includes('GitHub'));
        return true;
      });
      github.next = 'allow';
      const connection = await connect({ url, provider, authorize });
      assert.equal(await connection.call('echo', { text: 'in' }), 'in');
      await connection.close();
    });
  }
}
