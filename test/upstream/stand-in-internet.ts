import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { Agent } from 'undici';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { httpAuthorizationServer } from '../../src/adapters/upstream/authorization-server.ts';
import { httpCaller, type SeenCall } from '../../src/adapters/upstream/http-call.ts';
import type { SigningKey } from '../../src/adapters/upstream/signing-key.ts';
import type { UpstreamAuthorizationServer } from '../../src/application/ports.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';

/** An answer as a server gave it once. */
export interface RecordedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is JSON, unless the headers say otherwise. */
  readonly body?: unknown;
}

/** A request that arrived, whatever host it was for. */
export interface ArrivedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Decides what the internet answers; `undefined` is a 404. */
export type Script = (request: ArrivedRequest) => RecordedAnswer | undefined;

/** A small internet: one real HTTP server on this machine that stands in for every host, whatever its scheme. */
export interface StandInInternet {
  readonly requests: readonly ArrivedRequest[];
  readonly seen: readonly SeenCall[];
  readonly authorizationServer: UpstreamAuthorizationServer;
}

/** Starts a small internet, that ends with the test. */
export async function standInInternet(
  test: TestContext,
  script: Script,
  key?: SigningKey,
): Promise<StandInInternet> {
  const requests: ArrivedRequest[] = [];
  const seen: SeenCall[] = [];
  const server = createServer(async (incoming, response) => {
    const request = await arrived(incoming);
    requests.push(request);
    const { status = 200, headers = {}, body = '' } = script(request) ?? { status: 404 };
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const type = typeof body === 'string' ? 'text/html' : 'application/json';
    response.writeHead(status, { 'content-type': type, ...headers }).end(text);
  });
  const { origin, close } = await listenOnLoopback(server);
  const { hostname, port } = new URL(origin);
  const dispatcher = new Agent({
    connect: (_target, callback) => {
      const socket = connect(Number(port), hostname, () => callback(null, socket));
      socket.on('error', (error) => callback(error, null));
    },
  });
  test.after(() => Promise.all([dispatcher.destroy(), close()]));
  const authorizationServer = httpAuthorizationServer({
    clock: systemClock,
    call: httpCaller({ dispatcher, userAgent: 'gateway/test', watch: (call) => seen.push(call) }),
    callLimit: seconds(10),
    key,
  });
  return { requests, seen, authorizationServer };
}

async function arrived(incoming: IncomingMessage): Promise<ArrivedRequest> {
  let body = '';
  for await (const chunk of incoming) body += String(chunk);
  return {
    method: incoming.method ?? '',
    url: `https://${incoming.headers.host}${incoming.url}`,
    headers: incoming.headers,
    body,
  };
}
