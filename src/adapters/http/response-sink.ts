import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DescribeResource } from '../../application/describe-resource.ts';
import type { McpExchange, McpFailure } from '../../application/ports.ts';
import type { McpClientSink } from '../../application/relay-mcp-call.ts';
import { readBearerChallenge, spellBearerChallenge } from '../../domain/bearer-challenge.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import { protectedResourceMetadataUrl } from '../../domain/metadata.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import type { GrantId } from '../../domain/token-pair.ts';
import { upstreamUnavailable } from '../../domain/upstream-tokens.ts';
import { sendJson, sendOAuthError } from './answers.ts';
import type { CallSlots } from './call-slots.ts';
import { EventStreamKeepalive } from './event-stream-keepalive.ts';
import { headerPairs, isNamed, type RawHeaders, rawValue, withoutHeader } from './raw-headers.ts';
import { notesOf } from './request-notes.ts';
import type { Handle } from './router.ts';
import { seenBase } from './seen-base.ts';

const tooManyOfGrant = oauthError(
  'too_many_requests',
  'Too many calls of this client are under way: let some of them end, or close streams.',
  5,
);
const tooManyOfAll = oauthError(
  'temporarily_unavailable',
  'Too many calls are under way at this gateway: try again.',
  5,
);

/** Answers a request that something went wrong with inside the gateway. */
export type Crashed = (response: ServerResponse, error: unknown) => void;

/** Ends each stream of GET /mcp that is open; they would else outlast every stop. */
export type OpenStreams = Set<() => void>;

/** What the endpoint has to know besides the request. */
export interface McpContext {
  readonly address: () => GatewayAddress;
  readonly crashed: Crashed;
  readonly streams: OpenStreams;
  readonly slots: CallSlots;
  /** Seconds of silence on an event stream before a comment; 0: none. */
  readonly sseKeepalive: number;
  /** What a person sees who opens the endpoint in a browser. */
  readonly home: Handle;
  /** The scope that a challenge names. */
  readonly demanded: DescribeResource['demanded'];
}

/** The client's end of a call: writes the answer as it arrives, and holds the upstream back when the client reads slowly. */
export class ResponseSink implements McpClientSink {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: McpContext;
  #exchange: McpExchange | undefined;
  #waiting = false;
  /** Bytes of the answer that are still to come; `undefined` where it has named no length. */
  #left: number | undefined;
  #keepalive: EventStreamKeepalive | undefined;
  #forwardedAt: number | undefined;

  constructor(request: IncomingMessage, response: ServerResponse, context: McpContext) {
    this.#request = request;
    this.#response = response;
    this.#context = context;
  }

  /** Ends the exchange when the client leaves. */
  follow(exchange: McpExchange): void {
    this.#exchange = exchange;
    const over = () => this.#over(exchange);
    this.#response.on('close', over);
    if (this.#request.method === 'GET') {
      const { streams } = this.#context;
      const end = () => this.#finish(exchange);
      streams.add(end);
      this.#response.on('close', () => streams.delete(end));
    }
    // The answer to a pipelined request has no socket until its turn comes, and without one it hears of no end.
    if (this.#response.socket === null) {
      const { socket } = this.#request;
      socket.once('close', over);
      this.#response.once('close', () => socket.off('close', over));
    }
  }

  /** A clean end from our side. */
  #finish(exchange: McpExchange): void {
    exchange.abort();
    if (this.#response.headersSent) this.#response.end();
    else this.unavailable(1);
  }

  #over(exchange: McpExchange): void {
    this.#keepalive?.stop();
    if (!this.#response.writableFinished) exchange.abort();
    // Answered before all of the body had come: the rest is read and thrown away, so that the connection can go on.
    if (!this.#request.complete) this.#request.resume();
  }

  admit(grant: GrantId): boolean {
    const slot = this.#context.slots.take(grant);
    if (typeof slot === 'function') {
      this.#response.on('close', slot);
      return true;
    }
    sendOAuthError(this.#response, slot === 'grant' ? tooManyOfGrant : tooManyOfAll, {
      // What else of the request is on its way is not read.
      ...(this.#request.complete ? {} : { Connection: 'close' }),
    });
    return false;
  }

  forwarded(): void {
    this.#forwardedAt = performance.now();
  }

  interim(status: number, headers: RawHeaders): void {
    const { httpVersion } = this.#request;
    if (httpVersion === '1.0' || this.#response.headersSent) return; // RFC 9110 §15.2
    if (status === 102) this.#response.writeProcessing();
    if (status === 103) this.#sendHints(headers);
  }

  #sendHints(headers: RawHeaders): void {
    try {
      this.#response.writeEarlyHints(earlyHints(headers));
    } catch {
      // A Link that Node does not take for one: it was only a hint.
    }
  }

  start(status: number, headers: RawHeaders, challenge: string | undefined): void {
    const length = rawValue(headers, 'content-length');
    const hasLength = length !== undefined;
    this.#left = hasLength ? Number(length) : undefined;
    const crossing = this.#hasTrailers(status, hasLength) ? headers : withoutTrailerHeader(headers);
    const notes = notesOf(this.#response);
    if (this.#forwardedAt !== undefined) {
      notes.upstreamDuration = performance.now() - this.#forwardedAt;
    }
    const own = this.#withChallenge(status, crossing, challenge);
    writeHead(this.#response, status, withRequestId(own, notes.id));
    if (hasLength) return;
    // Headers at once: an event stream may have nothing to say for a long time.
    this.#response.flushHeaders();
    this.#keepAlive(headers);
  }

  data(chunk: Uint8Array): boolean {
    this.#keepalive?.heard(chunk);
    if (this.#left !== undefined) {
      this.#left -= chunk.length;
      if (this.#left === 0) {
        // The last of it: one write less than a chunk and an end after it.
        this.#response.end(chunk);
        return true;
      }
    }
    if (this.#response.write(chunk)) return true;
    if (!this.#waiting) {
      this.#waiting = true;
      this.#response.once('drain', () => {
        this.#waiting = false;
        this.#exchange?.resume();
      });
    }
    return false;
  }

  end(trailers: RawHeaders): void {
    if (trailers.length > 0) this.#response.addTrailers(headerPairs(trailers));
    this.#response.end();
  }

  fail(failure: McpFailure): void {
    if (this.#response.writableEnded) return; // all of it had come
    // A body that was cut off must never look complete: the connection goes with it.
    if (this.#response.headersSent) this.#response.destroy();
    else sendJson(this.#response, ...failureAnswers[failure]);
  }

  challenge(): void {
    this.refuse('invalid_token');
  }

  unavailable(retryAfter: number | undefined): void {
    sendOAuthError(this.#response, upstreamUnavailable(retryAfter));
  }

  crash(error: unknown): void {
    this.#context.crashed(this.#response, error);
  }

  /** RFC 6750 §3.1: no error where no token was sent. */
  refuse(error: 'invalid_token' | undefined): void {
    const description =
      error && 'The access token is not accepted: refresh it, or authorize again.';
    const challenge = spellBearerChallenge({
      resourceMetadata: this.#metadataUrl(),
      scope: this.#context.demanded(),
      error,
      errorDescription: description,
    });
    const body = {
      error: error ?? 'unauthorized',
      error_description:
        description ?? 'Authorize first: see resource_metadata in WWW-Authenticate.',
    };
    sendJson(this.#response, 401, body, { 'WWW-Authenticate': challenge });
  }

  /** Trailers need chunks (RFC 9112 §7.1.2), and Node throws where they are announced without. */
  #hasTrailers(status: number, hasLength: boolean): boolean {
    const { method, httpVersion } = this.#request;
    const hasBody = method !== 'HEAD' && status !== 204 && status !== 304;
    return hasBody && !hasLength && httpVersion !== '1.0';
  }

  /** The upstream's demand for more scope, in our own name. */
  #withChallenge(status: number, headers: RawHeaders, upstream: string | undefined): RawHeaders {
    if (status !== 403 || upstream === undefined) return headers;
    const { scope, error } = readBearerChallenge(upstream) ?? {};
    if (error !== 'insufficient_scope') return headers;
    const challenge = spellBearerChallenge({
      resourceMetadata: this.#metadataUrl(),
      scope,
      error,
      errorDescription: undefined,
    });
    return [...headers, 'WWW-Authenticate', challenge];
  }

  #keepAlive(headers: RawHeaders): void {
    const { sseKeepalive } = this.#context;
    if (sseKeepalive === 0 || rawValue(headers, 'content-encoding') !== undefined) return;
    if (!/^text\/event-stream\b/i.test(rawValue(headers, 'content-type') ?? '')) return;
    this.#keepalive = new EventStreamKeepalive(sseKeepalive, (comment) => {
      if (!this.#response.writableNeedDrain) this.#response.write(comment);
    });
  }

  #metadataUrl(): string {
    const base = seenBase(this.#context.address(), this.#request, this.#response);
    const path = notesOf(this.#response).route === '/mcp/' ? '/mcp/' : '/mcp';
    return protectedResourceMetadataUrl(base, path);
  }
}

/** The upstream's own name for it crosses, as all of its headers do; ours is in the log. */
function withRequestId(headers: RawHeaders, id: string): RawHeaders {
  const isNamedAlready = rawValue(headers, 'x-request-id') !== undefined;
  return isNamedAlready ? headers : [...headers, 'X-Request-Id', id];
}

/** Beside headers that are set already (those of the cross-origin rule) Node keeps one of a name alone: each is added then. */
function writeHead(response: ServerResponse, status: number, headers: RawHeaders): void {
  if (response.getHeaderNames().length === 0) {
    response.writeHead(status, headers as string[]);
    return;
  }
  for (const [name, value] of headerPairs(headers)) response.appendHeader(name, value);
  response.writeHead(status);
}

/** Node has a name of its own for the links, and takes them one by one. */
function earlyHints(raw: RawHeaders): Record<string, string | string[]> {
  const headers = headerPairs(raw);
  const link = headers.filter(([name]) => isNamed(name, 'link')).map(([, value]) => value);
  const others = headers.filter(([name]) => !isNamed(name, 'link'));
  return { ...Object.fromEntries(others), link };
}

function withoutTrailerHeader(headers: RawHeaders): RawHeaders {
  return rawValue(headers, 'trailer') === undefined ? headers : withoutHeader(headers, 'trailer');
}

const failureAnswers: Readonly<Record<McpFailure, readonly [number, object]>> = {
  unreachable: [502, failureBody('The upstream MCP server cannot be reached: try again later.')],
  broken: [502, failureBody('The upstream MCP server broke the connection off: try again.')],
  refused: [
    502,
    failureBody(
      "The upstream MCP server does not accept the gateway's credentials: tell its operator.",
    ),
  ],
  timeout: [504, failureBody('The upstream MCP server took too long to answer: try again later.')],
};

function failureBody(sentence: string): object {
  return { error: 'upstream_unavailable', error_description: sentence };
}
