import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import { dance, refresh } from '../support/dance.ts';

/** Who signs in for the load. */
export const credentials = { username: 'soak', password: 'a password of the soak' };

/** An upstream that behaves and misbehaves as the path's query asks for. */
export function startUpstream() {
  const server = createServer((request, response) => {
    const kind = new URL(request.url ?? '/', 'http://upstream').searchParams.get('kind');
    answers[kind as Kind]?.(request, response);
  });
  return server;
}

const event = `data: ${'x'.repeat(100)}\n\n`;
const block = Buffer.alloc(64 * 1024, 'x');

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const answers = {
  small: (request, response) => {
    request.resume().on('end', () => response.end('{"jsonrpc":"2.0","id":1,"result":{}}'));
  },
  stream: (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const timer = setInterval(() => response.write(event), 5);
    response.on('close', () => clearInterval(timer));
  },
  silent: () => {},
  big: (_request, response) => {
    let left = 64;
    const more = (): void => {
      if (left === 0) return void response.end();
      left -= 1;
      response.write(block, more);
    };
    more();
  },
  early: (_request, response) => {
    response.writeHead(413).end('too much');
  },
  resetBefore: (_request, response) => response.socket?.resetAndDestroy(),
  resetWithin: (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write(event, () => response.socket?.resetAndDestroy());
  },
  redirect: (request, response) => {
    request.resume();
    response.writeHead(307, { Location: '/mcp?kind=small' }).end('gone');
  },
} satisfies Record<string, Answer>;

type Kind = keyof typeof answers;

/** How often each kind of call is made, out of the sum. */
const weights: Readonly<Record<Kind, number>> = {
  small: 30,
  stream: 4,
  silent: 2,
  big: 1,
  early: 1,
  resetBefore: 1,
  resetWithin: 1,
  redirect: 2,
};
const kinds = Object.entries(weights).flatMap(([kind, weight]) =>
  new Array<Kind>(weight).fill(kind as Kind),
);

/** What has been done, by kind, and what went otherwise than it should. */
export interface LoadReport {
  readonly done: Record<string, number>;
  readonly faults: string[];
}

/**
 * Calls of all kinds, by so many clients, until it is told to stop; each has a grant of its own that it refreshes now and then, and signs in anew
 * after about so many milliseconds.
 */
export async function mixedLoad(
  base: string,
  { clients, signIn }: { readonly clients: number; readonly signIn: number },
  isOver: () => boolean,
): Promise<LoadReport> {
  const report: LoadReport = { done: {}, faults: [] };
  const pool = new Pool(base, { connections: clients * 2, headersTimeout: 0, bodyTimeout: 0 });
  const count = (what: string) => {
    report.done[what] = (report.done[what] ?? 0) + 1;
  };
  const callOnce = async (token: string) => {
    const kind = kinds[Math.floor(Math.random() * kinds.length)] ?? 'small';
    const fault = await call(pool, token, kind);
    count(kind);
    if (fault !== undefined) report.faults.push(`${kind}: ${fault}`);
  };
  const client = async (): Promise<void> => {
    while (!isOver()) {
      let held = await dance(base, credentials, pool);
      count('sign-in');
      // Not all at the same moment: of one account under attack they are let in one by one.
      const until = performance.now() + signIn * (0.5 + Math.random());
      for (let turn = 1; !isOver() && performance.now() < until; turn += 1) {
        if (turn % 200 === 0) held = await refresh(base, held, pool);
        await callOnce(held.accessToken);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  await pool.destroy();
  return report;
}

const expected: Readonly<Record<Kind, number | 'breaks'>> = {
  small: 200,
  stream: 200,
  silent: 'breaks',
  big: 200,
  early: 413,
  resetBefore: 502,
  resetWithin: 'breaks',
  redirect: 200,
};

/** Makes one call as a client would; what went wrong, or nothing. */
async function call(pool: Pool, token: string, kind: Kind): Promise<string | undefined> {
  const leaving = new AbortController();
  const patience = setTimeout(() => leaving.abort('no end'), mostWaiting);
  try {
    const status = await answerOf(pool, token, kind, leaving);
    return status === expected[kind] ? undefined : `status ${status}`;
  } catch (error) {
    if (leaving.signal.reason === 'no end') return 'no end';
    return expected[kind] === 'breaks' || leaving.signal.aborted ? undefined : String(error);
  } finally {
    clearTimeout(patience);
  }
}

/** No call of these takes so long (milliseconds), unless something is stuck. */
const mostWaiting = 20_000;

async function answerOf(
  pool: Pool,
  token: string,
  kind: Kind,
  leaving: AbortController,
): Promise<number> {
  const posts = kind === 'small' || kind === 'early' || kind === 'resetBefore';
  const options: Dispatcher.RequestOptions = {
    method: posts ? 'POST' : 'GET',
    path: `/mcp?kind=${kind}`,
    headers: { authorization: `Bearer ${token}` },
    body: posts ? (kind === 'early' ? Buffer.alloc(256 * 1024) : '{"jsonrpc":"2.0"}') : null,
    signal: leaving.signal,
  };
  if (kind === 'silent') setTimeout(() => leaving.abort(), 20);
  const { statusCode, body } = await pool.request(options);
  let pieces = 0;
  for await (const _ of body) {
    pieces += 1;
    if (kind === 'stream' && pieces === 5) break; // leaves in the middle
  }
  return statusCode;
}
