import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { http1Connections } from '../../src/adapters/upstream/connections.ts';
import { httpResourceServer } from '../../src/adapters/upstream/resource-server.ts';
import { bothWays, sendCall, startWay } from './both-ways.ts';

test('an upstream that is slow to answer is a 504, where a time is set', async (t) => {
  const ways = await bothWays(t, () => new Promise(() => {}), { upstreamResponseTimeout: 1 });

  const { answer, socket } = await sendCall(ways.through, 'POST', ['Content-Length: 2'], '{}');
  const heard = await answer();

  assert.equal(heard?.start, 'HTTP/1.1 504 Gateway Timeout');
  assert.match(heard.body, /took too long to answer/);
  socket.destroy();
});

test('the time is for the first header: a stream may then be silent for longer', async (t) => {
  const ways = await bothWays(
    t,
    (request, socket) => {
      if (request.start.startsWith('POST')) return new Promise(() => {});
      return socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n:1\n');
    },
    { upstreamResponseTimeout: 1 },
  );
  const stream = await sendCall(ways.through, 'GET');
  await stream.wire.through(':1\n');
  const { answer, socket } = await sendCall(ways.through, 'POST', ['Content-Length: 2'], '{}');

  assert.equal((await answer())?.start.split(' ')[1], '504');

  const [upstream] = ways.connections;
  upstream?.write(':2\n');
  assert.ok(await stream.wire.through(':2\n'), 'the stream goes on after the other call timed out');
  stream.socket.destroy();
  socket.destroy();
});

test('an upstream that nobody answers at is a 502', async (t) => {
  const way = await startWay(t, { upstreamRs: 'http://127.0.0.1:1/mcp' });

  const { answer, socket } = await sendCall(way, 'POST', ['Content-Length: 2'], '{}');
  const heard = await answer();

  assert.equal(heard?.start, 'HTTP/1.1 502 Bad Gateway');
  assert.match(heard.body, /cannot be reached/);
  socket.destroy();
});

test('an upstream that is slow to connect to is a 504', async (t) => {
  const upstreamRs = `http://127.0.0.1:${await portWithoutRoom(t)}/mcp`;
  const resourceServer = httpResourceServer({
    url: upstreamRs,
    userAgent: 'x',
    connections: http1Connections(new URL(upstreamRs).origin, { connect: { timeout: 200 } }),
  });
  const way = await startWay(t, { upstreamRs }, { resourceServer });

  const { answer, socket } = await sendCall(way, 'POST', ['Content-Length: 2'], '{}');
  const heard = await answer();

  assert.equal(heard?.start, 'HTTP/1.1 504 Gateway Timeout');
  socket.destroy();
});

const listenForOne = `
  const server = require('node:net').createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => process.send(server.address().port));
`;

/** A port whose process has stopped accepting, and whose queue is full: whoever connects now waits. */
async function portWithoutRoom(t: TestContext): Promise<number> {
  const child: ChildProcess = fork('-e', [listenForOne], { execArgv: [] });
  t.after(() => child.kill('SIGKILL'));
  const [port] = (await once(child, 'message')) as [number];
  child.kill('SIGSTOP');
  for (let waiting = 0; waiting < 4; waiting += 1) {
    const filler = connect({ port, host: '127.0.0.1' }).on('error', () => {});
    t.after(() => filler.destroy());
  }
  return port;
}
