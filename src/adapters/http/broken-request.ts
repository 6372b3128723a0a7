import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

const faults: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are longer than 64 KiB altogether.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The headers of the request took too long to arrive.'],
};
const noHttp = [400, 'This is not an HTTP request.'] as const;

/** Answers a request that never became one, as every other is answered and without a word of it, and lets its connection go. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const [status, sentence] = faults[error.code ?? ''] ?? noHttp;
  const body = JSON.stringify({ error: 'invalid_request', error_description: sentence });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Whether an earlier request of the connection is being answered: nothing must be written into that answer. Node's own handler looks there too. */
function isAnswering(socket: Duplex & { readonly _httpMessage?: ServerResponse }): boolean {
  return socket._httpMessage?.headersSent === true;
}
