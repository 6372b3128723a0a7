import type { HttpCall } from './http-call.ts';

/** The first request of any MCP client, without a token: what answers it says where to get one. Its body is of no interest. */
export function probeCall(url: string, header: readonly [string, string] | undefined): HttpCall {
  return {
    url,
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': '2025-11-25',
      ...(header && { [header[0]]: header[1] }),
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 'mcp-oauth-gateway', version: '0' },
      },
    }),
    headOnly: true,
  };
}
