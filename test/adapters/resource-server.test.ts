import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { type TestContext, test } from 'node:test';
import { httpResourceServer } from '../../src/adapters/upstream/resource-server.ts';
import type { McpCall, McpSink } from '../../src/application/ports.ts';
import { upstreamToken } from '../../src/domain/token-pair.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';

/** The clock of undici's time limits, which its own tests put forward with this. */
const undiciTime = createRequire(import.meta.url)('undici/lib/util/timers.js') as {
  tick(milliseconds: number): void;
};

/** As if so many milliseconds went by: the first tick starts the limits that were just set, the second would end them. */
function letPass(milliseconds: number): void {
  undiciTime.tick(1000);
  undiciTime.tick(milliseconds);
}

const token = upstreamToken('upstream-token') ?? assert.fail();

const call: McpCall = {
  method: 'GET',
  query: '',
  headers: [],
  body: undefined,
  bodyAgain: () => undefined,
};

/** Hands out what it heard, one thing at a time, in order. */
function listeningSink(): McpSink & { next(): Promise<string> } {
  const heard: string[] = [];
  let wake = (): void => {};
  const hear = (word: string): void => {
    heard.push(word);
    wake();
  };
  return {
    start: (status) => hear(`start ${status}`),
    data: (chunk) => {
      hear(Buffer.from(chunk).toString());
      return true;
    },
    end: (trailers) => hear(`end ${trailers.join(' ')}`.trim()),
    fail: (failure) => hear(`fail ${failure}`),
    next: async () => {
      while (heard.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return heard.shift() ?? '';
    },
  };
}

/** A server whose answers the test writes, and the port to it. */
async function startServer(t: TestContext) {
  const waiting: ServerResponse[] = [];
  let wake = (): void => {};
  const server = createServer((_, response) => {
    waiting.push(response);
    wake();
  });
  const { origin, close } = await listenOnLoopback(server);
  t.after(close);
  const upstream = httpResourceServer({ url: `${origin}/mcp`, userAgent: 'gateway/1' });
  t.after(() => upstream.close());
  const asked = async (): Promise<ServerResponse> => {
    while (waiting.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return waiting.shift() ?? assert.fail();
  };
  return { upstream, asked };
}

test('an answer may take hours to begin, and an event stream be silent for hours', async (t) => {
  const { upstream, asked } = await startServer(t);
  const sink = listeningSink();
  const hours = 3 * 3_600_000;

  upstream.forward(call, token, sink);
  const response = await asked();
  letPass(hours);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
  assert.equal(await sink.next(), 'start 200');
  letPass(hours);
  response.write('data: 1\n\n');
  assert.equal(await sink.next(), 'data: 1\n\n');
  letPass(hours);
  response.end();

  assert.equal(await sink.next(), 'end');
});

test('interim answers are for this hop, trailers are for the client', async (t) => {
  const { upstream, asked } = await startServer(t);
  const sink = listeningSink();

  upstream.forward(call, token, sink);
  const response = await asked();
  response.writeEarlyHints({ link: '</x>; rel=preload' });
  response.writeHead(200, { Trailer: 'X-Sum' });
  response.write('body');
  response.addTrailers({ 'X-Sum': '7', 'Set-Cookie': 'a=b' });
  response.end();

  assert.deepEqual(
    [await sink.next(), await sink.next(), await sink.next()],
    ['start 200', 'body', 'end X-Sum 7'],
  );
});

test('a connection that is cut before or within an answer is broken, one that is refused unreachable', async (t) => {
  const { upstream, asked } = await startServer(t);
  const before = listeningSink();
  upstream.forward(call, token, before);
  (await asked()).destroy();
  assert.equal(await before.next(), 'fail broken');

  const within = listeningSink();
  upstream.forward(call, token, within);
  const response = await asked();
  response.write('half');
  assert.deepEqual([await within.next(), await within.next()], ['start 200', 'half']);
  response.destroy();
  assert.equal(await within.next(), 'fail broken');

  const away = httpResourceServer({ url: 'http://127.0.0.1:1/mcp', userAgent: 'gateway/1' });
  t.after(() => away.close());
  const refused = listeningSink();
  away.forward(call, token, refused);
  assert.equal(await refused.next(), 'fail unreachable');
});

test('an answer that is not HTTP is no answer', async (t) => {
  const { upstream, asked } = await startServer(t);
  const sink = listeningSink();

  upstream.forward(call, token, sink);
  (await asked()).socket?.end('SSH-2.0-OpenSSH_9.6\r\n');

  assert.match(await sink.next(), /^fail (broken|unreachable)$/);
});

test('nothing reaches a sink whose client has left, and the upstream’s connection ends', async (t) => {
  const { upstream, asked } = await startServer(t);
  const heard: string[] = [];
  const note = (word: string) => () => heard.push(word);
  const sink: McpSink = {
    start: note('start'),
    data: () => Boolean(heard.push('data')),
    end: note('end'),
    fail: note('fail'),
  };

  const early = upstream.forward(call, token, sink);
  early.abort();
  early.abort();
  const exchange = upstream.forward(call, token, sink);
  const response = await asked();
  const closed = new Promise((resolve) => response.once('close', resolve));
  exchange.abort();

  await closed;
  assert.deepEqual(heard, []);
});

test('a sink that says no is given nothing more until it asks', async (t) => {
  const { upstream, asked } = await startServer(t);
  const inner = listeningSink();
  let isFull = true;
  let after = 0;
  const sink: McpSink = {
    ...inner,
    data: (chunk) => {
      if (!isFull) return inner.data(chunk);
      after += 1;
      inner.data(Buffer.from('first'));
      return false;
    },
  };

  const exchange = upstream.forward(call, token, sink);
  const response = await asked();
  response.write('x'.repeat(10));
  assert.deepEqual([await inner.next(), await inner.next()], ['start 200', 'first']);
  // Another exchange goes there and back meanwhile; this one stays where it is.
  await new Promise((resolve) => response.write('y', resolve));
  const other = listeningSink();
  upstream.forward(call, token, other);
  (await asked()).end();
  assert.deepEqual([await other.next(), await other.next()], ['start 200', 'end']);
  assert.equal(after, 1);
  isFull = false;
  exchange.resume();

  assert.equal(await inner.next(), 'y');
  response.end();
  assert.equal(await inner.next(), 'end');
});
