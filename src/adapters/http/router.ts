import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendJson } from './answers.ts';
import type { CrossOrigin } from './cross-origin.ts';
import { notesOf } from './request-notes.ts';

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
    const url = originForm(request.url ?? '/');
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const byMethod = byPath.get(path);
    if (byMethod === undefined) return sendJson(response, 404, notFound);
    notesOf(response).route = path;
    if (crossOrigin(request, response, path)) return;
    const handle = byMethod.get(method);
    if (handle !== undefined) return handle(request, response, mark < 0 ? '' : url.slice(mark + 1));
    const allow = [...byMethod.keys(), 'OPTIONS'].join(', ');
    return sendJson(response, 405, notAllowed(method, allow), { Allow: allow });
  };
}

/** A request target may be a whole URL (RFC 9112 §3.2.2); what host it names is not looked at. */
function originForm(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, '') || '/';
}

const notFound = { error: 'not_found', error_description: 'There is nothing at this path.' };

function notAllowed(method: string, allow: string) {
  return {
    error: 'method_not_allowed',
    error_description: `${method} is not possible here: use ${allow}.`,
  };
}
