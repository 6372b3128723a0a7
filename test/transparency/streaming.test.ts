import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type BothWays, bothWays, sendCall } from './both-ways.ts';
import { promised } from './promised.ts';
import type { WireReader } from './raw-http.ts';

const small = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const streamHead =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
const total = 64 * 1024 * 1024;
const block = Buffer.alloc(64 * 1024, 'x');

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** An event stream at whose other end the test itself sits. */
async function openStream(t: TestContext, options: { readonly sseKeepalive?: number } = {}) {
  const called = promised<Socket>();
  const ways = await bothWays(
    t,
    (_request, socket) => {
      socket.write(streamHead);
      called.keep(socket);
    },
    options,
  );
  const { wire, socket } = await sendCall(ways.through, 'GET');
  t.after(() => socket.destroy());
  const head = await wire.through('\r\n\r\n');
  return { head, wire, upstream: await called.promise };
}

test('the headers of a stream come before its first event', async (t) => {
  const { head } = await openStream(t);

  assert.match(head ?? '', /^HTTP\/1\.1 200 OK\r\n/);
});

test('each event comes when it was sent, and not with the next', async (t) => {
  const { wire, upstream } = await openStream(t);

  for (let number = 0; number < 20; number += 1) {
    upstream.write(chunk(`data: ${number}\n\n`));
    assert.equal((await wire.through('\n\n\r\n'))?.includes(`data: ${number}\n`), true);
  }
});

test('half an event comes too: nothing is held back for its end', async (t) => {
  const { wire, upstream } = await openStream(t);

  upstream.write(chunk('data: ha'));
  assert.ok(await wire.through('data: ha'));
  upstream.write(chunk('lf\n\n'));

  assert.ok(await wire.through('lf\n\n'));
});

test('a silent stream gets comments, and never in the middle of a line', async (t) => {
  const { wire, upstream } = await openStream(t, { sseKeepalive: 1 });
  assert.ok(await wire.through(':\n'), 'before the first event');

  upstream.write(chunk('data: one\n\ndata: tw'));
  await wire.through('data: tw');
  // A second stream tells when the first would have got another comment.
  const clock = await openStream(t, { sseKeepalive: 1 });
  await clock.wire.through(':\n');
  await clock.wire.through(':\n');
  upstream.write(chunk('o\n\n'));

  assert.equal((await wire.through('o\n\n'))?.includes(':\n'), false);
  assert.ok(await wire.through(':\n'), 'and again after the event');
});

/** The count, once it stands still while whole calls go to and fro beside it. */
async function settled(ways: BothWays, count: () => number): Promise<number> {
  let before = -1;
  for (let same = 0; same < 5; ) {
    const { answer, socket } = await sendCall(ways.through, 'DELETE');
    await answer();
    socket.destroy();
    same = count() === before ? same + 1 : 0;
    before = count();
  }
  return before;
}

test('a client that reads slowly holds the upstream back, and misses nothing', async (t) => {
  let taken = 0;
  const ways = await bothWays(t, async (request, socket) => {
    if (request.start.startsWith('DELETE')) return socket.write(small);
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    for (let sent = 0; sent < total; sent += block.length) {
      await written(socket, block);
      taken += block.length;
    }
    return undefined;
  });
  const { socket, wire } = await sendCall(ways.through, 'GET');
  await wire.through('\r\n\r\n');

  const held = await settled(ways, () => taken);
  assert.ok(held < total / 2, `${held} of ${total} bytes were taken from the upstream`);

  assert.equal(await lengthOf(wire, total), total);
  socket.destroy();
});

test('an upstream that reads slowly holds the client back, and gets every byte', async (t) => {
  const open = promised();
  const received = promised<number>();
  const ways = await bothWays(
    t,
    async (request, socket, wire) => {
      if (request.start.startsWith('DELETE')) return socket.write(small);
      await open.promise;
      received.keep(await lengthOf(wire, total));
      return socket.write(small);
    },
    {},
    'head',
  );
  const { socket, answer } = await sendCall(ways.through, 'POST', [`Content-Length: ${total}`]);
  let taken = 0;
  const sending = (async () => {
    for (; taken < total; taken += block.length) await written(socket, block);
  })();

  const held = await settled(ways, () => taken);
  assert.ok(held < total / 2, `${held} of ${total} bytes were taken from the client`);
  open.keep();

  assert.equal(await received.promise, total);
  assert.equal((await answer())?.body, 'ok');
  await sending;
  socket.destroy();
});

/** Resolves when the system has taken the bytes. */
function written(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    socket.write(bytes, () => resolve());
  });
}

/** Reads so many bytes without keeping them. */
async function lengthOf(wire: WireReader, length: number): Promise<number> {
  let read = 0;
  while (read < length) {
    const piece = await wire.bytes(Math.min(block.length, length - read));
    if (piece === '') break;
    read += piece.length;
  }
  return read;
}
