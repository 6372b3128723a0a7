import {
  type ClientOptions as ClientOptionsV2,
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
  UnauthorizedError as UnauthorizedErrorV2,
} from '@modelcontextprotocol/client';
import { UnauthorizedError as UnauthorizedErrorV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import {
  type ClientOptions as ClientOptionsV1,
  Client as ClientV1,
} from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { type ClientHandlers, capabilities, handleV1, handleV2 } from './mcp-client-handlers.ts';
import type { MemoryOAuthProvider } from './memory-oauth-provider.ts';

/** Plays the user: opens the URL in a browser and comes back with the query of the redirect URI. */
export type Authorize = (authorizationUrl: URL) => Promise<URLSearchParams>;

/** What both SDKs are told alike. */
export interface ConnectOptions {
  readonly url: string | URL;
  readonly provider: MemoryOAuthProvider;
  /** Called when the SDK asks for a login; without it such a connection fails with the SDK's `UnauthorizedError`. */
  readonly authorize?: Authorize;
  readonly handlers?: ClientHandlers;
  /** In place of the global `fetch`, for all that the SDK sends. */
  readonly fetch?: (url: string | URL, init?: RequestInit) => Promise<Response>;
}

/** A connected client: the SDK's own objects, and what most tests do with them, spelt alike for both. */
export interface Connection<Client = unknown, Transport = unknown> {
  readonly client: Client;
  readonly transport: Transport;
  /** The MCP session's id as the server gave it. */
  readonly sessionId: string | undefined;
  toolNames(): Promise<readonly string[]>;
  /** Calls a tool and returns the text of its result. `onProgress` gets each step; `signal` cancels. */
  call(
    name: string,
    input?: Readonly<Record<string, unknown>>,
    options?: CallOptions,
  ): Promise<string>;
  /** Ends the MCP session at the server (DELETE), then closes. */
  close(): Promise<void>;
  /** Cuts all streams and leaves without a word to the server. */
  leave(): Promise<void>;
}

/** How one call is watched and stopped. */
export interface CallOptions {
  readonly onProgress?: (step: number) => void;
  readonly signal?: AbortSignal;
}

/** The redirect URI was called with an error instead of a code (RFC 6749 §4.1.2.1). */
export class AuthorizationRefused extends Error {
  override readonly name = 'AuthorizationRefused';
  readonly error: string;
  readonly parameters: URLSearchParams;

  constructor(parameters: URLSearchParams) {
    super(`${parameters.get('error')}: ${parameters.get('error_description')}`);
    this.error = parameters.get('error') ?? '';
    this.parameters = parameters;
  }
}

/** Connects SDK v1: discovery, registration, PKCE, exchange and refresh are its own code. It never looks at `iss`. */
export function connectV1(
  options: ConnectOptions,
  clientOptions: ClientOptionsV1 = {},
): Promise<Connection<ClientV1, TransportV1>> {
  return connect(options, UnauthorizedErrorV1, () => {
    const client = new ClientV1(clientInfo, {
      ...clientOptions,
      capabilities: { ...capabilities(options.handlers), ...clientOptions.capabilities },
    });
    handleV1(client, options.handlers ?? {});
    const transport = new TransportV1(new URL(options.url), transportOptions(options));
    return {
      connection: connection(client, transport, (request, call) =>
        client.callTool(request, CallToolResultSchema, requestOptions(call)),
      ),
      connect: () => client.connect(transport),
      finish: (parameters) => transport.finishAuth(parameters.get('code') ?? ''),
    };
  });
}

/** Connects SDK v2, which in addition demands `iss` where the metadata promise it, and that it be the issuer. */
export function connectV2(
  options: ConnectOptions,
  clientOptions: ClientOptionsV2 = {},
): Promise<Connection<ClientV2, TransportV2>> {
  return connect(options, UnauthorizedErrorV2, () => {
    const client = new ClientV2(clientInfo, {
      ...clientOptions,
      capabilities: { ...capabilities(options.handlers), ...clientOptions.capabilities },
    });
    handleV2(client, options.handlers ?? {});
    const transport = new TransportV2(new URL(options.url), transportOptions(options));
    return {
      connection: connection(client, transport, (request, call) =>
        client.callTool(request, requestOptions(call)),
      ),
      connect: () => client.connect(transport),
      finish: (parameters) => transport.finishAuth(parameters),
    };
  });
}

/** Both official SDKs, for tests that are written once and run on each. */
export const sdks: ReadonlyArray<{
  readonly name: string;
  readonly connect: (options: ConnectOptions) => Promise<Connection>;
}> = [
  { name: 'SDK v1', connect: connectV1 },
  { name: 'SDK v2', connect: connectV2 },
];

const clientInfo = { name: 'an-mcp-client-under-test', version: '1.0.0' };

interface Attempt<Client, Transport> {
  readonly connection: Connection<Client, Transport>;
  connect(): Promise<void>;
  finish(parameters: URLSearchParams): Promise<void>;
}

async function connect<Client, Transport>(
  { provider, authorize }: ConnectOptions,
  unauthorized: new () => Error,
  attempt: () => Attempt<Client, Transport>,
): Promise<Connection<Client, Transport>> {
  const first = attempt();
  try {
    await first.connect();
    return first.connection;
  } catch (error) {
    const authorizationUrl = provider.authorizationUrls.at(-1);
    if (!(error instanceof unauthorized) || !authorize || !authorizationUrl) throw error;
    const parameters = await authorize(authorizationUrl);
    checkCallback(parameters, authorizationUrl);
    await first.finish(parameters);
  }
  // A transport that has been refused cannot be started again.
  const second = attempt();
  await second.connect();
  return second.connection;
}

function checkCallback(parameters: URLSearchParams, authorizationUrl: URL): void {
  if (parameters.get('state') !== authorizationUrl.searchParams.get('state')) {
    throw new Error('The state came back changed.');
  }
  if (parameters.has('error')) throw new AuthorizationRefused(parameters);
}

interface AnyClient {
  listTools(): Promise<{ readonly tools: ReadonlyArray<{ readonly name: string }> }>;
  close(): Promise<void>;
}

interface AnyTransport {
  readonly sessionId: string | undefined;
  terminateSession(): Promise<void>;
}

interface ToolRequest {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
}

function connection<Client extends AnyClient, Transport extends AnyTransport>(
  client: Client,
  transport: Transport,
  callTool: (request: ToolRequest, call: CallOptions) => Promise<unknown>,
): Connection<Client, Transport> {
  return {
    client,
    transport,
    get sessionId() {
      return transport.sessionId;
    },
    toolNames: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, input = {}, call = {}) =>
      textOf(await callTool({ name, arguments: { ...input } }, call)),
    close: async () => {
      try {
        await transport.terminateSession();
      } finally {
        await client.close();
      }
    },
    leave: () => client.close(),
  };
}

function transportOptions({ provider, fetch }: ConnectOptions): {
  authProvider: MemoryOAuthProvider;
  fetch?: NonNullable<ConnectOptions['fetch']>;
} {
  return { authProvider: provider, ...(fetch === undefined ? {} : { fetch }) };
}

function requestOptions({ onProgress, signal }: CallOptions): {
  onprogress?: (progress: { readonly progress: number }) => void;
  signal?: AbortSignal;
} {
  return {
    ...(onProgress === undefined ? {} : { onprogress: ({ progress }) => onProgress(progress) }),
    ...(signal === undefined ? {} : { signal }),
  };
}

function textOf(result: unknown): string {
  const { content, isError } = toolResult.parse(result);
  const text = content.map((part) => part.text ?? '').join('');
  if (isError) throw new Error(`The tool failed: ${text}`);
  return text;
}

const toolResult = z.object({
  content: z.array(z.object({ text: z.string().optional() })),
  isError: z.boolean().default(false),
});
