import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Client, type Dispatcher } from 'undici';

// The least code that does the job on Node: look the token up in a Map, swap it, forward, stream back. No check of anything, no error
// handling, no aborts, nothing bounded. What the gateway costs is said in multiples of this.

const upstream = new URL(process.argv[2] ?? '');
const tokens = new Map([[process.argv[3] ?? '', process.argv[4] ?? '']]);

const crossing = new Set(
  'accept accept-language content-type last-event-id mcp-session-id mcp-protocol-version user-agent'
    .split(' ')
    .concat('Accept Accept-Language Content-Type Last-Event-ID Mcp-Session-Id'.split(' '))
    .concat('MCP-Protocol-Version User-Agent'.split(' ')),
);
const staying = new Set(
  'connection keep-alive transfer-encoding Connection Keep-Alive Transfer-Encoding'.split(' '),
);

/** One request per connection at a time; a free connection is the one that was used last. */
const free: Client[] = [];

class Forwarding {
  readonly #response: ServerResponse;
  readonly #client: Client;
  #resume: (() => void) | undefined;

  constructor(response: ServerResponse, client: Client) {
    this.#response = response;
    this.#client = client;
  }

  onConnect(): void {}

  onHeaders(status: number, raw: Buffer[], resume: () => void): boolean {
    this.#resume = resume;
    const headers: string[] = [];
    let sized = false;
    for (let index = 0; index < raw.length; index += 2) {
      const name = raw[index]?.toString('latin1') ?? '';
      if (staying.has(name)) continue;
      if (name.length === 14 && name.toLowerCase() === 'content-length') sized = true;
      headers.push(name, raw[index + 1]?.toString('latin1') ?? '');
    }
    this.#response.writeHead(status, headers);
    if (!sized) this.#response.flushHeaders();
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#response.write(chunk)) return true;
    this.#response.once('drain', () => this.#resume?.());
    return false;
  }

  onComplete(): void {
    this.#response.end();
    free.push(this.#client);
  }

  onError(): void {
    this.#response.destroy();
  }
}

function forward(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
  const raw = request.rawHeaders;
  const headers: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? '';
    const value = raw[index + 1] ?? '';
    if (crossing.has(name)) headers.push(name, value);
    else if (name === 'Authorization') {
      headers.push('authorization', `Bearer ${tokens.get(value.slice(7)) ?? ''}`);
    }
  }
  const client =
    free.pop() ?? new Client(upstream.origin, { headersTimeout: 0, bodyTimeout: 0, pipelining: 1 });
  client.dispatch(
    { path: upstream.pathname, method: request.method as Dispatcher.HttpMethod, headers, body },
    new Forwarding(response, client) as unknown as Dispatcher.DispatchHandler,
  );
}

const server = createServer((request, response) => {
  if (request.method !== 'POST') return forward(request, response, null);
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [only] = chunks;
    forward(request, response, chunks.length === 1 && only ? only : Buffer.concat(chunks));
  });
});
server.keepAliveTimeout = 75_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening ${typeof address === 'object' ? address?.port : ''}`);
});
process.once('SIGTERM', () => process.exit());
