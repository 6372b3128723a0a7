import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Ports } from '../../src/application/ports.ts';
import { createGateway, type GatewayOptions } from '../../src/main.ts';
import { dance } from '../support/dance.ts';
import { upstreamAccess, yesSayer } from '../support/yes-sayer.ts';
import {
  openConnection,
  type RawMessage,
  readAnswer,
  readRequest,
  WireReader,
} from './raw-http.ts';

/** How the upstream answers: whatever it writes stands on the wire as it is. */
export type RawUpstream = (request: RawMessage, socket: Socket, wire: WireReader) => unknown;

/** A way to the upstream. */
export interface Way {
  readonly port: number;
  readonly token: string;
}

/** A call under way on a connection of its own. */
export interface OpenCall {
  readonly socket: Socket;
  readonly wire: WireReader;
  /** The next answer, interim ones included; `undefined` where the connection ends without. */
  answer(): Promise<RawMessage | undefined>;
}

/** Sends a request and waits for nothing. `headers`: lines besides Host and Authorization. */
export async function sendCall(
  { port, token }: Way,
  method: string,
  headers: readonly string[] = [],
  body = '',
): Promise<OpenCall> {
  const socket = await openConnection(port);
  socket.write(requestText(token, method, headers, body), 'latin1');
  const wire = new WireReader(socket);
  return { socket, wire, answer: () => readAnswer(wire, method) };
}

/** A request as it stands on the wire. */
export function requestText(
  token: string,
  method: string,
  headers: readonly string[] = [],
  body = '',
): string {
  const lines = [`${method} /mcp HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Bearer ${token}`];
  return `${[...lines, ...headers].join('\r\n')}\r\n\r\n${body}`;
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

const credentials = { username: 'transparency', password: 'a password of the tests' };

/**
 * Starts an upstream over bare sockets and a gateway in front of it; both end with the test. `asksFor`: what of a request it reads before
 * it answers.
 */
export async function bothWays(
  test: TestContext,
  upstream: RawUpstream,
  options: Partial<GatewayOptions> = {},
  asksFor: 'all' | 'head' = 'all',
): Promise<BothWays> {
  const raw = await startRawUpstream(test, upstream, asksFor);
  const through = await startWay(test, {
    upstreamRs: `http://127.0.0.1:${raw.port}/mcp`,
    ...options,
  });
  return { ...raw, direct: { port: raw.port, token: upstreamAccess }, through };
}

/** Starts a gateway in front of any upstream, and gets a token for it. */
export async function startWay(
  test: TestContext,
  options: GatewayOptions,
  ports: Partial<Ports> = {},
): Promise<Way> {
  const gateway = createGateway(
    {
      port: 0,
      ...credentials,
      upstreamClientId: 'transparency',
      upstreamAuthorizeEndpoint: 'http://127.0.0.1:1/authorize',
      upstreamTokenEndpoint: 'http://127.0.0.1:1/token',
      ...options,
    },
    { authorizationServer: yesSayer, ...ports },
  );
  const { port } = await gateway.listen();
  test.after(() => gateway.close());
  const { accessToken } = await dance(gateway.url, credentials);
  return { port, token: accessToken };
}

async function startRawUpstream(test: TestContext, answer: RawUpstream, asksFor: 'all' | 'head') {
  const connections: Socket[] = [];
  const requests: RawMessage[] = [];
  const serve = async (socket: Socket): Promise<void> => {
    const wire = new WireReader(socket);
    for (;;) {
      const request = await readRequest(wire, asksFor);
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
