import type { RelayMcpCall } from '../../application/relay-mcp-call.ts';
import { McpRequest } from './mcp-request.ts';
import { type McpContext, ResponseSink } from './response-sink.ts';
import type { Handle } from './router.ts';

/** POST, GET and DELETE /mcp: the hot path. */
export function mcpEndpoint(relay: RelayMcpCall, context: McpContext): Handle {
  return (request, response, query) => {
    const sink = new ResponseSink(request, response, context);
    const call = new McpRequest(request, query);
    if (call.bearer === undefined) sink.refuse(undefined);
    else sink.follow(relay(call.bearer, call, sink));
  };
}
