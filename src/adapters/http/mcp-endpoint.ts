import type { IncomingMessage } from 'node:http';
import type { RelayMcpCall } from '../../application/relay-mcp-call.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import { sendOAuthError, wantsPage } from './answers.ts';
import { McpRequest } from './mcp-request.ts';
import { parameters } from './parameters.ts';
import { type McpContext, ResponseSink } from './response-sink.ts';
import type { Handle } from './router.ts';

/** POST, GET and DELETE /mcp: the hot path. */
export function mcpEndpoint(relay: RelayMcpCall, context: McpContext): Handle {
  return (request, response, query) => {
    const sink = new ResponseSink(request, response, context);
    const call = new McpRequest(request, query);
    if (call.bearer === undefined) {
      if (isPerson(request)) return context.home(request, response, query);
      sink.refuse(undefined);
      return;
    }
    if (query !== '' && parameters(query).has('access_token')) {
      sendOAuthError(response, tokenInUrl);
      return;
    }
    sink.follow(relay(call.bearer, call, sink));
  };
}

/** A browser that was sent here by hand: MCP clients ask for JSON or an event stream. */
function isPerson(request: IncomingMessage): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && wantsPage(request);
}

/** MCP authorization, "Token Requirements": URLs end up in logs and histories. */
const tokenInUrl = oauthError(
  'invalid_request',
  'A token belongs into the Authorization header, never into the URL.',
);
