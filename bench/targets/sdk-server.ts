import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { z } from 'zod';

// What people write by hand without a gateway: the official SDK's server behind its bearer middleware, answering itself. It forwards
// nothing; it is here for the order of magnitude.

const [, , , presented = ''] = process.argv;
const verifier = {
  verifyAccessToken: async (token: string) => {
    if (token !== presented) throw new Error('unknown token');
    return { token, clientId: 'bench', scopes: [], expiresAt: Date.now() / 1000 + 3600 };
  },
};

function weatherServer(): McpServer {
  const server = new McpServer({ name: 'bench', version: '1.0.0' });
  server.registerTool('weather', { inputSchema: { city: z.string() } }, ({ city }) => ({
    content: [{ type: 'text', text: `The weather in ${city}: rain, 9 degrees.` }],
  }));
  return server;
}

const app = createMcpExpressApp();
app.use(requireBearerAuth({ verifier }));
app.post('/mcp', async (request, response) => {
  const server = weatherServer();
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  response.on('close', () => {
    transport.close();
    server.close();
  });
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listening ${typeof address === 'object' ? address?.port : ''}`);
});
