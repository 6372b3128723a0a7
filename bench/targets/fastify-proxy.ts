import proxy from '@fastify/http-proxy';
import fastify from 'fastify';

// What one gets with the proxy plugin of a popular framework, and a few lines that swap the token.

const [, , upstream = '', presented = '', token = ''] = process.argv;
const tokens = new Map([[presented, token]]);
const { origin, pathname } = new URL(upstream);

const server = fastify();
await server.register(proxy, {
  upstream: origin,
  prefix: '/mcp',
  rewritePrefix: pathname,
  replyOptions: {
    rewriteRequestHeaders: (_request, headers) => ({
      ...headers,
      authorization: `Bearer ${tokens.get(headers.authorization?.slice(7) ?? '') ?? ''}`,
    }),
  },
});
const address = await server.listen({ port: 0, host: '127.0.0.1' });
console.log(`listening ${new URL(address).port}`);
