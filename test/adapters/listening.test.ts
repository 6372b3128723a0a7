import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type TestContext, test } from 'node:test';
import { type Listening, listen, serverLimits } from '../../src/adapters/http/listening.ts';
import { bodyLimits, readBody } from '../../src/adapters/http/request-body.ts';

const hour = 3_600_000;
const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === '::1'),
);

async function start(
  t: TestContext,
  host: string,
  listener: Parameters<typeof listen>[2] = (_, response) => response.end('ok'),
): Promise<Listening> {
  const listening = await listen(host, 0, listener);
  t.after(() => listening.close(0));
  return listening;
}

async function answerOf(host: string, port: number): Promise<string> {
  const sent = request({ host, port, agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.setEncoding('utf8');
  let body = '';
  for await (const chunk of answer) body += chunk;
  return body;
}

test('localhost is both families, on one port', async (t) => {
  const { addresses, port } = await start(t, 'localhost');

  assert.deepEqual(addresses, hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']);
  for (const address of addresses) assert.equal(await answerOf(address, port), 'ok');
});

test('an address is that address alone', async (t) => {
  const { addresses, port } = await start(t, '127.0.0.1');

  assert.deepEqual(addresses, ['127.0.0.1']);
  if (hasIpv6) await assert.rejects(answerOf('::1', port), { code: 'ECONNREFUSED' });
});

for (const taken of hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
  test(`localhost on a port that ${taken} has taken is the system’s error, and leaves nothing listening`, async (t) => {
    const other = createServer((_, response) => response.end('other'));
    other.listen(0, taken);
    await once(other, 'listening');
    t.after(() => other.close());
    const { port } = other.address() as AddressInfo;

    await assert.rejects(
      listen('localhost', port, () => {}),
      { code: 'EADDRINUSE', port },
    );

    assert.equal(await answerOf(taken, port), 'other');
    const free = taken === '::1' ? '127.0.0.1' : '::1';
    if (hasIpv6) await assert.rejects(answerOf(free, port), { code: 'ECONNREFUSED' });
  });
}

test('a host that is not of this machine is the system’s error', async () => {
  await assert.rejects(
    listen('192.0.2.1', 0, () => {}),
    { code: 'EADDRNOTAVAIL' },
  );
});

test('nothing limits how long a request takes, and a token of many kilobytes fits', async (t) => {
  let server: Server | undefined;
  const { port } = await start(t, '127.0.0.1', (received, response) => {
    server = (received.socket as unknown as { readonly server: Server }).server;
    response.end('ok');
  });
  const sent = request({
    port,
    host: '127.0.0.1',
    agent: false,
    headers: { authorization: `Bearer ${'x'.repeat(30_000)}`, cookie: 'y'.repeat(20_000) },
  });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.resume();

  assert.equal(answer.statusCode, 200);
  assert.equal(server?.requestTimeout, 0);
  assert.equal(server?.timeout, 0);
  // Longer than common load balancers keep a connection that is idle.
  assert.ok((server?.keepAliveTimeout ?? 0) > 60_000);
});

// With patience for an hour: without what it says, this would outlast every test.
test('a stop waits for what runs and not for connections that are kept', {
  timeout: 60_000,
}, async (t) => {
  let finish = (): void => {};
  const { port, close } = await start(t, '127.0.0.1', (received, response) => {
    if (received.url === '/slow') finish = () => response.end('done');
    else response.end('ok');
    if (received.url === '/slow') response.flushHeaders();
  });
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const idle = request({ port, host: '127.0.0.1', agent });
  idle.end();
  const [first] = (await once(idle, 'response')) as [IncomingMessage];
  first.resume();
  await once(first, 'end');
  const busy = request({
    port,
    host: '127.0.0.1',
    agent: new Agent({ keepAlive: true }),
    path: '/slow',
  });
  busy.end();
  const [second] = (await once(busy, 'response')) as [IncomingMessage];

  const closed = close(hour);
  finish();
  second.resume();
  await once(second, 'end');

  await closed;
});

test('a stop without patience cuts what runs', { timeout: 60_000 }, async (t) => {
  const { port, close } = await start(t, '127.0.0.1', (_, response) => response.flushHeaders());
  const sent = request({ port, host: '127.0.0.1', agent: false });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];

  await close(0);

  await assert.rejects(once(answer.resume(), 'end'), { code: 'ECONNRESET' });
});

/** What `readBody` says to a request that is sent by hand. */
async function bodyOf(
  t: TestContext,
  send: (socket: ReturnType<typeof connect>) => void,
): Promise<unknown> {
  let tell = (_: unknown): void => {};
  const told = new Promise((resolve) => {
    tell = resolve;
  });
  const { port } = await start(t, '127.0.0.1', async (received, response) => {
    tell(await readBody(received, bodyLimits.token));
    response.end();
  });
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  send(socket);
  return told;
}

const head = 'POST / HTTP/1.1\r\nHost: x\r\n';

test('a body is read whole, however it is cut up', async (t) => {
  const bytes = Buffer.from('aäb');
  const body = await bodyOf(t, (socket) => {
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    // The first half of a character, and then the second.
    for (const part of [bytes.subarray(0, 2), bytes.subarray(2)]) {
      socket.write(`${part.length}\r\n`);
      socket.write(part);
      socket.write('\r\n');
    }
    socket.write('0\r\n\r\n');
  });

  assert.deepEqual(body, { ok: true, value: 'aäb' });
});

test('no body is an empty one', async (t) => {
  assert.deepEqual(await bodyOf(t, (socket) => socket.write(`${head}\r\n`)), {
    ok: true,
    value: '',
  });
});

for (const [bytes, expected] of [
  [128 * 1024, true],
  [128 * 1024 + 1, false],
] as const) {
  test(`a body of ${bytes} bytes is ${expected ? 'read' : 'too long'}`, async (t) => {
    const body = await bodyOf(t, (socket) => {
      // One that is too long is not waited for to its end.
      const announced = expected ? bytes : 1024 * bytes;
      socket.write(`${head}Content-Length: ${announced}\r\n\r\n${'x'.repeat(bytes)}`);
    });

    assert.deepEqual(
      body,
      expected ? { ok: true, value: 'x'.repeat(bytes) } : { ok: false, failure: 'too_long' },
    );
  });
}

test('a body whose sender goes away did not arrive whole', async (t) => {
  const body = await bodyOf(t, (socket) => {
    socket.write(`${head}Content-Length: 10\r\n\r\n12345`, () => socket.destroy());
  });

  assert.deepEqual(body, { ok: false, failure: 'broken' });
});

test('a body that dribbles in for half a minute is too slow', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let started = (): void => {};
  const isReading = new Promise<void>((resolve) => {
    started = resolve;
  });
  let outcome: unknown;
  const { port } = await start(t, '127.0.0.1', (received, response) => {
    void readBody(received, bodyLimits.token).then((body) => {
      outcome = body;
      response.end('told');
    });
    started();
  });
  const socket = connect({ host: '127.0.0.1', port });
  t.after(() => socket.destroy());
  socket.write(`${head}Content-Length: 10\r\n\r\n1`);

  await isReading;
  t.mock.timers.tick(29_999);
  assert.equal(outcome, undefined);
  t.mock.timers.tick(1);
  await once(socket, 'data');
  socket.destroy();
  t.mock.timers.reset();

  assert.deepEqual(outcome, { ok: false, failure: 'too_slow' });
});

test('headers have to be there in a minute, a whole request may take its time', () => {
  const server = createServer(serverLimits);

  assert.equal(server.headersTimeout, 60_000);
  assert.equal(server.requestTimeout, 0);
});
