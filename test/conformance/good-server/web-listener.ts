import { Buffer } from 'node:buffer';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** What the SDK's server side speaks: the web's Request and Response. */
export type WebHandler = (request: Request) => Promise<Response>;

/** Lets node:http serve a web handler. Answers are streamed as they come; a client that leaves aborts the request's signal. */
export function webListener(origin: () => string, handle: WebHandler): RequestListener {
  return (request, response) => {
    serve(origin(), handle, request, response).catch(() => response.destroy());
  };
}

async function serve(
  origin: string,
  handle: WebHandler,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const left = new AbortController();
  response.once('close', () => left.abort());
  const answer = await handle(await webRequest(origin, incoming, left.signal));
  response.writeHead(answer.status, [...answer.headers].flat());
  response.flushHeaders();
  for await (const chunk of answer.body ?? []) {
    if (!response.write(chunk)) await drained(response, left.signal);
  }
  response.end();
}

async function webRequest(
  origin: string,
  incoming: IncomingMessage,
  signal: AbortSignal,
): Promise<Request> {
  const headers = new Headers();
  const raw = incoming.rawHeaders;
  for (let index = 0; index < raw.length; index += 2) {
    headers.append(raw[index] ?? '', raw[index + 1] ?? '');
  }
  const method = incoming.method ?? 'GET';
  const body = method === 'GET' || method === 'HEAD' ? null : Buffer.from(await buffer(incoming));
  return new Request(new URL(incoming.url ?? '/', origin), { method, headers, body, signal });
}

function drained(response: ServerResponse, left: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go);
      left.removeEventListener('abort', go);
      resolve();
    };
    response.once('drain', go);
    left.addEventListener('abort', go);
  });
}
