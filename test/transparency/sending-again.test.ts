import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothWays, sendCall } from './both-ways.ts';

const small = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function redirect(status: number, location: string): string {
  return `HTTP/1.1 ${status} Elsewhere\r\nLocation: ${location}\r\nContent-Length: 4\r\n\r\ngone`;
}

for (const status of [307, 308]) {
  test(`a ${status} to the same origin is followed with method, body and token`, async (t) => {
    const ways = await bothWays(t, (request, socket) =>
      socket.write(request.start.includes('/mcp/') ? small : redirect(status, '/mcp/?a=1#part')),
    );

    const { answer, socket } = await sendCall(
      ways.through,
      'POST',
      ['Content-Type: application/json', 'Content-Length: 7'],
      '{"a":1}',
    );
    const heard = await answer();

    assert.equal(heard?.body, 'ok');
    const second = ways.requests[1];
    assert.equal(second?.start, 'POST /mcp/?a=1 HTTP/1.1');
    assert.equal(second.body, '{"a":1}');
    const token = second.headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1];
    assert.equal(token, 'Bearer upstream-access');
    socket.destroy();
  });
}

test('a client that leaves during a followed redirect aborts the second call', async (t) => {
  let arrived = (): void => {};
  const second = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let gone = (): void => {};
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const ways = await bothWays(t, (request, socket) => {
    if (!request.start.includes('/mcp/')) return socket.write(redirect(307, '/mcp/'));
    socket.once('close', gone).once('end', gone);
    return arrived();
  });
  const { socket } = await sendCall(ways.through, 'GET');
  await second;

  socket.destroy();

  await left;
});

test('a redirect that leads in circles is passed on at last', async (t) => {
  const ways = await bothWays(t, (_request, socket) => socket.write(redirect(307, '/mcp')));

  const { answer, socket } = await sendCall(ways.through, 'GET');
  const heard = await answer();

  assert.equal(heard?.start.split(' ')[1], '307');
  assert.equal(ways.requests.length, 6);
  socket.destroy();
});

test('a redirect after a body too big to be kept is passed on', async (t) => {
  const ways = await bothWays(t, (_request, socket) => socket.write(redirect(307, '/mcp/')));
  const length = 256 * 1024;

  const { answer, socket } = await sendCall(
    ways.through,
    'POST',
    [`Content-Length: ${length}`],
    'x'.repeat(length),
  );
  const heard = await answer();

  assert.deepEqual([heard?.start.split(' ')[1], heard?.body], ['307', 'gone']);
  socket.destroy();
});

test('a safe call is sent once more where a kept connection turns out to be closed', async (t) => {
  let answered = 0;
  const ways = await bothWays(t, (_request, socket) => {
    answered += 1;
    if (answered === 2) socket.destroy();
    else socket.write(small);
  });
  const first = await sendCall(ways.through, 'GET');
  await first.answer();

  const { answer, socket } = await sendCall(ways.through, 'GET');
  const heard = await answer();

  assert.equal(heard?.body, 'ok');
  assert.equal(ways.requests.length, 3);
  first.socket.destroy();
  socket.destroy();
});

test('a call that may have had its effect is never sent twice', async (t) => {
  const ways = await bothWays(t, (request, socket) => {
    if (request.start.startsWith('POST')) socket.destroy();
    else socket.write(small);
  });
  const first = await sendCall(ways.through, 'GET');
  await first.answer();

  const { answer, socket } = await sendCall(ways.through, 'POST', ['Content-Length: 2'], '{}');
  const heard = await answer();

  assert.equal(heard?.start.split(' ')[1], '502');
  assert.equal(ways.requests.length, 2);
  first.socket.destroy();
  socket.destroy();
});

test('a connection that the upstream has closed in the meantime is not used', async (t) => {
  const ways = await bothWays(t, (request, socket) => {
    if (request.start.startsWith('GET')) socket.end(small);
    else socket.write(small);
  });
  const first = await sendCall(ways.through, 'GET');
  await first.answer();

  const { answer, socket } = await sendCall(ways.through, 'POST', ['Content-Length: 2'], '{}');
  const heard = await answer();

  assert.equal(heard?.body, 'ok');
  assert.deepEqual([ways.requests.length, ways.connections.length], [2, 2]);
  first.socket.destroy();
  socket.destroy();
});

test('a refused token costs no connection', async (t) => {
  const refusal = `HTTP/1.1 401 Unauthorized\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(1000)}`;
  const ways = await bothWays(t, (request, socket) =>
    socket.write(request.start.startsWith('POST') ? refusal : small),
  );
  const refused = await sendCall(ways.through, 'POST', ['Content-Length: 2'], '{}');
  const first = await refused.answer();

  const { answer, socket } = await sendCall(ways.through, 'DELETE');
  await answer();

  assert.equal(first?.start.split(' ')[1], '401');
  assert.equal(ways.connections.length, 1);
  refused.socket.destroy();
  socket.destroy();
});

test('a refusal without an end is not read for long', async (t) => {
  let gone = (): void => {};
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  const ways = await bothWays(t, (_request, socket) => {
    socket.once('close', gone).once('end', gone);
    socket.write('HTTP/1.1 401 Unauthorized\r\n\r\nx');
  });

  const { answer, socket } = await sendCall(ways.through, 'POST', ['Content-Length: 2'], '{}');
  const heard = await answer();

  assert.equal(heard?.start.split(' ')[1], '401');
  await left;
  socket.destroy();
});
