import { randomUUID } from 'node:crypto';
import {
  type EventStore,
  type McpServer,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { WebHandler } from './web-listener.ts';

/** The sessions of clients that begin with `initialize` (2025-11-25 and before). */
export interface Sessions {
  readonly handle: WebHandler;
  close(): Promise<void>;
}

/** Each session has a server and a transport of its own, with streams that can be resumed. */
export function keepSessions(openServer: () => McpServer): Sessions {
  const open = new Map<string, WebStandardStreamableHTTPServerTransport>();
  const handle: WebHandler = async (request) => {
    const id = request.headers.get('mcp-session-id');
    const known = id === null ? undefined : open.get(id);
    if (known !== undefined) return known.handleRequest(request);
    // 404 tells the client to begin a new session.
    if (id !== null) return Response.json(unknownSession, { status: 404 });
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (fresh) => {
        open.set(fresh, transport);
      },
      onsessionclosed: (ended) => {
        open.delete(ended);
      },
      eventStore: rememberEvents(),
      retryInterval: 100,
    });
    await openServer().connect(transport);
    const answer = await transport.handleRequest(request);
    // Whatever was not an `initialize` has been refused, and no session came of it.
    if (transport.sessionId === undefined) await transport.close();
    return answer;
  };
  const close = async (): Promise<void> => {
    await Promise.all([...open.values()].map((transport) => transport.close()));
    open.clear();
  };
  return { handle, close };
}

const unknownSession = {
  jsonrpc: '2.0',
  error: { code: -32001, message: 'Session not found' },
  id: null,
};

type Message = Parameters<EventStore['storeEvent']>[1];

/** The events of one session, numbered through all of its streams. */
function rememberEvents(): EventStore {
  const events: Array<{ readonly stream: string; readonly message: Message }> = [];
  return {
    storeEvent: async (stream, message) => String(events.push({ stream, message })),
    getStreamIdForEventId: async (id) => events[Number(id) - 1]?.stream,
    replayEventsAfter: async (last, { send }) => {
      const stream = events[Number(last) - 1]?.stream ?? '';
      for (const [index, event] of events.entries()) {
        const isPriming = !('method' in event.message || 'id' in event.message);
        if (index < Number(last) || event.stream !== stream || isPriming) continue;
        await send(String(index + 1), event.message);
      }
      return stream;
    },
  };
}
