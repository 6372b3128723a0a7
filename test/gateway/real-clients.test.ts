import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gate } from '../../src/adapters/testing/gate.ts';
import { startUpstream } from '../real-parts/direct-setup.ts';
import { Browser, cancelOidcProvider } from '../support/real/browser-driver.ts';
import { AuthorizationRefused, type Connection, sdks } from '../support/real/mcp-clients.ts';
import { startEverything, startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { MemoryOAuthProvider } from '../support/real/memory-oauth-provider.ts';
import { hashToken } from '../support/real/protected-mcp.ts';
import {
  credentials,
  movableClock,
  signingInUser,
  startChain,
  startGateway,
} from './gateway-setup.ts';

/** For what would else wait for ever where it fails. */
const guarded = { timeout: 60_000 };

const allow = { name: 'decision', value: 'allow' };

/** Both SDKs open their stream beside the first calls: from here on it is open, and nothing else is under way. */
async function settled(connection: Connection): Promise<void> {
  await connection.call('notify', { text: 'the stream is open' });
}

/** A client that starts anew with what another one wrote to disk. */
function restarted(provider: MemoryOAuthProvider): MemoryOAuthProvider {
  const client = provider.clientInformation();
  const tokens = provider.tokens();
  assert.ok(client && tokens);
  const saved = JSON.parse(JSON.stringify({ client, tokens }));
  const fresh = new MemoryOAuthProvider({ clientInformation: saved.client });
  fresh.saveTokens(saved.tokens);
  return fresh;
}

for (const { name, connect } of sdks) {
  test(`${name} finds, registers, signs in twice, and calls tools with the upstream's token`, async (t) => {
    const { as, mcp, gateway, url } = await startChain(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl, 'bob');

    const connection = await connect({ url, provider, authorize });

    assert.deepEqual(await connection.toolNames(), ['echo', 'count', 'ask', 'notify', 'whoami']);
    assert.equal(await connection.call('echo', { text: 'hello' }), 'hello');
    const pair = Buffer.from(provider.tokens()?.access_token ?? '', 'base64url').toString();
    assert.deepEqual(JSON.parse(await connection.call('whoami')), {
      tokenHash: hashToken(pair.slice(pair.indexOf(':') + 1)),
      subject: 'bob',
      clientId: as.registrations[0]?.client_id,
      scopes: ['mcp'],
    });
    const [asked] = as.authorizationRequests;
    const [own] = provider.authorizationUrls;
    assert.equal(as.registrations.length, 1);
    assert.equal(asked?.get('redirect_uri'), `${gateway.url}/upstream/callback`);
    assert.equal(asked?.get('resource'), mcp.url);
    assert.equal(asked?.get('code_challenge_method'), 'S256');
    assert.notEqual(asked?.get('code_challenge'), own?.searchParams.get('code_challenge'));
    assert.notEqual(asked?.get('state'), own?.searchParams.get('state'));
    await connection.close();
  });

  test(`${name} works with server-everything: tools, progress, sampling`, async (t) => {
    const { mcp, url } = await startChain(t, startEverything);
    const provider = new MemoryOAuthProvider();
    const connection = await connect({
      url,
      provider,
      authorize: signingInUser(provider.redirectUrl),
      handlers: { sample: (prompt) => `echoed ${prompt}`, elicit: () => 'x' },
    });
    const steps: number[] = [];

    const tools = await connection.toolNames();
    const sum = await connection.call('get-sum', { a: 2, b: 3 });
    const done = await connection.call(
      'trigger-long-running-operation',
      { duration: 0.03, steps: 3 },
      { onProgress: (step) => steps.push(step) },
    );
    const sampled = await connection.call('trigger-sampling-request', { prompt: 'a word' });

    assert.ok(tools.includes('echo') && tools.includes('trigger-elicitation-request'));
    assert.equal(sum, 'The sum of 2 and 3 is 5.');
    assert.match(done, /^Long running operation completed/);
    assert.deepEqual(steps, [1, 2, 3]);
    assert.match(sampled, /echoed .*a word/);
    await connection.close();
    assert.equal(mcp.sessions.size, 0);
  });

  test(
    `${name} receives each progress notification while the call still runs`,
    guarded,
    async (t) => {
      const { mcp, url } = await startChain(t, startSdkMcpServer);
      const provider = new MemoryOAuthProvider();
      const authorize = signingInUser(provider.redirectUrl);
      const connection = await connect({ url, provider, authorize });
      const steps: number[] = [];
      const onProgress = (step: number): void => {
        steps.push(step);
        mcp.release();
      };

      // The server takes a step only when the one before has arrived: a byte held back would stop both for ever.
      mcp.release();
      const result = await connection.call('count', { steps: 5, paced: true }, { onProgress });

      assert.equal(result, 'counted to 5');
      assert.deepEqual(steps, [1, 2, 3, 4, 5]);
      await connection.close();
    },
  );

  test(`${name} hears the server on the standalone stream`, guarded, async (t) => {
    const { mcp, url } = await startChain(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    let hear = (_data: unknown): void => {};
    const heard = new Promise<unknown>((resolve) => {
      hear = resolve;
    });
    const log = (data: unknown): void => hear(data);
    const connection = await connect({ url, provider, authorize, handlers: { log } });

    await connection.call('notify', { text: 'news' });

    assert.equal(await heard, 'news');
    assert.equal(mcp.requests.filter((request) => request.method === 'GET').length, 1);
    await connection.close();
  });

  for (const via of ['call', 'stream']) {
    test(`${name} answers what the server asks, via the ${via}`, guarded, async (t) => {
      const { url } = await startChain(t, startSdkMcpServer);
      const provider = new MemoryOAuthProvider();
      const authorize = signingInUser(provider.redirectUrl);
      const handlers = {
        elicit: (message: string) => `${message} Blue.`,
        sample: (prompt: string) => `${prompt} Green.`,
      };
      const connection = await connect({ url, provider, authorize, handlers });

      const question = 'Which colour?';
      const elicited = await connection.call('ask', { question, via });
      const sampled = await connection.call('ask', { question, via, kind: 'sampling' });

      assert.equal(elicited, 'accept: Which colour? Blue.');
      assert.equal(sampled, 'Which colour? Green.');
      await connection.close();
    });
  }

  test(`${name} ends its session, which is then 404 also through the gateway`, async (t) => {
    const { mcp, url } = await startChain(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    const session = connection.sessionId ?? '';
    assert.deepEqual([...mcp.sessions.keys()], [session]);

    await connection.close();
    const late = await fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${provider.tokens()?.access_token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-session-id': session,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    });

    assert.equal(mcp.sessions.size, 0);
    assert.equal(late.status, 404);
    assert.deepEqual(await late.json(), { error: 'unknown session' });
  });

  test(`${name} refreshes once when the gateway's token has expired, and goes on`, async (t) => {
    const { as, url, clock } = await startChain(t, startSdkMcpServer, {
      accessTokenTtl: 600,
      clockSkew: 0,
    });
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    await settled(connection);
    const before = provider.tokens();

    clock.advance(600);
    const answer = await connection.call('echo', { text: 'still here' });

    assert.equal(answer, 'still here');
    assert.equal(before?.expires_in, 600);
    assert.notEqual(provider.tokens()?.access_token, before?.access_token);
    assert.notEqual(provider.tokens()?.refresh_token, before?.refresh_token);
    assert.equal(provider.authorizationUrls.length, 1);
    assert.equal(as.countTokenRequests('refresh_token'), 1);
    await connection.close();
  });

  test(`${name} never notices that the upstream's token has died before its time`, async (t) => {
    const { as, mcp, url } = await startChain(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    await settled(connection);

    await as.expireAccessTokens();
    const first = await connection.call('echo', { text: 'one' });
    const second = await connection.call('echo', { text: 'two' });

    assert.deepEqual([first, second], ['one', 'two']);
    assert.equal(provider.savedTokens, 1);
    assert.equal(as.countTokenRequests('refresh_token'), 1);
    assert.equal(mcp.sessions.size, 1);
    await connection.close();
  });

  test(`${name} never notices that the upstream's token has come to its announced end`, async (t) => {
    const { as, url, clock } = await startChain(
      t,
      startSdkMcpServer,
      { accessTokenTtl: 7200 },
      { accessTokenTtl: 3600 },
    );
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    await settled(connection);

    clock.advance(3600);
    const answer = await connection.call('echo', { text: 'renewed' });

    assert.equal(answer, 'renewed');
    assert.ok((provider.tokens()?.expires_in ?? 0) <= 3600);
    assert.equal(provider.savedTokens, 1);
    assert.equal(as.countTokenRequests('refresh_token'), 1);
    await connection.close();
  });

  test(`${name} in two windows refreshes at once: both go on, the upstream is asked once`, async (t) => {
    const { as, url, clock } = await startChain(t, startSdkMcpServer, {
      accessTokenTtl: 600,
      clockSkew: 0,
    });
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const one = await connect({ url, provider, authorize });
    // Another process with the same tokens: neither sees what the other one stores.
    const other = restarted(provider);
    const two = await connect({ url, provider: other });
    await Promise.all([settled(one), settled(two)]);

    clock.advance(600);
    const answers = await Promise.all([
      one.call('echo', { text: 'one' }),
      two.call('echo', { text: 'two' }),
    ]);
    clock.advance(600);
    const later = await Promise.all([
      two.call('echo', { text: 'three' }),
      one.call('echo', { text: 'four' }),
    ]);

    assert.deepEqual([...answers, ...later], ['one', 'two', 'three', 'four']);
    assert.equal(as.countTokenRequests('refresh_token'), 2);
    assert.equal(provider.authorizationUrls.length + other.authorizationUrls.length, 1);
    await Promise.all([one.close(), two.close()]);
  });

  test(`${name} reconnects in a new process with the tokens it saved`, async (t) => {
    const { as, mcp, url } = await startChain(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const first = await connect({
      url,
      provider,
      authorize: signingInUser(provider.redirectUrl),
    });
    await first.leave();

    const fresh = restarted(provider);
    const second = await connect({ url, provider: fresh });

    assert.equal(await second.call('echo', { text: 'again' }), 'again');
    assert.notEqual(second.sessionId, first.sessionId);
    assert.equal(fresh.authorizationUrls.length, 0);
    assert.equal(as.countTokenRequests(), 1);
    await second.close();
    assert.equal(mcp.sessions.size, 1);
  });

  test(`${name} is told invalid_grant once after a revocation upstream, and signs in again`, async (t) => {
    const { as, url, events } = await startChain(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    await settled(connection);

    await as.revokeGrants();
    await assert.rejects(connection.call('echo', { text: 'anybody?' }), {
      message: 'Unauthorized',
    });
    await connection.leave();
    // The refused call has already opened a browser, once; connecting anew opens another.
    assert.equal(provider.authorizationUrls.length, 2);
    const again = await connect({ url, provider, authorize });

    assert.equal(await again.call('echo', { text: 'back' }), 'back');
    assert.equal(provider.authorizationUrls.length, 3);
    assert.equal(as.countTokenRequests('refresh_token'), 1);
    assert.deepEqual(
      events.of('token_refused').map((event) => event.error),
      ['invalid_grant'],
    );
    assert.deepEqual(
      events.of('grant_ended').map((event) => event.reason),
      ['upstream_refused'],
    );
    await again.close();
  });

  test(
    `${name} that leaves in the middle of a call is seen to leave by the upstream`,
    guarded,
    async (t) => {
      const { mcp, url } = await startChain(t, startSdkMcpServer);
      const provider = new MemoryOAuthProvider();
      const authorize = signingInUser(provider.redirectUrl);
      const connection = await connect({ url, provider, authorize });
      const stream = await mcp.requestWhere((request) => request.method === 'GET');

      mcp.release();
      const call = connection.call(
        'count',
        { steps: 2, paced: true },
        { onProgress: () => void connection.leave() },
      );

      await assert.rejects(call);
      assert.equal(await mcp.requests.at(-1)?.ended, 'aborted');
      assert.equal(await stream.ended, 'aborted');
    },
  );

  test(`${name} keeps its tokens while the MCP server is away, and works when it is back`, async (t) => {
    const { as, mcp, url } = await startChain(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    const before = provider.tokens();

    await mcp.close();
    await assert.rejects(connection.call('echo', { text: 'hello' }), /502|cannot be reached/);
    await connection.leave();
    await mcp.reopen();
    const again = await connect({ url, provider });

    assert.equal(await again.call('echo', { text: 'hello' }), 'hello');
    assert.deepEqual(provider.tokens(), before);
    assert.equal(as.countTokenRequests(), 1);
    await again.close();
  });

  test(`${name} keeps its tokens while the authorization server is away, and refreshes when it is back`, async (t) => {
    const { as, url, clock, events } = await startChain(t, startSdkMcpServer, {
      accessTokenTtl: 600,
      clockSkew: 0,
    });
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await connect({ url, provider, authorize });
    await settled(connection);
    const before = provider.tokens();

    await as.close();
    clock.advance(600);
    await assert.rejects(connection.call('echo', { text: 'hello' }));
    assert.deepEqual(provider.tokens(), before);
    assert.deepEqual(
      events.of('token_refused').map((event) => event.error),
      ['temporarily_unavailable'],
    );
    await as.reopen();
    const answer = await connection.call('echo', { text: 'hello' });

    assert.equal(answer, 'hello');
    assert.equal(provider.authorizationUrls.length, 1);
    assert.equal(as.countTokenRequests('refresh_token'), 1);
    await connection.close();
  });

  test(`${name} is told when the user cancels, on either screen`, async (t) => {
    const { as, gateway, url } = await startChain(t, startSdkMcpServer);
    const cancels: readonly [string, (authorizationUrl: URL) => Promise<URLSearchParams>][] = [
      ['screen 1', (address) => cancelled(address, { name: 'decision', value: 'deny' })],
      ['screen 2', (address) => cancelled(address, allow)],
    ];

    for (const [screen, authorize] of cancels) {
      const provider = new MemoryOAuthProvider();
      const refusal = connect({ url, provider, authorize });

      await assert.rejects(refusal, (error) => {
        assert.ok(error instanceof AuthorizationRefused, screen);
        assert.equal(error.error, 'access_denied', screen);
        assert.equal(error.parameters.get('iss'), gateway.url, screen);
        return true;
      });
    }
    assert.equal(as.countTokenRequests(), 0);
  });

  for (const method of ['client_secret_basic', 'client_secret_post']) {
    test(`${name} that registers for ${method} gets tokens and refreshes them`, async (t) => {
      const { url, clock } = await startChain(t, startSdkMcpServer, {
        accessTokenTtl: 600,
        clockSkew: 0,
      });
      const provider = new MemoryOAuthProvider({
        clientMetadata: { token_endpoint_auth_method: method },
      });
      const authorize = signingInUser(provider.redirectUrl);
      const connection = await connect({ url, provider, authorize });
      await settled(connection);

      clock.advance(600);
      await connection.toolNames();

      assert.match(provider.clientInformation()?.client_secret ?? '', /^[A-Za-z0-9_-]{43}$/);
      assert.equal(provider.savedTokens, 2);
      assert.equal(provider.authorizationUrls.length, 1);
      await connection.close();
    });
  }

  test(`${name} connects without a state, and by 127.0.0.1 as well as by localhost`, async (t) => {
    const { gateway } = await startChain(t, startSdkMcpServer);
    const port = new URL(gateway.url).port;

    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      const provider = new MemoryOAuthProvider({ state: false });
      const authorize = signingInUser(provider.redirectUrl);
      const url = `http://${host}:${port}/mcp`;

      const connection = await connect({ url, provider, authorize });

      assert.equal(await connection.call('echo', { text: host }), host);
      const asked = provider.authorizationUrls[0];
      assert.equal(asked?.searchParams.get('resource'), url);
      assert.equal(asked?.host, `${host}:${port}`);
      await connection.close();
    }
  });
}

/** The user signs in at the gateway, or cancels there already; at oidc-provider the user cancels in any case. */
async function cancelled(
  url: URL,
  button: { readonly name: string; readonly value: string },
): Promise<URLSearchParams> {
  const browser = new Browser(url.searchParams.get('redirect_uri') ?? '');
  const [form] = (await browser.visit(url)).forms;
  assert.ok(form);
  const typed = button.value === 'allow' ? credentials : {};
  const page = await browser.submit(form, typed, button);
  const end = page.callback ? page : await cancelOidcProvider(browser, page);
  return end.callback ?? new URLSearchParams();
}

test(
  'ten refreshes at once with one token get ten working pairs, and the upstream is asked once',
  guarded,
  async (t) => {
    const asked = gate();
    let isHeld = false;
    const { as, mcp } = await startUpstream(t, startSdkMcpServer, {
      beforeTokenRequest: () => (isHeld ? asked.pass() : undefined),
    });
    const clock = movableClock();
    let waiting = 0;
    // Nine wait for the tenth: only then does the upstream answer, so that none of them comes when all is over.
    const sleep = async (milliseconds: number): Promise<void> => {
      waiting += 1;
      if (waiting === 9) asked.open();
      if (waiting <= 9) await asked.pass();
      await clock.sleep(milliseconds);
    };
    const gateway = await startGateway(t, { upstreamRs: mcp.url }, { clock: { ...clock, sleep } });
    const provider = new MemoryOAuthProvider();
    const [sdk] = sdks;
    assert.ok(sdk);
    const url = `${gateway.url}/mcp`;
    const authorize = signingInUser(provider.redirectUrl);
    const connection = await sdk.connect({ url, provider, authorize });
    await settled(connection);
    const before = provider.tokens();

    isHeld = true;
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: before?.refresh_token ?? '',
      client_id: provider.clientInformation()?.client_id ?? '',
    });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        fetch(`${gateway.url}/token`, { method: 'POST', body: form }),
      ),
    );
    const pairs = await Promise.all(
      answers.map((answer) => answer.json() as Promise<ReturnType<typeof provider.tokens>>),
    );

    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([200]));
    assert.equal(as.countTokenRequests('refresh_token'), 1);
    for (const pair of [...pairs, before]) {
      assert.ok(pair);
      provider.saveTokens(pair);
      assert.equal(await connection.call('echo', { text: 'in' }), 'in');
    }
    await connection.close();
  },
);
