/** The bytes of a tool call as an MCP client sends it. */
export function smallCall(port: number, token: string): string {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'weather', arguments: { city: 'Bergen' }, _meta: { progressToken: 1 } },
  });
  const headers = [...common(port, token), 'Content-Type: application/json'];
  return `POST /mcp HTTP/1.1\r\n${headers.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** The bytes of a request for a stream; `resume` tells our upstream what to answer: `events`, `big`, or a stream that stays silent. */
export function streamCall(port: number, token: string, resume?: 'events' | 'big'): string {
  const headers = [...common(port, token), ...(resume ? [`Last-Event-ID: ${resume}`] : [])];
  return `GET /mcp HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
}

function common(port: number, token: string): string[] {
  return [
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${token}`,
    'Accept: application/json, text/event-stream',
    'MCP-Protocol-Version: 2025-11-25',
    'Mcp-Session-Id: 1868a90c-95f4-4f9c-8f1e-1a9e7f3b2c1d',
    'User-Agent: bench/1.0 (node)',
    'Accept-Language: *',
  ];
}
