import { createServer, type Socket } from 'node:net';
import { MessageSplitter } from './wire.ts';

// The upstream that all targets forward to: an MCP server that answers at once, over bare sockets so that it costs little, and the token
// endpoint of an authorization server.

const json = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  result: { content: [{ type: 'text', text: 'The weather in Bergen: rain, 9 degrees.' }] },
});
const head =
  'HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\nMcp-Session-Id: 1868a90c-95f4-4f9c-8f1e-1a9e7f3b2c1d\r\n';
const small = Buffer.from(
  `${head}Content-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
);
const bigBody = Buffer.alloc(10 * 1024 * 1024, 'a');
const bigHead = `${head}Content-Type: application/json\r\nContent-Length: ${bigBody.length}\r\n\r\n`;
const streamHead = `${head}Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n`;

let issued = 0;

/** Time in microseconds that is the same in all processes of this machine. */
function micros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** Twenty events, five milliseconds apart, each with the time at which it was written. */
function sendEvents(socket: Socket): void {
  socket.write(streamHead);
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    socket.write(chunk(`data: ${micros()}\n\n`));
    if (sent < 20) return;
    clearInterval(timer);
    socket.write('0\r\n\r\n');
  }, 5);
  socket.once('close', () => clearInterval(timer));
}

function tokens(): string {
  issued += 1;
  const body = JSON.stringify({
    access_token: `upstream-access-${issued}-${'x'.repeat(24)}`,
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: `upstream-refresh-${issued}-${'x'.repeat(24)}`,
  });
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function answer(socket: Socket, request: string): void {
  const line = request.slice(0, request.indexOf('\r\n'));
  if (line.startsWith('POST /token')) socket.write(tokens());
  else if (
    request.includes('\r\nlast-event-id: big') ||
    request.includes('\r\nLast-Event-ID: big')
  ) {
    socket.write(bigHead);
    socket.write(bigBody);
  } else if (/\r\nlast-event-id: events/i.test(request)) sendEvents(socket);
  else if (line.startsWith('GET')) socket.write(streamHead);
  else socket.write(small);
}

const server = createServer((socket) => {
  socket.setNoDelay(true);
  const splitter = new MessageSplitter((request) => answer(socket, request));
  socket.on('data', (bytes) => splitter.push(bytes));
  socket.on('error', () => socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening ${typeof address === 'object' ? address?.port : ''}`);
});
