import type { IncomingMessage } from 'node:http';
import type { McpCall } from '../../application/ports.ts';
import { isNamed, type RawHeaders } from './raw-headers.ts';

/** Bytes of a body that are kept for a second try. */
const mostKept = 64 * 1024;

/** A request to /mcp as the call that it asks for. The body is never held back on its way to the upstream, and kept where it is small. */
export class McpRequest implements McpCall, AsyncIterable<Uint8Array> {
  readonly method: string;
  readonly query: string;
  readonly headers: readonly string[];
  /**
   * The one bearer token (RFC 6750 §2.1): `undefined` where none was sent, by another scheme or with no text neither; empty where there is more
   * than one Authorization.
   */
  readonly bearer: string | undefined;
  readonly #request: IncomingMessage;
  /** Bytes of the body, or that it comes in chunks; absent without one (RFC 9112 §6.3). */
  readonly #announced: number | 'chunked' | undefined;
  #chunks: Uint8Array[] = [];
  #length = 0;

  /** `query`: what stands behind the question mark. */
  constructor(request: IncomingMessage, query: string) {
    const raw = request.rawHeaders;
    this.method = request.method ?? 'GET';
    this.query = query === '' ? '' : `?${query}`;
    this.headers = raw;
    this.#request = request;
    this.bearer = bearerToken(raw);
    this.#announced = announcedLength(raw);
  }

  /** Asked for when the call is forwarded: until then a small body has arrived whole. */
  get body(): Uint8Array | AsyncIterable<Uint8Array> | undefined {
    if (this.#announced === undefined) return undefined;
    const { readableLength, complete } = this.#request;
    const isWhole = complete || readableLength === this.#announced;
    if (!isWhole || readableLength > mostKept) return this;
    this.#keep(this.#request.read() ?? new Uint8Array());
    return this.#kept();
  }

  bodyAgain(): Uint8Array | undefined {
    const isWhole = this.#request.complete || this.#length === this.#announced;
    return isWhole && this.#length <= mostKept ? this.#kept() : undefined;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    // An upstream that answers before it has read all must not take the client's connection down.
    const chunks = this.#request.iterator({ destroyOnReturn: false });
    try {
      for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
        this.#keep(chunk);
        yield chunk;
      }
    } finally {
      this.#request.resume(); // the rest, which nobody wants any more, is thrown away
    }
  }

  #keep(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length <= mostKept) this.#chunks.push(chunk);
    else this.#chunks = [];
  }

  #kept(): Uint8Array {
    const [only = new Uint8Array(), ...others] = this.#chunks;
    return others.length === 0 ? only : Buffer.concat(this.#chunks);
  }
}

const bearerScheme = /^bearer +/i;

/** What stands behind the scheme, up to white space at the end; whether it can be a token is seen where it is read. */
function bearerToken(raw: RawHeaders): string | undefined {
  let header: string | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (!isNamed(raw[index], 'authorization')) continue;
    if (header !== undefined) return '';
    header = raw[index + 1] ?? '';
  }
  const scheme = header === undefined ? undefined : bearerScheme.exec(header)?.[0];
  return scheme === undefined ? undefined : header?.slice(scheme.length).trimEnd() || undefined;
}

function announcedLength(raw: RawHeaders): number | 'chunked' | undefined {
  let length: number | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    if (isNamed(raw[index], 'transfer-encoding')) return 'chunked';
    // The server has refused what is not a number, and more than one of them.
    if (isNamed(raw[index], 'content-length')) length = Number(raw[index + 1]) || undefined;
  }
  return length;
}
