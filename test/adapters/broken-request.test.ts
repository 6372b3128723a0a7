import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { listen } from '../../src/adapters/http/listening.ts';

/** Everything that comes back, until the server lets the connection go; `then` is sent once something has come back. */
async function exchange(
  t: TestContext,
  sent: string,
  then?: string,
  listener: Parameters<typeof listen>[2] = (_, response) => response.end('ok'),
): Promise<string> {
  const listening = await listen('127.0.0.1', 0, listener);
  t.after(() => listening.close(0));
  const socket = connect(listening.port, '127.0.0.1');
  socket.on('error', () => {}); // whatever is still sent after the end
  socket.write(sent);
  if (then === undefined) return text(socket);
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.write(then);
  return first + (await text(socket));
}

const secret = 'a-token-that-nobody-may-read-again-';
const broken: readonly (readonly [string, string, number, RegExp])[] = [
  [
    'a token that is too long',
    `GET /mcp HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${secret.repeat(2000)}\r\n\r\n`,
    431,
    /64 KiB/,
  ],
  [
    'a URL that is too long',
    `GET /${secret.repeat(2000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    431,
    /64 KiB/,
  ],
  ['no HTTP', `${secret}\r\n\r\n`, 400, /not an HTTP request/],
  [
    'two lengths',
    `POST /${secret} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx`,
    400,
    /not an HTTP request/,
  ],
];
for (const [what, sent, status, sentence] of broken) {
  test(`a request with ${what} is answered with ${status}, in JSON and without its words`, async (t) => {
    const answer = await exchange(t, sent);
    const [head = '', body = ''] = answer.split('\r\n\r\n');

    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.match(head, /Content-Type: application\/json/);
    assert.match(head, /Connection: close/);
    assert.equal(JSON.parse(body).error, 'invalid_request');
    assert.match(JSON.parse(body).error_description, sentence);
    assert.equal(answer.includes(secret), false);
  });
}

const good = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const bad = 'no request\r\n\r\n';

test('nothing is written into an answer that is under way', async (t) => {
  const answer = await exchange(t, good, bad, (_, response) => response.write('half of it'));

  assert.match(answer, /half of it/);
  assert.doesNotMatch(answer, /not an HTTP request/);
});

test('a request after one that was answered is told what is wrong with it', async (t) => {
  const answer = await exchange(t, good, bad);

  assert.match(answer, /ok/);
  assert.match(answer, /HTTP\/1\.1 400 [\s\S]*not an HTTP request/);
});
