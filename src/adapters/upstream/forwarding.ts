import type { Dispatcher } from 'undici';
import type { McpCall, McpFailure, McpSink, UpstreamExchange } from '../../application/ports.ts';
import type { UpstreamToken } from '../../domain/token-pair.ts';
import type { Connections } from './connections.ts';
import { answerHeaders, headerValue } from './crossing-headers.ts';

/** Where calls go. */
export interface Route {
  readonly connections: Connections;
  readonly origin: string;
  /** What is sent in place of a client's raw headers. */
  readonly headers: (raw: readonly string[], token: UpstreamToken) => readonly string[];
}

/** What is sent: the same thing again after a redirect or on a connection that had gone stale. */
export interface Sending {
  readonly call: McpCall;
  readonly token: UpstreamToken;
  readonly path: string;
  /** Absent without a body. */
  readonly body: McpCall['body'];
  /** How often it has been sent before. */
  readonly before: number;
}

/** One redirect after the other is a loop. */
const mostSendings = 5;
/** What is left of an answer that nobody wants is read up to here (bytes, milliseconds), so that its connection can go on. */
const worthReading = 64 * 1024;
const worthWaiting = 1000;

/**
 * One call under way: undici's handler on the one side, the sink on the other. In the handler's older form, which is given the raw headers
 * and nothing that would have to be made of them first: every call on the hot path pays for that.
 */
export class Forwarding implements Dispatcher.DispatchHandler, UpstreamExchange {
  readonly #route: Route;
  readonly #sending: Sending;
  readonly #sink: McpSink;
  readonly #connection: Dispatcher;
  #abort: ((reason: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #started = false;
  /** Nothing more reaches the sink. */
  #over = false;
  #droppedBytes = 0;
  #deadline: NodeJS.Timeout | undefined;
  /** Where the call was sent again. */
  #next: Forwarding | undefined;

  constructor(route: Route, sending: Sending, sink: McpSink) {
    this.#route = route;
    this.#sending = sending;
    this.#sink = sink;
    this.#connection = route.connections.take();
  }

  send(): void {
    const { call, token, path, body } = this.#sending;
    const options = {
      origin: this.#route.origin,
      path,
      method: call.method as Dispatcher.HttpMethod,
      headers: this.#route.headers(call.headers, token),
      body: body ?? null,
    };
    this.#connection.dispatch(options as Dispatcher.DispatchOptions, this);
  }

  onConnect(abort: (reason?: Error) => void): void {
    this.#abort = abort;
    if (this.#over) abort(left);
  }

  onHeaders(status: number, raw: readonly Buffer[], resume: () => void): boolean {
    if (this.#over) return true;
    if (status < 200) {
      this.#sink.interim(status, answerHeaders(raw).headers);
    } else if ((status === 307 || status === 308) && this.#follow(headerValue(raw, 'location'))) {
      this.#letGo();
    } else {
      this.#started = true;
      this.#resume = resume;
      const { headers, challenge } = answerHeaders(raw);
      this.#sink.start(status, headers, challenge);
      // It has no body, whatever length it names (RFC 9110 §15.4.5); undici would wait for one, and take the end for a break.
      if (status === 304) this.#endNow();
    }
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (!this.#over) return this.#sink.data(chunk);
    this.#droppedBytes += chunk.length;
    if (this.#droppedBytes > worthReading) this.#abort?.(left);
    return true;
  }

  onComplete(rawTrailers: readonly (Buffer | string)[] | null): void {
    this.#release();
    if (this.#over) return;
    this.#sink.end(rawTrailers?.length ? answerHeaders(rawTrailers).headers : []);
  }

  onError(error: Error & { readonly code?: string }): void {
    this.#release();
    if (this.#over) return;
    const failure = failureOf(error, this.#started);
    if (failure === 'broken' && !this.#started && this.#sendAgain()) this.#over = true;
    else this.#sink.fail(failure);
  }

  #endNow(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sink.end([]);
  }

  resume(): void {
    if (this.#next) this.#next.resume();
    else this.#resume?.();
  }

  abort(): void {
    this.#next?.abort();
    this.#over = true;
    this.#abort?.(left);
  }

  drop(): void {
    if (this.#next) this.#next.drop();
    else this.#letGo();
  }

  #letGo(): void {
    if (this.#over) return;
    this.#over = true;
    this.#deadline = setTimeout(() => this.#abort?.(left), worthWaiting).unref();
  }

  #release(): void {
    clearTimeout(this.#deadline);
    // Not ours any more: what is said to the connection from now on would be said to the next call.
    this.#abort = undefined;
    this.#resume = undefined;
    this.#route.connections.giveBack(this.#connection);
  }

  /** Follows a redirect that keeps method and body (RFC 9110 §15.4.8), but never to another origin: the token is for this one. */
  #follow(location: string): boolean {
    const { origin } = this.#route;
    const here = `${origin}${this.#sending.path}`;
    const there = URL.canParse(location, here) ? new URL(location, here) : undefined;
    return there?.origin === origin && this.#sendTo(there.pathname + there.search);
  }

  /** A connection that was kept open may be closed by the upstream in the very moment it is used (RFC 9112 §9.3.1). */
  #sendAgain(): boolean {
    const { call, before, path } = this.#sending;
    return before === 0 && idempotent.has(call.method) && this.#sendTo(path);
  }

  #sendTo(path: string): boolean {
    const { call, token, body, before } = this.#sending;
    const again = body && call.bodyAgain();
    if (before === mostSendings || (body !== undefined && again === undefined)) return false;
    const sending = { call, token, path, body: again, before: before + 1 };
    this.#next = new Forwarding(this.#route, sending, this.#sink);
    this.#next.send();
    return true;
  }
}

/** RFC 9110 §9.2.2, of the methods that /mcp has. */
const idempotent = new Set(['GET', 'HEAD', 'DELETE']);

/** One for all: nobody looks at it, and a stack trace per leaving client is not cheap. */
const left = new Error('The client has left.');

const timeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT']);
const broken = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

function failureOf(error: Error & { readonly code?: string }, started: boolean): McpFailure {
  if (started || broken.has(error.code ?? '')) return 'broken';
  return timeouts.has(error.code ?? '') ? 'timeout' : 'unreachable';
}
