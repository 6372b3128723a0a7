import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { UpstreamResourceServer } from '../../src/application/ports.ts';
import { bothWays, requestText, sendCall, startWay } from './both-ways.ts';
import { promised } from './promised.ts';
import { openConnection, readAnswer, WireReader } from './raw-http.ts';

const streamHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const small = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** An upstream that sends so much of an answer and waits; `called` is the connection on which it was asked. */
async function waitingUpstream(t: TestContext, part: string, asksFor: 'all' | 'head' = 'all') {
  const called = promised<Socket>();
  const upstream = (_request: unknown, socket: Socket): Promise<never> => {
    socket.write(part, 'latin1');
    called.keep(socket);
    return new Promise<never>(() => {}); // reads no further: whether the other side leaves is heard at the socket
  };
  const ways = await bothWays(t, upstream, {}, asksFor);
  return { through: ways.through, called: called.promise };
}

/** Resolves when the other side has left, however it did. */
async function left(socket: Socket): Promise<void> {
  socket.resume();
  if (socket.readableEnded || socket.destroyed) return;
  await Promise.race([once(socket, 'end'), once(socket, 'close')]);
}

test('a client that leaves before the headers aborts the upstream', async (t) => {
  const { through, called } = await waitingUpstream(t, '');
  const { socket } = await sendCall(through, 'POST', ['Content-Length: 2'], '{}');
  const upstream = await called;

  socket.destroy();

  await left(upstream);
});

test('a client that leaves in the middle of a stream aborts the upstream', async (t) => {
  const { through, called } = await waitingUpstream(t, `${streamHead}3\r\n:1\n\r\n`);
  const { socket, wire } = await sendCall(through, 'GET');
  await wire.through(':1\n');

  socket.destroy();

  await left(await called);
});

test('a client that leaves in the middle of its body aborts the upstream', async (t) => {
  const { through, called } = await waitingUpstream(t, '', 'head');
  const { socket } = await sendCall(through, 'POST', ['Content-Length: 10'], '{"a"');
  const upstream = await called;

  socket.destroy();

  await left(upstream);
});

test('a client that closes its half is gone: an idle stream must not outlive its reader', async (t) => {
  const { through, called } = await waitingUpstream(t, streamHead);
  const { socket, wire } = await sendCall(through, 'GET');
  await wire.through('\r\n\r\n');

  socket.end();

  await left(await called);
  assert.equal(await wire.through('never'), undefined);
});

test('a client that leaves takes along the calls it had sent behind the first', async (t) => {
  const upstreams: Socket[] = [];
  const both = promised();
  const ways = await bothWays(t, (_request, socket) => {
    upstreams.push(socket);
    if (upstreams.length === 2) both.keep();
    return new Promise<never>(() => {});
  });
  const { token, port } = ways.through;
  const socket = await openConnection(port);
  socket.write(requestText(token, 'GET') + requestText(token, 'GET'));
  await both.promise;

  socket.destroy();

  await Promise.all(upstreams.map(left));
});

test('calls that are sent one behind the other are answered in that order', async (t) => {
  const first = promised<Socket>();
  const answer = (text: string) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${text}`;
  const ways = await bothWays(t, (request, socket) => {
    const number = request.headers.find(([name]) => name === 'Mcp-Param-Number')?.[1];
    if (number === '1') return first.keep(socket);
    // The second answer is there before the first.
    socket.write(answer('2'));
    return first.promise.then((other) => other.write(answer('1')));
  });
  const { token, port } = ways.through;
  const socket = await openConnection(port);
  const call = (number: number) => requestText(token, 'GET', [`Mcp-Param-Number: ${number}`]);

  socket.write(call(1) + call(2));

  const wire = new WireReader(socket);
  const bodies = [(await readAnswer(wire, 'GET'))?.body, (await readAnswer(wire, 'GET'))?.body];
  assert.deepEqual(bodies, ['1', '2']);
  socket.destroy();
});

test('an upstream that resets before it answers is a 502', async (t) => {
  const ways = await bothWays(t, (_request, socket) => socket.resetAndDestroy());
  const { answer, socket } = await sendCall(ways.through, 'POST', ['Content-Length: 2'], '{}');

  const heard = await answer();

  assert.equal(heard?.start, 'HTTP/1.1 502 Bad Gateway');
  assert.match(heard.body, /upstream_unavailable/);
  socket.destroy();
});

const cutAnswers: readonly (readonly [string, string])[] = [
  ['of a stream', `${streamHead}3\r\n:1\n\r\n`],
  ['of a body with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n:1\n'],
];

for (const [where, part] of cutAnswers) {
  test(`an upstream that resets in the middle ${where} never makes a whole answer`, async (t) => {
    const { through, called } = await waitingUpstream(t, part);
    const { socket, wire } = await sendCall(through, 'GET');
    await wire.through(':1\n');

    (await called).resetAndDestroy();

    assert.equal((await wire.rest()).includes('0\r\n'), false);
    assert.equal(wire.ended, true);
    socket.destroy();
  });
}

test('an answer that has come whole is whole, whatever becomes of the upstream after its last byte', async (t) => {
  const resourceServer: UpstreamResourceServer = {
    forward: (_call, _token, sink) => {
      setImmediate(() => {
        sink.start(200, ['Content-Length', '2'], undefined);
        sink.data(Buffer.from('o'));
        sink.data(Buffer.from('k'));
        sink.fail('broken');
      });
      return { resume: () => {}, abort: () => {}, drop: () => {} };
    },
    close: () => Promise.resolve(),
  };
  const upstreamRs = 'http://127.0.0.1:1/mcp';
  const way = await startWay(t, { upstreamRs }, { resourceServer });

  const { answer, socket } = await sendCall(way, 'GET');
  const heard = await answer();

  assert.equal(heard?.body, 'ok');
  socket.write(requestText(way.token, 'GET'));
  assert.equal((await answer())?.body, 'ok');
  socket.destroy();
});

test('an upstream that answers before it has read the body is heard, and the client’s connection goes on', async (t) => {
  const length = 4 * 1024 * 1024;
  const ways = await bothWays(t, (_request, socket) => socket.write(small), {}, 'head');
  const { socket, wire } = await sendCall(ways.through, 'POST', [`Content-Length: ${length}`]);
  socket.write('x'.repeat(length));

  const answered = await readAnswer(wire, 'POST');
  socket.write(requestText(ways.through.token, 'GET'));
  const next = await readAnswer(wire, 'GET');

  assert.deepEqual([answered?.body, next?.body], ['ok', 'ok']);
  socket.destroy();
});

test('a client that asks first is told to go on, and the upstream is not asked', async (t) => {
  const ways = await bothWays(t, (_request, socket) => socket.write(small));
  const headers = ['Content-Length: 2', 'Expect: 100-continue'];
  const { socket, answer } = await sendCall(ways.through, 'POST', headers);

  const interim = await answer();
  socket.write('{}');
  const final = await answer();

  assert.equal(interim?.start, 'HTTP/1.1 100 Continue');
  assert.equal(final?.body, 'ok');
  const names = ways.requests[0]?.headers.map(([name]) => name.toLowerCase());
  assert.equal(names?.includes('expect'), false);
  socket.destroy();
});
