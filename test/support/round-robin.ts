import type { IncomingMessage, ServerResponse } from 'node:http';
import { request } from 'undici';
import { bodyOf, startLoopbackServer } from '../../src/adapters/testing/loopback-server.ts';

/** A request on its way through a balancer. */
export interface Passing {
  readonly method: string;
  readonly path: string;
  /** Which backend it was given to: the number of its place. */
  readonly backend: number;
  /** What came of it; absent while it is under way, and where nobody took it. */
  status: number | undefined;
}

/** A balancer that gives each request to the next backend: no affinity of any kind. */
export interface RoundRobin {
  readonly origin: string;
  /** Where the requests go; may be changed at any time. */
  readonly backends: string[];
  /** Every request that was given to a backend, in order. */
  readonly passed: readonly Passing[];
  close(): Promise<void>;
}

/** Starts one. A backend that refuses the connection is passed over; one that dies over a request is a 502, as its client has to know. */
export async function startRoundRobin(): Promise<RoundRobin> {
  const backends: string[] = [];
  const passed: Passing[] = [];
  let turn = 0;

  async function pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = incoming;
    const body = await bodyOf(incoming);
    const first = turn;
    turn += 1;
    // Its own turns, whoever else comes meanwhile: none is asked twice, and a living one is always found.
    for (let tries = 0; tries < backends.length; tries += 1) {
      const backend = (first + tries) % backends.length;
      const passing: Passing = { method, path, backend, status: undefined };
      passed.push(passing);
      passing.status = await give(`${backends[backend]}${path}`, incoming, body, response);
      if (passing.status !== undefined) return;
    }
    response.writeHead(502).end();
  }

  const server = await startLoopbackServer((incoming, response) => {
    pass(incoming, response).catch(() => response.destroy());
  });
  return { origin: server.origin, backends, passed, close: server.close };
}

/** Gives a request to a backend, and its answer back; `undefined` where nobody listens there. */
async function give(
  url: string,
  incoming: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<number | undefined> {
  try {
    const answer = await request(url, {
      method: incoming.method as 'GET',
      headers: endToEnd(incoming),
      body: body.length > 0 ? body : null,
    });
    const text = await answer.body.text();
    const { 'transfer-encoding': _, connection: __, ...headers } = answer.headers;
    response.writeHead(answer.statusCode, headers).end(text);
    return answer.statusCode;
  } catch (error) {
    if (isRefused(error)) return undefined;
    response.writeHead(502).end();
    return 502;
  }
}

function endToEnd({ headers }: IncomingMessage): Record<string, string> {
  const hop = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length']);
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      hop.has(name) || value === undefined ? [] : [[name, String(value)]],
    ),
  );
}

function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
