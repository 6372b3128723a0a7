import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One HTTP/1.1 message as it stood on the wire, its framing taken off. */
export interface RawMessage {
  /** The request line, or the status line. */
  readonly start: string;
  /** In their order and spelling. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  readonly framing: 'none' | 'length' | 'chunked' | 'until close';
  /** False where the connection ended before the message did. */
  readonly complete: boolean;
}

/** The bytes of a connection, asked for piece by piece. Text is Latin-1: a character per byte. */
export class WireReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #text = '';
  ended = false;

  constructor(socket: Socket) {
    socket.on('error', () => {});
    this.#chunks = socket.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
  }

  /** Reads up to and including a mark; `undefined` where the connection ends before it. */
  async through(mark: string): Promise<string | undefined> {
    for (;;) {
      const end = this.#text.indexOf(mark);
      if (end >= 0) return this.#cut(end + mark.length);
      if (!(await this.#more())) return undefined;
    }
  }

  /** Reads so many bytes, or fewer where the connection ends before. */
  async bytes(count: number): Promise<string> {
    while (this.#text.length < count && (await this.#more()));
    return this.#cut(count);
  }

  async rest(): Promise<string> {
    while (await this.#more());
    return this.#cut(this.#text.length);
  }

  #cut(count: number): string {
    const taken = this.#text.slice(0, count);
    this.#text = this.#text.slice(count);
    return taken;
  }

  async #more(): Promise<boolean> {
    if (this.ended) return false;
    try {
      const next = await this.#chunks.next();
      if (next.done) this.ended = true;
      else this.#text += next.value.toString('latin1');
    } catch {
      this.ended = true;
    }
    return !this.ended;
  }
}

/** Reads the next request, or only its head; `undefined` where the connection has ended. */
export function readRequest(
  wire: WireReader,
  part: 'all' | 'head' = 'all',
): Promise<RawMessage | undefined> {
  return readMessage(wire, () => (part === 'all' ? 'by headers' : 'none'));
}

/** Reads the next answer to a request with this method; interim answers count as answers of their own. */
export function readAnswer(wire: WireReader, method: string): Promise<RawMessage | undefined> {
  return readMessage(wire, (start) => {
    const status = Number(start.split(' ')[1]);
    const none = method === 'HEAD' || status < 200 || status === 204 || status === 304;
    return none ? 'none' : 'by headers or close';
  });
}

type BodyRule = 'none' | 'by headers' | 'by headers or close';

async function readMessage(
  wire: WireReader,
  ruleFor: (start: string) => BodyRule,
): Promise<RawMessage | undefined> {
  const head = await wire.through('\r\n\r\n');
  if (head === undefined) return undefined;
  const [start = '', ...lines] = head.slice(0, -4).split('\r\n');
  const headers = lines.map(headerLine);
  return { start, headers, ...(await readBody(wire, headers, ruleFor(start))) };
}

type Body = Omit<RawMessage, 'start' | 'headers'>;

async function readBody(
  wire: WireReader,
  headers: RawMessage['headers'],
  rule: BodyRule,
): Promise<Body> {
  const none: Body = { body: '', trailers: [], framing: 'none', complete: true };
  if (rule === 'none') return none;
  if (/\bchunked\b/i.test(headerOf(headers, 'transfer-encoding') ?? '')) return readChunks(wire);
  const length = headerOf(headers, 'content-length');
  if (length !== undefined) {
    const body = await wire.bytes(Number(length));
    return { ...none, body, framing: 'length', complete: body.length === Number(length) };
  }
  if (rule === 'by headers') return none;
  return { ...none, body: await wire.rest(), framing: 'until close' };
}

async function readChunks(wire: WireReader): Promise<Body> {
  let body = '';
  for (;;) {
    const line = await wire.through('\r\n');
    const size = Number.parseInt(line ?? '', 16);
    if (Number.isNaN(size)) return { body, trailers: [], framing: 'chunked', complete: false };
    if (size === 0) break;
    body += (await wire.bytes(size + 2)).slice(0, size);
  }
  const trailers: (readonly [string, string])[] = [];
  for (;;) {
    const line = await wire.through('\r\n');
    if (line === undefined || line === '\r\n') {
      return { body, trailers, framing: 'chunked', complete: line !== undefined };
    }
    trailers.push(headerLine(line.slice(0, -2)));
  }
}

function headerLine(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

/** The first header of this name. */
export function headerOf(headers: RawMessage['headers'], name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}

/** Opens a connection to a port of this machine. */
export async function openConnection(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  return socket;
}
