import type { IncomingMessage } from 'node:http';

/** Bytes of a body that are kept for a second try. */
const mostKept = 64 * 1024;

/** The body of a request to /mcp: never held back on its way to the upstream, and kept where it is small. */
export interface RequestBody {
  /** The body for the first try: bytes where all of it is there, else the stream. */
  take(): Uint8Array | AsyncIterable<Uint8Array>;
  /** The body for a second try, where all of it was kept. */
  again(): Uint8Array | undefined;
}

/** The body of a request; `undefined` where it has none (RFC 9112 §6.3). */
export function requestBody(request: IncomingMessage): RequestBody | undefined {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) return undefined;
  return new KeptBody(request);
}

class KeptBody implements RequestBody, AsyncIterable<Uint8Array> {
  readonly #request: IncomingMessage;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(request: IncomingMessage) {
    this.#request = request;
  }

  take(): Uint8Array | AsyncIterable<Uint8Array> {
    if (!this.#request.complete || this.#request.readableLength > mostKept) return this;
    this.#keep(this.#request.read() ?? new Uint8Array());
    return this.again() ?? new Uint8Array();
  }

  again(): Uint8Array | undefined {
    if (!this.#request.complete || this.#length > mostKept) return undefined;
    const [only = new Uint8Array(), ...others] = this.#chunks;
    return others.length === 0 ? only : Buffer.concat(this.#chunks);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    // An upstream that answers before it has read all must not take the client's connection down.
    const chunks = this.#request.iterator({ destroyOnReturn: false });
    for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
      this.#keep(chunk);
      yield chunk;
    }
  }

  #keep(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length <= mostKept) this.#chunks.push(chunk);
    else this.#chunks = [];
  }
}
