import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from './answers.ts';
import type { CrossOrigin } from './cross-origin.ts';

/** Answers one request. `query`: what stands behind the question mark. */
export type Handle = (
  request: IncomingMessage,
  response: ServerResponse,
  query: string,
) => Promise<void> | void;

/** One row of the table of routes. HEAD goes wherever GET does. */
export interface Route {
  readonly methods: readonly string[];
  readonly path: string;
  readonly handle: Handle;
}

/** Takes every request to its row; a path that is not there is 404, a method that it does not have 405 (RFC 9110 §15.5). */
export function router(
  routes: readonly Route[],
  crossOrigin: CrossOrigin,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> | void {
  const byPath = new Map<string, Map<string, Handle>>();
  for (const { path, methods, handle } of routes) {
    const byMethod = byPath.get(path) ?? new Map<string, Handle>();
    byPath.set(path, byMethod);
    for (const method of methods) byMethod.set(method, handle);
    if (methods.includes('GET')) byMethod.set('HEAD', handle);
  }
  return (request, response) => {
    const { method = 'GET' } = request;
    const { path, query } = targetOf(request.url);
    const byMethod = byPath.get(path);
    // Clients look for metadata in several places: a page that may not read a 404 takes it for a network that is down, and stops looking.
    const isLookedFor = byMethod !== undefined || path.startsWith('/.well-known/');
    if (isLookedFor && crossOrigin(request, response, path)) return;
    if (byMethod === undefined) return sendJson(response, 404, notFound);
    const handle = byMethod.get(method);
    if (handle !== undefined) return handle(request, response, query);
    const allow = [...byMethod.keys(), 'OPTIONS'].join(', ');
    return sendJson(response, 405, notAllowed(method, allow), { Allow: allow });
  };
}

/** A request target may be a whole URL (RFC 9112 §3.2.2); what host it names is not looked at. */
function targetOf(target = '/'): { readonly path: string; readonly query: string } {
  const url = target.replace(/^https?:\/\/[^/?]*/i, '') || '/';
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: '' }
    : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

const notFound = { error: 'not_found', error_description: 'There is nothing at this path.' };

function notAllowed(method: string, allow: string) {
  return {
    error: 'method_not_allowed',
    error_description: `${method} is not possible here: use ${allow}.`,
  };
}
