import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AuthInfo } from '@modelcontextprotocol/sdk/server/auth/types.js';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { listenOnLoopback } from './loopback.ts';

/** Judges a bearer token: false, or whom it speaks for. The second argument is this server's resource identifier; without it a token for any will do. */
export type VerifyToken = (
  token: string,
  resource?: string,
) => Promise<
  boolean | { readonly sub: string; readonly client_id: string; readonly scope: string }
>;

/** What stands before the MCP server. */
export interface ProtectedMcpOptions {
  readonly verify: VerifyToken;
  /** The RFC 9728 document, `resource` apart: that is this server's MCP URL, known once it listens. */
  readonly resourceMetadata: {
    readonly authorization_servers: readonly string[];
    readonly scopes_supported?: readonly string[];
  };
  /** Where the MCP endpoint is; default `/mcp`. */
  readonly path?: string;
}

/** A request that came to the MCP endpoint. */
export interface McpRequest {
  readonly method: string;
  readonly headers: Readonly<IncomingMessage['headers']>;
  /** Of the bearer token, as {@link hashToken} makes it; undefined without one. */
  readonly tokenHash: string | undefined;
  /** Settles when the exchange is over: `complete`, or `aborted` when the peer left before the end. */
  readonly ended: Promise<'complete' | 'aborted'>;
}

/** A running MCP server behind a bearer check. */
export interface ProtectedMcp {
  /** The MCP URL to give to a client; also the resource identifier. */
  readonly url: string;
  readonly resourceMetadataUrl: string;
  readonly requests: readonly McpRequest[];
  /** The ids of the MCP sessions that are open. */
  readonly sessions: ReadonlyMap<string, unknown>;
  /** The first request that fits, of those that came and of those to come. */
  requestWhere(fits: (request: McpRequest) => boolean): Promise<McpRequest>;
  /** Ends all sessions and cuts all connections. */
  close(): Promise<void>;
  /** After `close`: the same server on the same port, without the sessions. */
  reopen(): Promise<void>;
}

/** One MCP session's server, and what it must be told. */
export interface SessionServer {
  readonly server: McpServer;
  /** The session is over, by DELETE or because everything closes. */
  readonly cleanup: (sessionId?: string) => void;
  /** The standalone GET stream is open: from here on nothing sent on it is lost. */
  readonly streamOpened: () => void;
}

interface Session extends SessionServer {
  readonly transport: StreamableHTTPServerTransport;
}

/** The name under which tests and servers talk about a token without printing it. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/**
 * Mounts official SDK servers (a fresh one per session) on a loopback port: stateful Streamable HTTP with GET stream
 * and DELETE, a bearer check of a few lines, RFC 9728 metadata under the path-inserted name. All else is 404.
 */
export async function startProtectedMcp(
  options: ProtectedMcpOptions,
  openSession: () => SessionServer,
): Promise<ProtectedMcp> {
  const http = createServer();
  const { origin, close, reopen } = await listenOnLoopback(http);
  const path = options.path ?? '/mcp';
  const url = `${origin}${path}`;
  const metadataPath = `/.well-known/oauth-protected-resource${path === '/' ? '' : path}`;
  const resourceMetadataUrl = `${origin}${metadataPath}`;
  const sessions = new Map<string, Session>();
  const requests: McpRequest[] = [];
  const waiting = new Set<(request: McpRequest) => void>();

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? '/', origin);
    if (pathname === metadataPath && request.method === 'GET') {
      const document = { ...options.resourceMetadata, resource: url };
      return sendJson(response, 200, { ...document, bearer_methods_supported: ['header'] });
    }
    if (pathname !== path) return sendJson(response, 404, { error: 'not_found' });
    const token = bearerToken(request);
    const seen = record(request, response, token);
    requests.push(seen);
    for (const look of waiting) look(seen);
    const auth = await authenticate(token, url, options.verify);
    if (auth === undefined) return challenge(response, resourceMetadataUrl, token);
    await serve(sessions, openSession, Object.assign(request, { auth }), response);
  };
  http.on('request', (request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(asError(error)));
  });

  return {
    url,
    resourceMetadataUrl,
    requests,
    sessions,
    requestWhere: (fits) => firstFitting(requests, waiting, fits),
    close: async () => {
      await Promise.all([...sessions.values()].map((session) => session.server.close()));
      await close();
    },
    reopen,
  };
}

async function serve(
  sessions: Map<string, Session>,
  openSession: () => SessionServer,
  request: IncomingMessage & { auth: AuthInfo },
  response: ServerResponse,
): Promise<void> {
  const id = request.headers['mcp-session-id'];
  if (typeof id === 'string') {
    const session = sessions.get(id);
    // The transport specification: 404 tells the client to start a new session.
    if (session === undefined) return sendJson(response, 404, { error: 'unknown session' });
    if (request.method === 'GET') onHeadersSent(response, session.streamOpened);
    return session.transport.handleRequest(request, response);
  }
  const opened = openSession();
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    onsessioninitialized: (newId) => {
      sessions.set(newId, { ...opened, transport });
    },
  });
  transport.onclose = () => {
    if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
    opened.cleanup(transport.sessionId);
  };
  await opened.server.connect(transport);
  await transport.handleRequest(request, response);
  // Whatever was not an `initialize` has been refused, and no session came of it.
  if (transport.sessionId === undefined) await opened.server.close();
}

async function authenticate(
  token: string | undefined,
  resource: string,
  verify: VerifyToken,
): Promise<AuthInfo | undefined> {
  if (token === undefined) return undefined;
  const claims = await verify(token, resource);
  if (claims === false) return undefined;
  const known = claims === true ? { sub: '', client_id: '', scope: '' } : claims;
  return {
    token,
    clientId: known.client_id,
    scopes: known.scope.split(' ').filter((scope) => scope !== ''),
    extra: { sub: known.sub },
  };
}

/** RFC 6750 §3.1: an error is named only to a client that sent a token. */
function challenge(
  response: ServerResponse,
  resourceMetadataUrl: string,
  token: string | undefined,
): void {
  const error = token === undefined ? '' : 'error="invalid_token", ';
  response.setHeader(
    'WWW-Authenticate',
    `Bearer ${error}resource_metadata="${resourceMetadataUrl}"`,
  );
  sendJson(response, 401, { error: 'invalid_token' });
}

function bearerToken(request: IncomingMessage): string | undefined {
  return /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
}

function record(
  request: IncomingMessage,
  response: ServerResponse,
  token: string | undefined,
): McpRequest {
  const ended = new Promise<'complete' | 'aborted'>((resolve) => {
    // Judged at once: the SDK's adapter ends a response whose reader left, and it would look finished a tick later.
    response.once('close', () => resolve(response.writableFinished ? 'complete' : 'aborted'));
  });
  return {
    method: request.method ?? '',
    headers: request.headers,
    tokenHash: token === undefined ? undefined : hashToken(token),
    ended,
  };
}

function firstFitting(
  requests: readonly McpRequest[],
  waiting: Set<(request: McpRequest) => void>,
  fits: (request: McpRequest) => boolean,
): Promise<McpRequest> {
  const found = requests.find(fits);
  if (found !== undefined) return Promise.resolve(found);
  return new Promise((resolve) => {
    const look = (request: McpRequest): void => {
      if (!fits(request)) return;
      waiting.delete(look);
      resolve(request);
    };
    waiting.add(look);
  });
}

/** Node has no event for it, and a message sent before the stream is open would be dropped in silence. */
function onHeadersSent(response: ServerResponse, then: () => void): void {
  const writeHead = response.writeHead;
  Object.defineProperty(response, 'writeHead', {
    value: (...head: unknown[]): unknown => {
      if (head[0] === 200) then();
      return Reflect.apply(writeHead, response, head);
    },
  });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
