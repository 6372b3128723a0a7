import { startHttpAuthorizationServer } from '../../src/adapters/testing/http-authorization-server.ts';
import { startHttpResourceServer } from '../../src/adapters/testing/http-resource-server.ts';
import { createGateway, type Gateway } from '../../src/main.ts';
import { walkTheFlow } from './walk-the-flow.ts';

// The whole thing on one machine: an upstream of our own (authorization server and MCP server), and the gateway in front of it.

const credentials = { username: 'gateway_user', password: 'gateway_pass' };

interface Demo {
  readonly gateway: Gateway;
  readonly upstream: string;
  stop(): Promise<void>;
}

async function startDemo(port: number): Promise<Demo> {
  const authorizationServer = await startHttpAuthorizationServer({ name: 'The demo upstream' });
  const resourceServer = await startHttpResourceServer({
    issuer: authorizationServer.issuer,
    access: (token) => authorizationServer.access(token),
  });
  const gateway = createGateway({ port, upstreamRs: resourceServer.url, ...credentials });
  const stop = async (): Promise<void> => {
    await gateway.close();
    await Promise.all([resourceServer.close(), authorizationServer.close()]);
  };
  try {
    await gateway.listen();
  } catch (error) {
    await stop();
    throw error;
  }
  return { gateway, upstream: resourceServer.url, stop };
}

async function check(): Promise<number> {
  const demo = await startDemo(0);
  try {
    await walkTheFlow(`${demo.gateway.url}/mcp`, credentials, (step) => console.log(`✓ ${step}`));
    console.log('All steps passed.');
    return 0;
  } catch (error) {
    console.error(`✗ ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await demo.stop();
  }
}

async function serve(port: number): Promise<number> {
  const demo = await startDemo(port);
  console.log(instructions(demo));
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  await demo.stop();
  return 0;
}

function instructions({ gateway, upstream }: Demo): string {
  const url = `${gateway.url}/mcp`;
  return `
MCP OAuth Gateway, with an upstream of its own. Nothing leaves this machine.

  MCP URL    ${url}
  User name  ${credentials.username}
  Password   ${credentials.password}
  Upstream   ${upstream}

Paste the URL into a client, for example:

  claude mcp add --transport http demo ${url}
  code --add-mcp '{"name":"demo","type":"http","url":"${url}"}'
  npx @modelcontextprotocol/inspector

The client opens your browser twice in one go: sign in at the gateway with the name
and password above, then say yes at the demo upstream. Its tools are echo and count.

Press Ctrl-C to stop.
`;
}

const port = Number(
  process.argv.find((argument) => argument.startsWith('--port='))?.slice(7) ?? 8002,
);
try {
  process.exitCode = process.argv.includes('--check') ? await check() : await serve(port);
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  console.error(
    code === 'EADDRINUSE'
      ? `Port ${port} is in use: npm run demo -- --port=8012`
      : `The demo did not start: ${String(error)}`,
  );
  process.exitCode = 1;
}
