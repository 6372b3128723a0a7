import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bothWays, sendCall } from './both-ways.ts';
import type { RawMessage } from './raw-http.ts';

const small = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function named(message: RawMessage | undefined, ...names: readonly string[]): string[] {
  const headers = message?.headers ?? [];
  return headers
    .filter(([name]) => names.includes(name.toLowerCase()))
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`);
}

test('what a client says to the gateway alone stays there', async (t) => {
  const ways = await bothWays(t, (_request, socket) => socket.write(small));
  const staying = [
    'Cookie: a=1',
    'Forwarded: for=192.0.2.1',
    'X-Forwarded-For: 192.0.2.1',
    'X-Real-IP: 192.0.2.1',
    'Proxy-Authorization: Basic abc',
    'TE: trailers',
    'Keep-Alive: timeout=5',
    'Origin: http://localhost:6274',
    'Mcp-Param-Private: 1',
    'Connection: keep-alive, Mcp-Param-Private, Authorization',
  ];

  const { answer, socket } = await sendCall(ways.through, 'POST', staying);
  await answer();

  const [request] = ways.requests;
  const names = request?.headers.map(([name]) => name.toLowerCase());
  assert.deepEqual(names?.sort(), [
    'authorization',
    'connection',
    'content-length',
    'host',
    'user-agent',
  ]);
  assert.deepEqual(named(request, 'authorization'), ['authorization: Bearer upstream-access']);
  socket.destroy();
});

test('what the server has to know crosses as it was spelled, and the gateway adds its name', async (t) => {
  const ways = await bothWays(t, (_request, socket) => socket.write(small));
  const crossing = [
    'Accept: application/json, text/event-stream',
    'Accept-Language: nb, en;q=0.5',
    'Content-Type: application/json; charset=utf-8',
    'Last-Event-ID: a b:c',
    'MCP-Protocol-Version: 2025-11-25',
    'Mcp-Session-Id: !~abc',
    'Mcp-Method: tools/call',
    'Mcp-Name: weather',
    'Mcp-Param-City: =?base64?w6U=?=',
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    'tracestate: a=1',
    'baggage: b=2',
  ];

  const { answer, socket } = await sendCall(ways.through, 'POST', [...crossing, 'User-Agent: c/1']);
  await answer();

  const lines = ways.requests[0]?.headers.map(([name, value]) => `${name}: ${value}`) ?? [];
  assert.deepEqual(
    crossing.filter((line) => !lines.includes(line)),
    [],
  );
  assert.match(
    named(ways.requests[0], 'user-agent').join(),
    /^user-agent: c\/1 mcp-oauth-gateway\/\S+$/,
  );
  socket.destroy();
});

test('what the operator lets through crosses besides', async (t) => {
  const upstreamPassHeaders = ['Forwarded', 'X-Forwarded-For'];
  const ways = await bothWays(t, (_request, socket) => socket.write(small), {
    upstreamPassHeaders,
  });
  const sent = ['Forwarded: for=192.0.2.1', 'x-forwarded-for: 192.0.2.1', 'X-Real-IP: 192.0.2.1'];

  const { answer, socket } = await sendCall(ways.through, 'POST', sent);
  await answer();

  const [request] = ways.requests;
  assert.deepEqual(named(request, 'forwarded', 'x-forwarded-for', 'x-real-ip'), [
    'forwarded: for=192.0.2.1',
    'x-forwarded-for: 192.0.2.1',
  ]);
  socket.destroy();
});

test('what an answer says of its own origin stays behind', async (t) => {
  const staying = [
    'Set-Cookie: a=1',
    'Access-Control-Allow-Origin: *',
    'Strict-Transport-Security: max-age=1',
    'Clear-Site-Data: "*"',
    'Alt-Svc: h3=":443"',
    'Refresh: 1',
    'NEL: {}',
    'Report-To: {}',
    'Service-Worker-Allowed: /',
    'Public-Key-Pins: a',
    'Proxy-Authenticate: Basic',
    'X-Hop: 1',
    'Connection: keep-alive, X-Hop',
    'Keep-Alive: timeout=5',
    'Upgrade: h2c',
  ];
  const head = ['HTTP/1.1 200 OK', ...staying, 'X-Own: 1', 'Content-Length: 2'];
  const ways = await bothWays(t, (_request, socket) =>
    socket.write(`${head.join('\r\n')}\r\n\r\nok`),
  );

  const { answer, socket } = await sendCall(ways.through, 'POST');
  const heard = await answer();

  const kept = heard?.headers.filter(
    ([name]) => !/^(date|connection|keep-alive|x-request-id)$/i.test(name),
  );
  assert.deepEqual(kept, [
    ['X-Own', '1'],
    ['Content-Length', '2'],
  ]);
  assert.deepEqual(named(heard, 'connection'), ['connection: keep-alive']);
  socket.destroy();
});

test('a demand for more scope is made in the gateway’s name', async (t) => {
  const challenge =
    'Bearer error="insufficient_scope", scope="repo", resource_metadata="https://upstream"';
  const ways = await bothWays(t, (_request, socket) =>
    socket.write(
      `HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: ${challenge}\r\nContent-Length: 0\r\n\r\n`,
    ),
  );

  const { answer, socket } = await sendCall(ways.through, 'POST');
  const heard = await answer();

  const [own = ''] = named(heard, 'www-authenticate');
  assert.match(own, /error="insufficient_scope"/);
  assert.match(own, /scope="repo"/);
  assert.match(
    own,
    /resource_metadata="http:\/\/[^"]+\/\.well-known\/oauth-protected-resource\/mcp"/,
  );
  socket.destroy();
});

test('an event stream is marked for the proxies behind it, whatever it says itself', async (t) => {
  const head =
    'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: max-age=60\r\nX-Accel-Buffering: yes\r\n\r\n';
  const ways = await bothWays(t, (_request, socket) => socket.end(head));

  const { answer, socket } = await sendCall(ways.through, 'GET');
  const heard = await answer();

  assert.deepEqual(named(heard, 'cache-control', 'x-accel-buffering').sort(), [
    'cache-control: no-cache, no-transform',
    'x-accel-buffering: no',
  ]);
  socket.destroy();
});
