import type { Readable } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import type {
  McpCall,
  McpExchange,
  McpFailure,
  McpSink,
  UpstreamResourceServer,
} from '../../application/ports.ts';
import type { UpstreamToken } from '../../domain/token-pair.ts';
import { answerHeaders, requestHeaders } from './crossing-headers.ts';

/** How the upstream MCP server is reached. */
export interface ResourceServerOptions {
  /** The URL as given: path and trailing slash count. */
  readonly url: string;
  /** Appended to the client's User-Agent. */
  readonly userAgent: string;
  /** How its connections are made, where there is something special about them. */
  readonly dispatcher?: Dispatcher | undefined;
}

const connectTimeout = 10_000; // milliseconds

/** The upstream MCP server over HTTP, with connections kept open. No total time limit: a tool call or an idle stream takes as long as it takes. */
export function httpResourceServer({
  url,
  userAgent,
  dispatcher,
}: ResourceServerOptions): UpstreamResourceServer {
  const { origin, pathname, search } = new URL(url);
  const pool =
    dispatcher ??
    new Pool(origin, {
      connect: { timeout: connectTimeout },
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 64 * 1024,
    });
  return {
    forward(call, token, sink) {
      const forwarding = new Forwarding(sink);
      pool.dispatch(requestOf(call, token), forwarding);
      return forwarding;
    },
    close: () => pool.destroy(),
  };

  function requestOf(call: McpCall, token: UpstreamToken): Dispatcher.DispatchOptions {
    return {
      origin,
      path: pathname + joined(search, call.query),
      method: call.method as Dispatcher.HttpMethod,
      headers: requestHeaders(call.headers, token, userAgent),
      body: (call.body ?? null) as Uint8Array | Readable | null,
    };
  }
}

/** The query of the upstream's URL, and that of the call behind it. */
function joined(own: string, query: string): string {
  if (own === '' || query === '') return own + query;
  return `${own}&${query.slice(1)}`;
}

/** One request under way: undici's handler on the one side, the sink on the other. */
class Forwarding implements Dispatcher.DispatchHandler, McpExchange {
  readonly #sink: McpSink;
  #controller: Dispatcher.DispatchController | undefined;
  #started = false;
  #aborted = false;

  constructor(sink: McpSink) {
    this.#sink = sink;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) controller.abort(aborted);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.#aborted) return; // interim answers (RFC 9110 §15.2) are about this hop
    this.#started = true;
    const { headers, challenge } = answerHeaders(controller.rawHeaders as Buffer[]);
    this.#sink.start(status, headers, challenge);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#aborted && !this.#sink.data(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#aborted) return;
    const trailers = controller.rawTrailers as Buffer[] | null | undefined;
    this.#sink.end(trailers ? answerHeaders(trailers).headers : []);
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (!this.#aborted) this.#sink.fail(failureOf(error, this.#started));
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#controller?.abort(aborted);
  }
}

/** One for all: nobody looks at it, and a stack trace per leaving client is not cheap. */
const aborted = new Error('The client has left.');

const timeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT']);
const broken = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

function failureOf(error: Error & { readonly code?: string }, started: boolean): McpFailure {
  if (started || broken.has(error.code ?? '')) return 'broken';
  return timeouts.has(error.code ?? '') ? 'timeout' : 'unreachable';
}
