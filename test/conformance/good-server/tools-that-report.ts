import { setTimeout as delay } from 'node:timers/promises';
import type { McpServer, ServerContext, ServerEventBus } from '@modelcontextprotocol/server';
import { say } from './content.ts';

/** Milliseconds: far enough apart for a client to see each message arrive on its own. */
const pause = 50;

/** Tools that tell something before they answer: log messages, progress, changed lists, and a stream that closes early. */
export function addToolsThatReport(server: McpServer, bus: ServerEventBus): void {
  for (const name of ['test_tool_with_logging', 'test_logging_tool']) {
    server.registerTool(name, { description: 'Logs three messages' }, async ({ mcpReq }) => {
      await mcpReq.log('info', 'Tool execution started');
      await delay(pause);
      await mcpReq.log('info', 'Tool processing data');
      await delay(pause);
      await mcpReq.log('info', 'Tool execution completed');
      return say('Logged three messages.');
    });
  }
  server.registerTool(
    'test_tool_with_progress',
    { description: 'Makes progress in two steps' },
    async (call) => {
      await report(call, 0);
      await delay(pause);
      await report(call, 50);
      await delay(pause);
      await report(call, 100);
      return say('Made progress.');
    },
  );
  server.registerTool(
    'test_reconnection',
    { description: 'Closes the stream before it answers' },
    async ({ http }) => {
      await delay(pause);
      // SEP-1699: the client comes back with Last-Event-ID, and finds the answer on the new stream.
      http?.closeSSE?.();
      await delay(pause);
      return say('This answer waited for the client to come back.');
    },
  );
  const changes = { tool: 'tools_list_changed', prompt: 'prompts_list_changed' } as const;
  for (const [list, kind] of Object.entries(changes)) {
    const description = `Announces that the ${list} list has changed`;
    server.registerTool(`test_trigger_${list}_change`, { description }, () => {
      bus.publish({ kind });
      return say('Announced.');
    });
  }
}

async function report({ mcpReq }: ServerContext, progress: number): Promise<void> {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  const params = { progressToken, progress, total: 100 };
  await mcpReq.notify({ method: 'notifications/progress', params });
}
