import {
  Agent,
  createServer,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream/promises';
import { listenOnLoopback } from '../support/real/loopback.ts';

/** A proxy on a loopback port of its own. */
export interface PassThroughProxy {
  readonly origin: string;
  close(): Promise<void>;
}

/** What a proxy changes; all else passes as it comes, and nothing is held back. */
export interface Changes {
  /** Sent as `Authorization` with every request: the suite's server runner has no token. */
  readonly authorization?: string;
  /** Rewrites the answer to a path that it names; only such an answer is read to its end first. */
  readonly rewrite?: { readonly path: string; readonly body: (text: string) => string };
}

/**
 * Starts a proxy in front of `target` (an origin). Where a request names the proxy's own authority as host or origin, the
 * target reads its own instead; any other, an attacker's for example, arrives as it was sent.
 */
export async function startPassThroughProxy(
  target: () => string,
  changes: Changes = {},
): Promise<PassThroughProxy> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    forward(request, response).catch(() => response.destroy());
  });
  const listening = await listenOnLoopback(server);

  const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const left = new AbortController();
    response.once('close', () => left.abort());
    const url = new URL(request.url ?? '/', target());
    const headers = readdressed(request.rawHeaders, listening.origin, target());
    if (changes.authorization !== undefined) headers.push('Authorization', changes.authorization);
    const { method = 'GET' } = request;
    const asked = openRequest(url, { method, headers, agent, signal: left.signal });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      asked.once('response', resolve);
      asked.once('error', reject);
    });
    const [answer] = await Promise.all([answered, pipeline(request, asked)]);
    await pass(answer, response, url.pathname, changes);
  };

  return {
    origin: listening.origin,
    close: async () => {
      agent.destroy();
      await listening.close();
    },
  };
}

async function pass(
  answer: IncomingMessage,
  response: ServerResponse,
  path: string,
  { rewrite }: Changes,
): Promise<void> {
  const status = answer.statusCode ?? 502;
  if (rewrite?.path === path) {
    answer.setEncoding('utf8');
    const text = (await answer.toArray()).join('');
    response.writeHead(status, { 'Content-Type': answer.headers['content-type'] });
    response.end(rewrite.body(text));
    return;
  }
  response.writeHead(status, answer.rawHeaders);
  response.flushHeaders();
  await pipeline(answer, response);
}

const addressed = new Set(['host', 'origin']);

function readdressed(raw: readonly string[], own: string, target: string): string[] {
  const { host } = new URL(own);
  const headers: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2);
    const isOwn = addressed.has(name.toLowerCase()) && value.replace('http://', '') === host;
    headers.push(name, isOwn ? value.replace(host, new URL(target).host) : value);
  }
  return headers;
}
