import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, createServer, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { chunkQueue } from '../../src/adapters/testing/chunk-queue.ts';
import { startHttpAuthorizationServer } from '../../src/adapters/testing/http-authorization-server.ts';
import {
  bytesAnswer,
  challengeAnswer,
  emptyAnswer,
  eventStreamAnswer,
  jsonAnswer,
  messageEvent,
} from '../../src/adapters/testing/mcp-answers.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';
import { type Stage, startStage } from './fake-stage.ts';
import { halvesOf, logIn, send, type Tokens } from './raw-client.ts';

interface ProxyStage extends Stage {
  readonly tokens: Tokens;
  readonly mcpUrl: string;
  /** The header that opens /mcp. */
  readonly bearer: { readonly authorization: string };
}

/** A client that has logged in, at an MCP server whose answers are scripted. */
async function startProxy(test: TestContext): Promise<ProxyStage> {
  const stage = await startStage(test);
  const { tokens } = await logIn(stage.base);
  const bearer = { authorization: `Bearer ${tokens.access_token}` };
  return { ...stage, tokens, bearer, mcpUrl: `${stage.base}/mcp` };
}

/** For what would else wait for ever where it fails. */
const guarded = { timeout: 60_000 };

/** A request whose answer is read by hand. */
async function open(
  url: string,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
): Promise<{ readonly sent: ClientRequest; readonly answer: IncomingMessage }> {
  const sent = request(url, { method, headers });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.setEncoding('utf8');
  return { sent, answer };
}

for (const query of ['', '?access_token=x']) {
  test(`a request without a token, to /mcp${query}, is challenged without an error`, async (t) => {
    const { base, mcp } = await startStage(t);

    for (const method of ['POST', 'GET', 'DELETE', 'HEAD'] as const) {
      const answer = await send(`${base}/mcp${query}`, { method });

      assert.equal(answer.status, 401);
      assert.equal(
        answer.headers['www-authenticate'],
        `Bearer resource_metadata="${base}/.well-known/oauth-protected-resource/mcp"`,
      );
      assert.equal(answer.headers['cache-control'], 'no-store');
    }
    assert.equal(mcp.calls.length, 0);
  });
}

const badTokens: readonly (readonly [string, string])[] = [
  ['made up', 'Bearer made-up'],
  ['two words', 'Bearer one two'],
  [
    'a pair that nobody issued',
    `Bearer ${Buffer.from(`${'a'.repeat(22)}.${'b'.repeat(43)}:x`).toString('base64url')}`,
  ],
  ['of 40 kilobytes', `Bearer ${'x'.repeat(40_000)}`],
];
for (const [what, authorization] of badTokens) {
  test(`a token that is ${what} is challenged as invalid_token`, async (t) => {
    const { base, mcp } = await startStage(t);

    const answer = await send(`${base}/mcp`, { method: 'POST', headers: { authorization } });

    assert.equal(answer.status, 401);
    assert.match(
      answer.headers['www-authenticate'] ?? '',
      /^Bearer error="invalid_token", error_description="[^"]+", resource_metadata="http:[^"]+\/mcp"$/,
    );
    assert.equal(answer.json().error, 'invalid_token');
    assert.equal(mcp.calls.length, 0);
  });
}

for (const authorization of ['Basic eDp5', 'Bearer', 'Bearer ', '', 'DPoP x']) {
  test(`an Authorization without a bearer token is challenged as none: "${authorization}"`, async (t) => {
    const { base } = await startStage(t);

    const answer = await send(`${base}/mcp`, { method: 'POST', headers: { authorization } });

    assert.equal(answer.status, 401);
    assert.doesNotMatch(answer.headers['www-authenticate'] ?? 'error', /error/);
    assert.equal(answer.json().error, 'unauthorized');
  });
}

test('a token in another case of the scheme is as good', async (t) => {
  const { mcpUrl, tokens } = await startProxy(t);

  const headers = { authorization: `bEARER  ${tokens.access_token}` };

  assert.equal((await send(mcpUrl, { method: 'POST', headers })).status, 400);
});

test('a request crosses with the upstream’s token, its own headers and its body, and nothing else', async (t) => {
  const { mcpUrl, mcp, bearer, tokens } = await startProxy(t);
  mcp.answerNext(jsonAnswer({ fine: true }));

  await send(`${mcpUrl}?a=1&b=%20`, {
    method: 'POST',
    headers: {
      ...bearer,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'last-event-id': '42',
      'mcp-session-id': 'session',
      'MCP-Protocol-Version': '2025-11-25',
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
      'mcp-param-anything': 'x',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'user-agent': 'an-editor/1.0',
      cookie: 'secret=1',
      origin: 'http://localhost:6274',
      referer: 'https://evil.example/',
      'x-forwarded-for': '10.0.0.1',
      'proxy-authorization': 'Basic eDp5',
      forwarded: 'for=10.0.0.1',
      'x-api-key': 'of the client',
      'x-hop': 'mine',
      connection: 'keep-alive, x-hop',
    },
    body: '{"jsonrpc":"2.0"}',
  });

  const [call] = mcp.calls;
  assert.ok(call);
  const { host, 'user-agent': agent, ...headers } = call.headers;
  assert.equal(host, new URL(mcp.url).host);
  assert.match(agent ?? '', /^an-editor\/1\.0 mcp-oauth-gateway\/\d/);
  assert.deepEqual(headers, {
    authorization: `Bearer ${halvesOf(tokens.access_token)[1]}`,
    connection: 'keep-alive',
    'content-length': '17',
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'last-event-id': '42',
    'mcp-session-id': 'session',
    'mcp-protocol-version': '2025-11-25',
    'mcp-method': 'tools/call',
    'mcp-name': 'echo',
    'mcp-param-anything': 'x',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  });
  assert.equal(call.method, 'POST');
  assert.equal(call.query, '?a=1&b=%20');
  assert.equal(Buffer.from(call.body).toString(), '{"jsonrpc":"2.0"}');
});

test('an answer crosses with status and headers, but for cookies and what is for one hop', async (t) => {
  const { mcpUrl, mcp, bearer } = await startProxy(t);
  mcp.answerNext(
    jsonAnswer(
      { said: 'ünïcode' },
      {
        status: 418,
        headers: [
          ...['Mcp-Session-Id', 'session', 'Mcp-Anything', 'x', 'X-Own', 'kept', 'ETag', '"1"'],
          ...['Set-Cookie', 'a=b', 'Set-Cookie', 'c=d', 'X-Hop', 'gone', 'Connection', 'X-Hop'],
          ...['Strict-Transport-Security', 'max-age=1', 'Access-Control-Allow-Origin', '*'],
          ...['WWW-Authenticate', 'Bearer error="x"', 'Clear-Site-Data', '"*"'],
          ...['X-Repeated', '1', 'X-Repeated', '2'],
        ],
      },
    ),
  );

  const answer = await send(mcpUrl, { method: 'POST', headers: bearer });

  const { date, connection, 'keep-alive': _, 'x-request-id': id, ...headers } = answer.headers;
  assert.ok(date && connection && id);
  assert.equal(answer.status, 418);
  assert.deepEqual(headers, {
    'content-type': 'application/json',
    'mcp-session-id': 'session',
    'mcp-anything': 'x',
    'x-own': 'kept',
    etag: '"1"',
    'x-repeated': '1,2',
    'transfer-encoding': 'chunked',
  });
  assert.deepEqual(answer.json(), { said: 'ünïcode' });
});

for (const path of ['/mcp', '/mcp/', '/', '/deep/er/?key=a%2fb', '/mcp?x=1']) {
  test(`an upstream at ${path} is asked at exactly that, slash and query included`, async (t) => {
    const server = createServer((received, response) => response.end(received.url));
    const { origin, close } = await listenOnLoopback(server);
    t.after(close);
    const { base } = await startStage(t, {
      upstreamRs: origin + path,
      upstreamClientId: 'gateway',
      ...(await endpointsOfAnother(t)),
    });
    const { tokens } = await logIn(base);
    const headers = { authorization: `Bearer ${tokens.access_token}` };

    const plain = await send(`${base}/mcp`, { method: 'POST', headers });
    const slash = await send(`${base}/mcp/`, { method: 'POST', headers });
    const query = await send(`${base}/mcp?q=1`, { method: 'POST', headers });

    assert.equal(plain.text, path);
    assert.equal(slash.text, path);
    assert.equal(query.text, `${path}${path.includes('?') ? '&' : '?'}q=1`);
  });
}

test('a client cannot name again what the operator has set in the upstream’s URL', async (t) => {
  const server = createServer((received, response) => response.end(received.url));
  const { origin, close } = await listenOnLoopback(server);
  t.after(close);
  const { base } = await startStage(t, {
    upstreamRs: `${origin}/mcp?readonly=true`,
    upstreamClientId: 'gateway',
    ...(await endpointsOfAnother(t)),
  });
  const { tokens } = await logIn(base);
  const headers = { authorization: `Bearer ${tokens.access_token}` };

  const answer = await send(`${base}/mcp?a=1&readonl%79=false&b`, { method: 'POST', headers });

  assert.equal(answer.text, '/mcp?readonly=true&a=1&b');
});

/** An authorization server that knows the client `gateway`, by its endpoints. */
async function endpointsOfAnother(t: TestContext) {
  const client = { clientId: 'gateway', clientSecret: undefined, redirectUris: undefined };
  const as = await startHttpAuthorizationServer({
    clients: [client],
    traits: { autoApprove: true },
  });
  t.after(as.close);
  const { authorizationEndpoint, tokenEndpoint } = as;
  return {
    upstreamAuthorizeEndpoint: authorizationEndpoint,
    upstreamTokenEndpoint: tokenEndpoint,
  };
}

test(
  'an event stream arrives event by event, marked for the proxies on its way',
  guarded,
  async (t) => {
    const { mcpUrl, mcp, bearer } = await startProxy(t);
    const events = chunkQueue();
    mcp.answerNext(
      eventStreamAnswer(events, {
        headers: ['Cache-Control', 'public', 'X-Accel-Buffering', 'yes'],
      }),
    );

    // The headers come before the first event: this would wait for ever if they were held back.
    const { answer } = await open(mcpUrl, bearer);
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['content-type'], 'text/event-stream');
    assert.equal(answer.headers['cache-control'], 'no-cache, no-transform');
    assert.equal(answer.headers['x-accel-buffering'], 'no');
    for (const id of [1, 2, 3]) {
      const event = messageEvent({ jsonrpc: '2.0', id });
      events.push(event);
      // The next is sent only when this one is here.
      assert.deepEqual(await once(answer, 'data'), [event]);
    }
    events.push(': half an event');
    assert.deepEqual(await once(answer, 'data'), [': half an event']);
    events.end();
    await once(answer, 'end');
  },
);

test('a body is streamed to the upstream while it is still being sent', guarded, async (t) => {
  const arrivals = chunkQueue();
  const server = createServer((received, response) => {
    received.on('data', (chunk: Buffer) => arrivals.push(chunk));
    received.on('end', () => response.end('done'));
  });
  const { origin, close } = await listenOnLoopback(server);
  t.after(close);
  const { base } = await startStage(t, {
    upstreamRs: `${origin}/mcp`,
    upstreamClientId: 'gateway',
    ...(await endpointsOfAnother(t)),
  });
  const { tokens } = await logIn(base);
  const sent = request(`${base}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  const reader = arrivals[Symbol.asyncIterator]();

  for (const part of ['one', 'two', 'three']) {
    sent.write(part);
    const { value } = await reader.next();
    assert.equal(Buffer.from(value ?? []).toString(), part);
  }
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];

  assert.equal(answer.statusCode, 200);
  answer.resume();
  await once(answer, 'end');
});

test('a megabyte goes there and back byte for byte, also with an announced length', async (t) => {
  const { mcpUrl, mcp, bearer } = await startProxy(t);
  const bytes = Buffer.alloc(1024 * 1024, 'bytes of no special meaning \u00ff');
  mcp.answerNext(bytesAnswer([bytes], { headers: ['Content-Length', String(bytes.length)] }));
  const sent = request(mcpUrl, { method: 'POST', headers: bearer });

  sent.end(bytes);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const received: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) received.push(chunk);

  assert.equal(answer.headers['content-length'], String(bytes.length));
  assert.ok(Buffer.concat(received).equals(bytes));
  assert.ok(Buffer.from(mcp.calls[0]?.body ?? []).equals(bytes));
});

for (const status of [202, 204, 304, 404, 405, 500]) {
  test(`the upstream’s ${status} without a body is the client’s ${status}`, async (t) => {
    const { mcpUrl, mcp, bearer } = await startProxy(t);
    mcp.answerNext(emptyAnswer(status, ['Mcp-Session-Id', 's']));

    const answer = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });

    assert.equal(answer.status, status);
    assert.equal(answer.headers['mcp-session-id'], 's');
    assert.equal(answer.text, '');
  });
}

test('DELETE crosses, and so does its answer', async (t) => {
  const { mcpUrl, mcp, bearer } = await startProxy(t);
  mcp.answerNext(emptyAnswer(204));

  const headers = { ...bearer, 'mcp-session-id': 'session' };
  const answer = await send(mcpUrl, { method: 'DELETE', headers });

  assert.equal(answer.status, 204);
  assert.equal(mcp.calls[0]?.method, 'DELETE');
  assert.equal(mcp.calls[0]?.headers['mcp-session-id'], 'session');
});

for (const method of ['GET', 'POST']) {
  test(
    `a client that leaves in the middle of a ${method} ends it at the upstream`,
    guarded,
    async (t) => {
      const { mcpUrl, mcp, bearer } = await startProxy(t);
      const events = chunkQueue();
      mcp.answerNext(eventStreamAnswer(events));
      const { sent, answer } = await open(mcpUrl, bearer, method);
      answer.on('error', () => {});

      sent.destroy();

      await events.left;
    },
  );
}

test(
  'a client that leaves before there is an answer ends the call at the upstream',
  guarded,
  async (t) => {
    let arrived = (_: IncomingMessage): void => {};
    const call = new Promise<IncomingMessage>((resolve) => {
      arrived = resolve;
    });
    const server = createServer((received) => arrived(received));
    const { origin, close } = await listenOnLoopback(server);
    t.after(close);
    const { base } = await startStage(t, {
      upstreamRs: `${origin}/mcp`,
      upstreamClientId: 'gateway',
      ...(await endpointsOfAnother(t)),
    });
    const { tokens } = await logIn(base);
    const sent = request(`${base}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    sent.on('error', () => {});
    sent.end('{}');
    const { socket } = await call;

    sent.destroy();

    await once(socket, 'close');
  },
);

test('an answer that breaks off is not made to look whole', async (t) => {
  const { mcpUrl, mcp, bearer } = await startProxy(t);
  const events = chunkQueue();
  mcp.answerNext(
    eventStreamAnswer(events, { breaks: true }),
    bytesAnswer(['half'], { breaks: true, headers: ['Content-Length', '8'] }),
  );

  const { answer } = await open(mcpUrl, bearer);
  events.push('data: 1\n\n');
  await once(answer, 'data');
  events.end();
  await assert.rejects(once(answer, 'end'), { code: 'ECONNRESET' });
  const counted = send(mcpUrl, { method: 'POST', headers: bearer });

  await assert.rejects(counted);
});

test('an upstream that is down is 502 with a sentence, and works again with the same tokens', async (t) => {
  const { mcpUrl, mcp, bearer } = await startProxy(t);

  await mcp.goDown();
  const down = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });
  await mcp.comeUp();
  mcp.answerNext(jsonAnswer({ back: true }));
  const back = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });

  assert.equal(down.status, 502);
  assert.deepEqual(down.json(), {
    error: 'upstream_unavailable',
    error_description: 'The upstream MCP server cannot be reached: try again later.',
  });
  assert.equal(back.status, 200);
});

test('an upstream that cuts the connection before an answer is 502', async (t) => {
  const { mcpUrl, mcp, bearer } = await startProxy(t);
  mcp.answerNext({ type: 'cut' });

  const answer = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });

  assert.equal(answer.status, 502);
  assert.equal(answer.json().error, 'upstream_unavailable');
});

test('an upstream that refuses its token is asked once more with a renewed one', async (t) => {
  const { mcpUrl, mcp, as, bearer } = await startProxy(t);
  as.dropAccessTokens();

  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} });
  const answer = await send(mcpUrl, { method: 'POST', headers: bearer, body });

  assert.equal(answer.status, 200);
  assert.deepEqual(
    mcp.calls.map((call) => Buffer.from(call.body).toString()),
    [body, body],
  );
  assert.notEqual(mcp.calls[0]?.token, mcp.calls[1]?.token);
  assert.deepEqual(as.tokenRequests, { authorization_code: 1, refresh_token: 1 });
});

test('an upstream that refuses every token is a challenge of our own, and its challenge stays behind', async (t) => {
  const { base, mcpUrl, mcp, as, bearer } = await startProxy(t);
  mcp.answerNext(challengeAnswer('Bearer realm="up"'), challengeAnswer('Bearer realm="up"'));

  const answer = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });

  assert.equal(answer.status, 401);
  assert.match(answer.headers['www-authenticate'] ?? '', /^Bearer error="invalid_token"/);
  assert.ok(answer.headers['www-authenticate']?.includes(`"${base}/.well-known/`));
  assert.ok(!answer.headers['www-authenticate']?.includes('realm'));
  assert.equal(mcp.calls.length, 2);
  assert.equal(as.tokenRequests.refresh_token, 1);
});

test('a renewal that the upstream cannot give just now is 503, and the token is still good', async (t) => {
  const { mcpUrl, mcp, as, bearer } = await startProxy(t);
  as.misbehave({ type: 'status', status: 503, retryAfter: 9 }, '/token');
  mcp.answerNext(challengeAnswer());

  const later = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });
  as.behave();
  mcp.answerNext(jsonAnswer({ fine: true }));
  const now = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });

  assert.equal(later.status, 503);
  assert.equal(later.headers['retry-after'], '9');
  assert.equal(later.headers['www-authenticate'], undefined);
  assert.equal(now.status, 200);
});

test('a demand of the upstream’s for more scope is passed on in our own name', async (t) => {
  const { base, mcpUrl, mcp, bearer } = await startProxy(t);
  const demand =
    'Bearer error="insufficient_scope", scope="read admin", resource_metadata="https://up.example/x"';
  mcp.answerNext(challengeAnswer(demand, 403), challengeAnswer('Bearer realm="x"', 403));

  const demanded = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });
  const plain = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });

  assert.equal(demanded.status, 403);
  assert.equal(
    demanded.headers['www-authenticate'],
    `Bearer error="insufficient_scope", scope="read admin", resource_metadata="${base}/.well-known/oauth-protected-resource/mcp"`,
  );
  assert.equal(plain.status, 403);
  assert.equal(plain.headers['www-authenticate'], undefined);
});

test('a demand for scope is one at 403 alone: no other answer has a challenge of ours', async (t) => {
  const { mcpUrl, mcp, bearer } = await startProxy(t);
  const demand = 'Bearer error="insufficient_scope", scope="read admin"';

  for (const status of [200, 400, 404, 500]) {
    mcp.answerNext(challengeAnswer(demand, status));
    const answer = await send(mcpUrl, { method: 'POST', headers: bearer, body: '{}' });

    assert.equal(answer.status, status);
    assert.equal(answer.headers['www-authenticate'], undefined, `${status}`);
  }
});

test('a 401 comes before the body is there, and the connection goes on', async (t) => {
  const { base } = await startStage(t);
  const { port } = new URL(base);
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  socket.setEncoding('utf8');
  const head = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n';

  socket.write(`${head}12345`);
  const [early] = await once(socket, 'data');
  socket.write(`67890${head}1234567890`);
  const [second] = await once(socket, 'data');
  socket.destroy();

  assert.match(early, /^HTTP\/1\.1 401 /);
  assert.match(second, /^HTTP\/1\.1 401 /);
});

test('two Authorization headers are none', async (t) => {
  const { base, tokens } = await startProxy(t);
  const { port } = new URL(base);
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  socket.setEncoding('utf8');
  const line = `Authorization: Bearer ${tokens.access_token}\r\n`;

  socket.write(`GET /mcp HTTP/1.1\r\nHost: localhost\r\n${line}${line}\r\n`);
  const [answer] = await once(socket, 'data');
  socket.destroy();

  assert.match(answer, /^HTTP\/1\.1 401 /);
});

test('a slow reader holds the upstream back, and gets everything', async (t) => {
  const { mcpUrl, mcp, bearer } = await startProxy(t);
  const block = Buffer.alloc(64 * 1024, 'b');
  let produced = 0;
  const endless = function* () {
    for (; produced < 1024; produced += 1) yield block;
  };
  mcp.answerNext(bytesAnswer(endless()));
  const { answer } = await open(mcpUrl, bearer);
  answer.pause();

  // Until nothing moves while others come and go: every buffer between there and here is full.
  for (let still = 0, before = 0; still < 30; still = produced === before ? still + 1 : 0) {
    before = produced;
    await send(new URL(mcpUrl).origin);
  }
  assert.ok(produced < 900, `${produced} blocks went out to nobody`);
  let length = 0;
  for await (const chunk of answer as AsyncIterable<string>) length += chunk.length;

  assert.equal(length, 1024 * block.length);
});
