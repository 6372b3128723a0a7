import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DescribeResource } from '../../application/describe-resource.ts';
import type { McpExchange, McpFailure } from '../../application/ports.ts';
import type { McpClientSink, RelayMcpCall } from '../../application/relay-mcp-call.ts';
import { readBearerChallenge, spellBearerChallenge } from '../../domain/bearer-challenge.ts';
import { baseUrlFor, type GatewayAddress } from '../../domain/gateway-address.ts';
import { protectedResourceMetadataUrl } from '../../domain/metadata.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import { upstreamUnavailable } from '../../domain/upstream-tokens.ts';
import { sendJson, sendOAuthError, wantsPage } from './answers.ts';
import { requestBody } from './mcp-request-body.ts';
import { parameters } from './parameters.ts';
import type { Handle } from './router.ts';

/** POST, GET and DELETE /mcp: the hot path. */
export function mcpEndpoint(relay: RelayMcpCall, context: McpContext): Handle {
  return (request, response, query) => {
    const sink = new ResponseSink(request, response, context);
    const bearer = bearerToken(request.rawHeaders);
    if (bearer === undefined) {
      if (isPerson(request)) return context.home(request, response, query);
      sink.refuse(undefined);
      return;
    }
    if (query !== '' && parameters(query).get('access_token') !== undefined) {
      sendOAuthError(response, tokenInUrl);
      return;
    }
    const body = requestBody(request);
    const call = {
      method: request.method ?? 'GET',
      query: query === '' ? '' : `?${query}`,
      headers: request.rawHeaders,
      // Asked for when the call is forwarded: until then a small body has arrived whole.
      get body() {
        return body?.take();
      },
      bodyAgain: () => body?.again(),
    };
    sink.follow(relay(bearer, call, sink));
  };
}

/** A browser that was sent here by hand: MCP clients ask for JSON or an event stream. */
function isPerson(request: IncomingMessage): boolean {
  return request.method === 'GET' && wantsPage(request);
}

/** MCP authorization, "Token Requirements": URLs end up in logs and histories. */
const tokenInUrl = oauthError(
  'invalid_request',
  'A token belongs into the Authorization header, never into the URL.',
);

const bearerScheme = /^bearer +([^\s,]+) *$/i;

/** The one bearer token of a request (RFC 6750 §2.1): empty where there is an Authorization that is none, or more than one. */
function bearerToken(raw: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? '';
    if (name.length !== 13 || name.toLowerCase() !== 'authorization') continue;
    if (found !== undefined) return '';
    found = bearerScheme.exec(raw[index + 1] ?? '')?.[1] ?? '';
  }
  return found;
}

/** Answers a request that something went wrong with inside the gateway. */
export type Crashed = (response: ServerResponse, error: unknown) => void;

/** Ends each stream of GET /mcp that is open; they would else outlast every stop. */
export type OpenStreams = Set<() => void>;

interface McpContext {
  readonly address: () => GatewayAddress;
  readonly crashed: Crashed;
  readonly streams: OpenStreams;
  /** What a person sees who opens the endpoint in a browser. */
  readonly home: Handle;
  /** The scope that a challenge names. */
  readonly demanded: DescribeResource['demanded'];
}

/** The client's end of a call: writes the answer as it arrives, and holds the upstream back when the client reads slowly. */
class ResponseSink implements McpClientSink {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: McpContext;
  #exchange: McpExchange | undefined;
  #waiting = false;

  constructor(request: IncomingMessage, response: ServerResponse, context: McpContext) {
    this.#request = request;
    this.#response = response;
    this.#context = context;
  }

  /** Ends the exchange when the client leaves. */
  follow(exchange: McpExchange): void {
    this.#exchange = exchange;
    const { streams } = this.#context;
    const end = () => this.#finish(exchange);
    if (this.#request.method === 'GET') streams.add(end);
    this.#response.on('close', () => {
      streams.delete(end);
      if (!this.#response.writableFinished) exchange.abort();
    });
  }

  /** A clean end from our side. */
  #finish(exchange: McpExchange): void {
    exchange.abort();
    if (this.#response.headersSent) this.#response.end();
    else this.unavailable(1);
  }

  start(status: number, headers: readonly string[], challenge: string | undefined): void {
    const own = status === 403 && challenge !== undefined ? this.#ownChallenge(challenge) : [];
    writeHead(this.#response, status, [...headers, ...own]);
    // Headers at once: an event stream may have nothing to say for a long time.
    if (!hasLength(headers)) this.#response.flushHeaders();
  }

  data(chunk: Uint8Array): boolean {
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

  end(trailers: readonly string[]): void {
    if (trailers.length > 0) this.#response.addTrailers(pairs(trailers));
    this.#response.end();
  }

  fail(failure: McpFailure): void {
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
    // What is left of a short body is read and thrown away, so that the connection can go on; a long one is not waited for.
    const rest = restOfBody(this.#request);
    if (rest === 'short') this.#request.resume();
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
    sendJson(this.#response, 401, body, {
      'WWW-Authenticate': challenge,
      ...(rest === 'long' && { Connection: 'close' }),
    });
  }

  /** The upstream's demand for more scope, in our own name. */
  #ownChallenge(upstream: string): readonly string[] {
    const { scope, error } = readBearerChallenge(upstream) ?? {};
    if (error !== 'insufficient_scope') return [];
    const challenge = spellBearerChallenge({
      resourceMetadata: this.#metadataUrl(),
      scope,
      error,
      errorDescription: undefined,
    });
    return ['WWW-Authenticate', challenge];
  }

  #metadataUrl(): string {
    const base = baseUrlFor(this.#context.address(), this.#request.headers.host);
    const path = this.#request.url?.startsWith('/mcp/') ? '/mcp/' : '/mcp';
    return protectedResourceMetadataUrl(base, path);
  }
}

/** Beside headers that are set already (those of the cross-origin rule) Node keeps one of a name alone: each is added then. */
function writeHead(response: ServerResponse, status: number, headers: readonly string[]): void {
  if (response.getHeaderNames().length === 0) {
    response.writeHead(status, headers as string[]);
    return;
  }
  for (const [name, value] of pairs(headers)) response.appendHeader(name, value);
  response.writeHead(status);
}

/** How much of a refused request's body may still come. */
function restOfBody(request: IncomingMessage): 'none' | 'short' | 'long' {
  if (request.complete) return 'none';
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && length === undefined) return 'none';
  return encoding === undefined && Number(length) <= 64 * 1024 ? 'short' : 'long';
}

/** An answer whose length is announced: its headers may wait for its body, which follows at once. */
function hasLength(headers: readonly string[]): boolean {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (name.length === 14 && name.toLowerCase() === 'content-length') return true;
  }
  return false;
}

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : [])) as [
    string,
    string,
  ][];
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
