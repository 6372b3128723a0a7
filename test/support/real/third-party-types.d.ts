// The MCP SDK v1 declares against the browser's types; Node 20's leave this one name out.
type HeadersInit = NonNullable<ConstructorParameters<typeof Headers>[0]>;

// server-everything is published without types. This is the one factory of it that we mount.
declare module '@modelcontextprotocol/server-everything/dist/server/index.js' {
  export function createServer(): {
    readonly server: import('@modelcontextprotocol/sdk/server/mcp.js').McpServer;
    readonly cleanup: (sessionId?: string) => void;
  };
}

// @fastify/http-proxy names these types of ws, which is published without any. Nobody here opens a WebSocket.
declare module 'ws' {
  export type ClientOptions = object;
  export type ServerOptions = object;
  export type WebSocket = object;
}
