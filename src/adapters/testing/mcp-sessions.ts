import { z } from 'zod';
import type { Clock, Random } from '../../application/ports.ts';
import { type ChunkQueue, chunkQueue } from './chunk-queue.ts';
import {
  emptyAnswer,
  eventStreamAnswer,
  jsonAnswer,
  type McpAnswer,
  messageEvent,
} from './mcp-answers.ts';

/** A call as an MCP server sees it. */
export interface ReceivedCall {
  readonly method: string;
  /** With its question mark, or empty. */
  readonly query: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The bearer token; absent where none came. */
  readonly token: string | undefined;
}

const message = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z
    .object({
      protocolVersion: z.string().optional(),
      name: z.string().optional(),
      arguments: z.record(z.string(), z.unknown()).optional(),
      _meta: z.object({ progressToken: z.union([z.string(), z.number()]).optional() }).optional(),
    })
    .optional(),
});

type Message = z.infer<typeof message>;
type Params = NonNullable<Message['params']>;
type MessageId = NonNullable<Message['id']>;

const tools = [
  {
    name: 'echo',
    description: 'Gives back the text it was given.',
    inputSchema: {
      type: 'object',
      properties: { text: { type: 'string', description: 'Any text.' } },
      required: ['text'],
    },
  },
  {
    name: 'count',
    description: 'Counts up to a number, and reports each step as progress.',
    inputSchema: {
      type: 'object',
      properties: { to: { type: 'integer', minimum: 1, maximum: 1000 } },
      required: ['to'],
    },
  },
];

const countArguments = z.object({ to: z.number().int().min(1).max(1000) });
const echoArguments = z.object({ text: z.string() });

/** What a minimal MCP server needs. */
export interface McpSessionsOptions {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly random: Random;
  /** Milliseconds between two steps of the tool `count`. */
  readonly pause: number;
}

/**
 * A minimal MCP server (streamable HTTP): `initialize` opens a session, `ping`, `tools/list` and `tools/call` answer in it, GET opens its
 * stream, DELETE ends it. The tools are `echo` (`text`) and `count` (`to`), which streams its progress.
 */
export class McpSessions {
  readonly #options: McpSessionsOptions;
  /** Each with its open GET streams. */
  readonly #sessions = new Map<string, Set<ChunkQueue>>();

  constructor(options: McpSessionsOptions) {
    this.#options = options;
  }

  /** Answers a call whose token is good. */
  answer(call: ReceivedCall): McpAnswer {
    switch (call.method) {
      case 'POST':
        return this.#post(call);
      case 'GET':
        return this.#inSession(call, (streams) => openStream(streams));
      case 'DELETE':
        return this.#inSession(call, (streams, id) => {
          this.#sessions.delete(id);
          for (const stream of streams) stream.end();
          return emptyAnswer(204);
        });
      default:
        return emptyAnswer(405, ['Allow', 'GET, POST, DELETE']);
    }
  }

  /** Sends a notification on every open GET stream. */
  notify(notification: { readonly method: string; readonly params?: unknown }): void {
    for (const streams of this.#sessions.values()) {
      for (const stream of streams) {
        stream.push(messageEvent({ jsonrpc: '2.0', ...notification }));
      }
    }
  }

  #post(call: ReceivedCall): McpAnswer {
    const read = parsed(call.body);
    if (read === undefined) return rpcError(null, -32_700, 'Parse error', 400);
    const { id, method, params = {} } = read;
    if (method === 'initialize' && id !== undefined) return this.#initialize(id, params);
    return this.#inSession(call, () =>
      id === undefined || method === undefined
        ? emptyAnswer(202)
        : this.#request(id, method, params),
    );
  }

  #initialize(id: MessageId, { protocolVersion = '2025-11-25' }: Params): McpAnswer {
    const session = Buffer.from(this.#options.random.bytes(16)).toString('hex');
    this.#sessions.set(session, new Set());
    const result = {
      protocolVersion,
      capabilities: { tools: {}, logging: {} },
      serverInfo: { name: 'fake-mcp-server', version: '1.0.0' },
    };
    return jsonAnswer({ jsonrpc: '2.0', id, result }, { headers: ['Mcp-Session-Id', session] });
  }

  #inSession(
    { headers }: ReceivedCall,
    go: (streams: Set<ChunkQueue>, id: string) => McpAnswer,
  ): McpAnswer {
    const id = headers['mcp-session-id'];
    if (id === undefined) return rpcError(null, -32_600, 'Mcp-Session-Id is missing', 400);
    const streams = this.#sessions.get(id);
    return streams === undefined
      ? rpcError(null, -32_001, 'Session not found', 404)
      : go(streams, id);
  }

  #request(id: MessageId, method: string, params: Params): McpAnswer {
    switch (method) {
      case 'ping':
      case 'logging/setLevel':
        return rpcResult(id, {});
      case 'tools/list':
        return rpcResult(id, { tools });
      case 'tools/call':
        return this.#callTool(id, params);
      default:
        return rpcError(id, -32_601, 'Method not found');
    }
  }

  #callTool(id: MessageId, { name, arguments: given, _meta }: Params): McpAnswer {
    if (name === 'echo') {
      const read = echoArguments.safeParse(given);
      return read.success ? rpcResult(id, said(read.data.text)) : badArguments(id);
    }
    if (name !== 'count') return rpcError(id, -32_602, 'Unknown tool');
    const read = countArguments.safeParse(given);
    return read.success
      ? eventStreamAnswer(this.#count(id, read.data.to, _meta?.progressToken))
      : badArguments(id);
  }

  async *#count(id: MessageId, to: number, progressToken: MessageId | undefined) {
    const { clock, pause } = this.#options;
    for (let progress = 1; progress <= to; progress += 1) {
      if (pause > 0) await clock.sleep(pause);
      if (progressToken === undefined) continue;
      const params = { progressToken, progress, total: to };
      yield messageEvent({ jsonrpc: '2.0', method: 'notifications/progress', params });
    }
    yield messageEvent({ jsonrpc: '2.0', id, result: said(`counted to ${to}`) });
  }
}

function openStream(streams: Set<ChunkQueue>): McpAnswer {
  const stream = chunkQueue();
  streams.add(stream);
  void stream.left.then(() => streams.delete(stream));
  return eventStreamAnswer(stream);
}

function parsed(body: Uint8Array): Message | undefined {
  try {
    return message.safeParse(JSON.parse(Buffer.from(body).toString())).data;
  } catch {
    return undefined;
  }
}

function said(text: string) {
  return { content: [{ type: 'text', text }] };
}

function badArguments(id: MessageId): McpAnswer {
  return rpcError(id, -32_602, 'The arguments do not fit the tool');
}

function rpcResult(id: MessageId, result: unknown): McpAnswer {
  return jsonAnswer({ jsonrpc: '2.0', id, result });
}

function rpcError(
  id: MessageId | null,
  code: number,
  explanation: string,
  status = 200,
): McpAnswer {
  return jsonAnswer({ jsonrpc: '2.0', id, error: { code, message: explanation } }, { status });
}
