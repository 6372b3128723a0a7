import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { UpstreamAuthorizationServer } from '../../src/application/ports.ts';
import { success } from '../../src/domain/result.ts';
import { upstreamToken } from '../../src/domain/token-pair.ts';
import { createGateway, type GatewayOptions } from '../../src/main.ts';
import { dance } from '../support/dance.ts';
import { type RawMessage, readRequest, WireReader } from './raw-http.ts';

/** How the upstream answers: whatever it writes stands on the wire as it is. */
export type RawUpstream = (request: RawMessage, socket: Socket, wire: WireReader) => unknown;

/** A way to the upstream. */
export interface Way {
  readonly port: number;
  readonly token: string;
}

/** The same upstream, reached directly and through a gateway. */
export interface BothWays {
  readonly direct: Way;
  readonly through: Way;
  /** Every connection that the upstream has accepted. */
  readonly connections: readonly Socket[];
  /** Every request that has reached it. */
  readonly requests: readonly RawMessage[];
}

/** The token that opens the upstream. */
export const upstreamAccess = 'upstream-access';
const credentials = { username: 'transparency', password: 'a password of the tests' };

/** Starts an upstream over bare sockets and a gateway in front of it; both end with the test. */
export async function bothWays(
  test: TestContext,
  upstream: RawUpstream,
  options: Partial<GatewayOptions> = {},
): Promise<BothWays> {
  const raw = await startRawUpstream(test, upstream);
  const through = await startWay(test, {
    upstreamRs: `http://127.0.0.1:${raw.port}/mcp`,
    ...options,
  });
  return { ...raw, direct: { port: raw.port, token: upstreamAccess }, through };
}

/** Starts a gateway in front of any upstream, and gets a token for it. */
export async function startWay(test: TestContext, options: GatewayOptions): Promise<Way> {
  const gateway = createGateway(
    {
      port: 0,
      ...credentials,
      upstreamClientId: 'transparency',
      upstreamAuthorizeEndpoint: 'http://127.0.0.1:1/authorize',
      upstreamTokenEndpoint: 'http://127.0.0.1:1/token',
      ...options,
    },
    { authorizationServer: yesSayer },
  );
  const { port } = await gateway.listen();
  test.after(() => gateway.close());
  const { accessToken } = await dance(gateway.url, credentials);
  return { port, token: accessToken };
}

/** An authorization server that gives a token to whoever asks. */
const yesSayer: UpstreamAuthorizationServer = {
  resourceDocument: async () => success(undefined),
  serverDocument: async () => success(undefined),
  register: () => Promise.reject(new Error('Nobody registers here.')),
  requestTokens: async () => {
    const access = upstreamToken(upstreamAccess);
    if (access === undefined) throw new Error('This cannot be a token.');
    return success({ access, refresh: undefined, expiresIn: 3600, scope: undefined });
  },
};

async function startRawUpstream(test: TestContext, answer: RawUpstream) {
  const connections: Socket[] = [];
  const requests: RawMessage[] = [];
  const serve = async (socket: Socket): Promise<void> => {
    const wire = new WireReader(socket);
    for (;;) {
      const request = await readRequest(wire);
      if (request === undefined) return;
      requests.push(request);
      await answer(request, socket, wire);
    }
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.push(socket);
    serve(socket).catch((error: unknown) => socket.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, connections, requests };
}
