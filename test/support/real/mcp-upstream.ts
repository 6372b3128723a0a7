import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type {
  CallToolResult,
  ServerNotification,
  ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import { createServer as createEverything } from '@modelcontextprotocol/server-everything/dist/server/index.js';
import { z } from 'zod';
import {
  hashToken,
  type ProtectedMcp,
  type ProtectedMcpOptions,
  type SessionServer,
  startProtectedMcp,
} from './protected-mcp.ts';

type Call = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** An official SDK server with tools that make every direction of MCP visible. */
export interface SdkMcpServer extends ProtectedMcp {
  /** Lets a paced `count` take its next step, or as many as it says. */
  release(steps?: number): void;
}

/**
 * Starts the official SDK v1 server with the tools
 * `echo` (gives back `text`), `count` (`steps` progress notifications, then the result; `paced`: one step per
 * {@link SdkMcpServer.release}), `ask` (a request from server to client, `kind` elicitation or sampling, `via` the
 * call's own stream or the GET stream), `notify` (a log message on the GET stream, once that is open) and
 * `whoami` (the hash of the bearer token, and whom it speaks for).
 */
export async function startSdkMcpServer(options: ProtectedMcpOptions): Promise<SdkMcpServer> {
  const pace = createPace();
  const running = await startProtectedMcp(options, () => openSession(pace));
  return { ...running, release: pace.release };
}

/** Starts `@modelcontextprotocol/server-everything`, its own server factory on our transport, in this process. */
export function startEverything(options: ProtectedMcpOptions): Promise<ProtectedMcp> {
  return startProtectedMcp(options, () => ({ ...createEverything(), streamOpened: () => {} }));
}

function openSession(pace: Pace): SessionServer {
  let openStream = (): void => {};
  const streamOpen = new Promise<void>((resolve) => {
    openStream = resolve;
  });
  const server = new McpServer(
    { name: 'sdk-upstream', version: '1.0.0' },
    { capabilities: { logging: {} } },
  );
  addEcho(server);
  addCount(server, pace);
  addAsk(server, streamOpen);
  addNotify(server, streamOpen);
  addWhoami(server);
  return { server, cleanup: () => {}, streamOpened: openStream };
}

function addEcho(server: McpServer): void {
  server.registerTool('echo', { inputSchema: { text: z.string() } }, ({ text }) => say(text));
}

function addCount(server: McpServer, pace: Pace): void {
  const inputSchema = { steps: z.number().int().min(1), paced: z.boolean().default(false) };
  server.registerTool('count', { inputSchema }, async ({ steps, paced }, call: Call) => {
    for (let step = 1; step <= steps; step += 1) {
      if (paced) await pace.step(call.signal);
      const progressToken = call._meta?.progressToken;
      if (progressToken === undefined) continue;
      await call.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress: step, total: steps },
      });
    }
    return say(`counted to ${steps}`);
  });
}

function addAsk(server: McpServer, streamOpen: Promise<void>): void {
  const inputSchema = {
    question: z.string(),
    kind: z.enum(['elicitation', 'sampling']).default('elicitation'),
    via: z.enum(['call', 'stream']).default('call'),
  };
  server.registerTool('ask', { inputSchema }, async ({ question, kind, via }, call: Call) => {
    if (via === 'stream') await streamOpen;
    // A request that names no request of the client travels on the GET stream.
    const route = via === 'call' ? { relatedRequestId: call.requestId } : {};
    if (kind === 'elicitation') {
      const requestedSchema = {
        type: 'object' as const,
        properties: { answer: { type: 'string' as const } },
        required: ['answer'],
      };
      const asked = await server.server.elicitInput({ message: question, requestedSchema }, route);
      return say(`${asked.action}: ${String(asked.content?.answer ?? '')}`);
    }
    const messages = [
      { role: 'user' as const, content: { type: 'text' as const, text: question } },
    ];
    const sampled = await server.server.createMessage({ messages, maxTokens: 10 }, route);
    return say(sampled.content.type === 'text' ? sampled.content.text : sampled.content.type);
  });
}

function addNotify(server: McpServer, streamOpen: Promise<void>): void {
  server.registerTool('notify', { inputSchema: { text: z.string() } }, async ({ text }) => {
    await streamOpen;
    await server.sendLoggingMessage({ level: 'info', data: text });
    return say('notified');
  });
}

function addWhoami(server: McpServer): void {
  server.registerTool('whoami', {}, ({ authInfo }: Call) =>
    say(
      JSON.stringify({
        tokenHash: hashToken(authInfo?.token ?? ''),
        subject: authInfo?.extra?.sub,
        clientId: authInfo?.clientId,
        scopes: authInfo?.scopes,
      }),
    ),
  );
}

function say(text: string): CallToolResult {
  return { content: [{ type: 'text', text }] };
}

interface Pace {
  step(signal: AbortSignal): Promise<void>;
  readonly release: (steps?: number) => void;
}

/** Steps are taken when released, and releases wait for steps: neither side can be too early. */
function createPace(): Pace {
  let permits = 0;
  const queue: Array<() => void> = [];
  return {
    step: (signal) => {
      if (permits > 0) {
        permits -= 1;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        queue.push(resolve);
        signal.addEventListener('abort', () => {
          // A call that was cancelled must not eat the step of another.
          queue.splice(queue.indexOf(resolve), 1);
          reject(new Error('cancelled'));
        });
      });
    },
    release: (steps = 1) => {
      for (let step = 0; step < steps; step += 1) {
        const next = queue.shift();
        if (next === undefined) permits += 1;
        else next();
      }
    },
  };
}
