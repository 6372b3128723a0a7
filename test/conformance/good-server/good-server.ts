import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import {
  createMcpHandler,
  createRequestStateCodec,
  hostHeaderValidationResponse,
  InMemoryServerEventBus,
  isLegacyRequest,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer,
  originValidationResponse,
} from '@modelcontextprotocol/server';
import { listenOnLoopback } from '../../support/real/loopback.ts';
import { addElicitationSchemas } from './elicitation-schemas.ts';
import { addPrompts } from './prompts.ts';
import { addResources } from './resources.ts';
import { keepSessions } from './sessions.ts';
import { addToolsThatAnswer } from './tools-that-answer.ts';
import { addToolsThatAsk } from './tools-that-ask.ts';
import { addToolsThatReport } from './tools-that-report.ts';
import { addToolsWithSchemas } from './tools-with-schemas.ts';
import { addToolsWithState, type CallState } from './tools-with-state.ts';
import { type WebHandler, webListener } from './web-listener.ts';

/** What the server has to know about the world around it. */
export interface GoodServerOptions {
  /** The authorization server that its metadata names (RFC 9728). */
  readonly issuer: string;
  readonly isGood: (token: string) => boolean;
}

/** An MCP server that passes the suite's server scenarios, behind a bearer check. */
export interface GoodServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts one official SDK server for both eras: with sessions (2025-11-25), and stateless (2026-07-28). */
export async function startGoodServer(options: GoodServerOptions): Promise<GoodServer> {
  const bus = new InMemoryServerEventBus();
  const codec = createRequestStateCodec<CallState>({ key: randomBytes(32) });
  const openServer = () => fullServer(bus, codec);
  const sessions = keepSessions(() => withSubscriptions(openServer()));
  const stateless = createMcpHandler(openServer, { legacy: 'reject', bus });
  const mcp: WebHandler = async (request) =>
    (await isLegacyRequest(request)) ? sessions.handle(request) : stateless.fetch(request);

  let origin = '';
  const http = createServer(
    webListener(
      () => origin,
      guarded(() => origin, options, mcp),
    ),
  );
  const listening = await listenOnLoopback(http);
  origin = listening.origin;
  return {
    url: `${origin}/mcp`,
    close: async () => {
      await Promise.all([sessions.close(), stateless.close()]);
      await listening.close();
    },
  };
}

function fullServer(
  bus: InMemoryServerEventBus,
  codec: ReturnType<typeof createRequestStateCodec<CallState>>,
): McpServer {
  const server = new McpServer(
    { name: 'good-server', version: '1.0.0' },
    {
      capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } },
      cacheHints: { 'tools/list': { ttlMs: 60_000, cacheScope: 'public' } },
      requestState: { verify: codec.verify },
    },
  );
  addToolsThatAnswer(server);
  addToolsThatReport(server, bus);
  addToolsWithSchemas(server);
  addToolsThatAsk(server);
  addElicitationSchemas(server);
  addToolsWithState(server, codec);
  addPrompts(server);
  addResources(server);
  return server;
}

/** Requests of their own until 2025-11-25, a part of `subscriptions/listen` since. Nothing here ever changes. */
function withSubscriptions(server: McpServer): McpServer {
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
  return server;
}

function guarded(
  origin: () => string,
  { issuer, isGood }: GoodServerOptions,
  mcp: WebHandler,
): WebHandler {
  const metadataPath = '/.well-known/oauth-protected-resource/mcp';
  return async (request) => {
    const rejected =
      hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
      originValidationResponse(request, localhostAllowedOrigins());
    if (rejected !== undefined) return rejected;
    const { pathname } = new URL(request.url);
    if (pathname === metadataPath) {
      return Response.json({ resource: `${origin()}/mcp`, authorization_servers: [issuer] });
    }
    if (pathname !== '/mcp') return new Response(null, { status: 404 });
    const token = /^Bearer (\S+)$/.exec(request.headers.get('authorization') ?? '')?.[1];
    if (token !== undefined && isGood(token)) return mcp(request);
    const challenge = `Bearer resource_metadata="${origin()}${metadataPath}"`;
    return new Response(null, { status: 401, headers: { 'WWW-Authenticate': challenge } });
  };
}
