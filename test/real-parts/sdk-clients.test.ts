import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Browser, cancelOidcProvider } from '../support/real/browser-driver.ts';
import { AuthorizationRefused, connectV1, connectV2, sdks } from '../support/real/mcp-clients.ts';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { MemoryOAuthProvider } from '../support/real/memory-oauth-provider.ts';
import { hashToken } from '../support/real/protected-mcp.ts';
import { approvingUser, startUpstream } from './direct-setup.ts';

for (const { name, connect } of sdks) {
  test(`${name} finds the authorization server, registers, logs in and calls tools`, async (t) => {
    const { as, mcp } = await startUpstream(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = approvingUser(provider.redirectUrl, 'bob');

    const connection = await connect({ url: mcp.url, provider, authorize });

    assert.deepEqual(await connection.toolNames(), ['echo', 'count', 'ask', 'notify', 'whoami']);
    assert.equal(await connection.call('echo', { text: 'hello' }), 'hello');
    assert.deepEqual(JSON.parse(await connection.call('whoami')), {
      tokenHash: hashToken(provider.tokens()?.access_token ?? ''),
      subject: 'bob',
      clientId: provider.clientInformation()?.client_id,
      scopes: ['mcp'],
    });
    assert.equal(as.registrations.length, 1);
    assert.equal(as.authorizationRequests[0]?.get('code_challenge_method'), 'S256');
    assert.equal(as.authorizationRequests[0]?.get('resource'), mcp.url);
    assert.equal(as.tokenRequests[0]?.form.get('resource'), mcp.url);
    await connection.close();
  });

  test(`${name} receives each progress notification while the call still runs`, async (t) => {
    const { mcp } = await startUpstream(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = approvingUser(provider.redirectUrl);
    const connection = await connect({ url: mcp.url, provider, authorize });
    const steps: number[] = [];

    // The server takes a step only when the one before has arrived: a byte held back would stop both for ever.
    mcp.release();
    const result = await connection.call(
      'count',
      { steps: 5, paced: true },
      {
        onProgress: (step) => {
          steps.push(step);
          mcp.release();
        },
      },
    );

    assert.equal(result, 'counted to 5');
    assert.deepEqual(steps, [1, 2, 3, 4, 5]);
    await connection.close();
  });

  test(`${name} hears the server on the standalone stream`, async (t) => {
    const { mcp } = await startUpstream(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = approvingUser(provider.redirectUrl);
    const messages: unknown[] = [];
    let hear = (): void => {};
    const arrived = new Promise<void>((resolve) => {
      hear = resolve;
    });
    const log = (data: unknown): void => {
      messages.push(data);
      hear();
    };
    const connection = await connect({ url: mcp.url, provider, authorize, handlers: { log } });

    assert.equal(await connection.call('notify', { text: 'news' }), 'notified');
    await arrived;

    assert.deepEqual(messages, ['news']);
    assert.equal(mcp.requests.filter((request) => request.method === 'GET').length, 1);
    await connection.close();
  });

  for (const via of ['call', 'stream']) {
    test(`${name} answers what the server asks, via the ${via}`, async (t) => {
      const { mcp } = await startUpstream(t, startSdkMcpServer);
      const provider = new MemoryOAuthProvider();
      const connection = await connect({
        url: mcp.url,
        provider,
        authorize: approvingUser(provider.redirectUrl),
        handlers: {
          elicit: (message) => `${message} Blue.`,
          sample: (prompt) => `${prompt} Green.`,
        },
      });

      const question = 'Which colour?';
      const elicited = await connection.call('ask', { question, via });
      const sampled = await connection.call('ask', { question, via, kind: 'sampling' });

      assert.equal(elicited, 'accept: Which colour? Blue.');
      assert.equal(sampled, 'Which colour? Green.');
      await connection.close();
    });
  }

  test(`${name} refreshes once when its token has expired, and goes on`, async (t) => {
    const { as, mcp } = await startUpstream(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = approvingUser(provider.redirectUrl);
    const connection = await connect({ url: mcp.url, provider, authorize });
    const before = provider.tokens();
    // Not before the stream is open: both SDKs would refresh once for it and once for the call, with one token.
    await connection.call('notify', { text: 'the stream is open' });

    await as.expireAccessTokens();
    const answer = await connection.call('echo', { text: 'still here' });

    assert.equal(answer, 'still here');
    assert.equal(as.countTokenRequests('refresh_token'), 1);
    assert.equal(as.tokenRequests.at(-1)?.form.get('resource'), mcp.url);
    assert.notEqual(provider.tokens()?.access_token, before?.access_token);
    assert.notEqual(provider.tokens()?.refresh_token, before?.refresh_token);
    assert.equal(provider.authorizationUrls.length, 1);
    await connection.close();
  });

  test(`${name} asks for a new login when its grant has been revoked`, async (t) => {
    const { as, mcp } = await startUpstream(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = approvingUser(provider.redirectUrl);
    const connection = await connect({ url: mcp.url, provider, authorize });

    await as.revokeGrants();
    await assert.rejects(connection.call('echo', { text: 'anybody?' }), {
      message: 'Unauthorized',
    });
    await connection.leave();
    const again = await connect({ url: mcp.url, provider, authorize });

    assert.equal(as.tokenRequests[1]?.error, 'invalid_grant');
    assert.equal(await again.call('echo', { text: 'back' }), 'back');
    await again.close();
  });

  test(`${name} reconnects with what it remembers, without a login`, async (t) => {
    const { as, mcp } = await startUpstream(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const first = await connect({
      url: mcp.url,
      provider,
      authorize: approvingUser(provider.redirectUrl),
    });
    await first.close();

    const second = await connect({ url: mcp.url, provider });

    assert.notEqual(second.sessionId, first.sessionId);
    assert.deepEqual([...mcp.sessions.keys()], [second.sessionId]);
    assert.equal(as.countTokenRequests(), 1);
    await second.close();
    assert.equal(mcp.sessions.size, 0);
  });

  test(`${name} that leaves in the middle of a call is seen to leave`, async (t) => {
    const { mcp } = await startUpstream(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const authorize = approvingUser(provider.redirectUrl);
    const connection = await connect({ url: mcp.url, provider, authorize });
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
  });

  test(`${name} is told when the user cancels`, async (t) => {
    const { as, mcp } = await startUpstream(t, startSdkMcpServer);
    const provider = new MemoryOAuthProvider();
    const browser = new Browser(provider.redirectUrl);
    const authorize = async (url: URL): Promise<URLSearchParams> => {
      const page = await cancelOidcProvider(browser, await browser.visit(url));
      return page.callback ?? new URLSearchParams();
    };

    const refusal = connect({ url: mcp.url, provider, authorize });

    await assert.rejects(refusal, (error) => {
      assert.ok(error instanceof AuthorizationRefused);
      assert.equal(error.error, 'access_denied');
      assert.equal(error.parameters.get('iss'), as.issuer);
      return true;
    });
    assert.equal(as.countTokenRequests(), 0);
  });

  for (const method of ['client_secret_basic', 'client_secret_post']) {
    test(`${name} proves itself with ${method} when it registered so`, async (t) => {
      const { as, mcp } = await startUpstream(t, startSdkMcpServer);
      const provider = new MemoryOAuthProvider({
        clientMetadata: { token_endpoint_auth_method: method },
      });
      const authorize = approvingUser(provider.redirectUrl);
      const connection = await connect({ url: mcp.url, provider, authorize });

      await connection.call('notify', { text: 'the stream is open' });
      await as.expireAccessTokens();
      await connection.toolNames();

      assert.deepEqual(
        as.tokenRequests.map((request) => [request.clientAuthentication, request.status]),
        [
          [method, 200],
          [method, 200],
        ],
      );
      await connection.close();
    });
  }
}

/** A user whose browser comes back from somebody else's authorization server. */
function misledUser(redirectUri: string): (url: URL) => Promise<URLSearchParams> {
  const approve = approvingUser(redirectUri);
  return async (url) => {
    const callback = await approve(url);
    callback.set('iss', 'https://elsewhere.example');
    return callback;
  };
}

test('SDK v2 never redeems a code that comes with the wrong issuer', async (t) => {
  const { as, mcp } = await startUpstream(t, startSdkMcpServer);
  const provider = new MemoryOAuthProvider();
  const authorize = misledUser(provider.redirectUrl);

  const connecting = connectV2({ url: mcp.url, provider, authorize });

  await assert.rejects(connecting, { name: 'IssuerMismatchError' });
  assert.equal(as.countTokenRequests(), 0);
});

test('SDK v1 does not look at the issuer', async (t) => {
  const { mcp } = await startUpstream(t, startSdkMcpServer);
  const provider = new MemoryOAuthProvider();
  const authorize = misledUser(provider.redirectUrl);

  const connection = await connectV1({ url: mcp.url, provider, authorize });

  assert.equal(await connection.call('echo', { text: 'in' }), 'in');
  await connection.close();
});

test('an MCP server that was away knows its address, and none of its sessions', async (t) => {
  const { mcp } = await startUpstream(t, startSdkMcpServer);
  const provider = new MemoryOAuthProvider();
  const authorize = approvingUser(provider.redirectUrl);
  const connection = await connectV1({ url: mcp.url, provider, authorize });

  await mcp.close();
  await mcp.reopen();
  await assert.rejects(connection.call('echo', { text: 'hello' }), { code: 404 });
  await connection.leave();
  const again = await connectV1({ url: mcp.url, provider });

  assert.equal(await again.call('echo', { text: 'hello' }), 'hello');
  await again.close();
});

test('SDK v2 falls back to the session protocol when it probed for the newest', async (t) => {
  const { mcp } = await startUpstream(t, startSdkMcpServer);
  const provider = new MemoryOAuthProvider();
  const authorize = approvingUser(provider.redirectUrl);

  const connection = await connectV2(
    { url: mcp.url, provider, authorize },
    { versionNegotiation: { mode: 'auto' } },
  );

  assert.equal(await connection.call('echo', { text: 'old and new' }), 'old and new');
  assert.equal(mcp.requests[0]?.headers['mcp-method'], 'server/discover');
  await connection.close();
});
