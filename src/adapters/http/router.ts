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
  prefix: () => string = () => '',
): (request: IncomingMessage, response: ServerResponse) => Promise<void> | void {
  let known: ReadonlyMap<string, Row> | undefined;
  const rows = () => {
    known ??= tableOf(routes, prefix()); // the prefix is known once the gateway listens
    return known;
  };
  return (request, response) => {
    const { method = 'GET' } = request;
    const { path, query } = targetOf(request.url);
    const row = rows().get(path);
    const template = row?.template ?? withoutPrefix(path, prefix());
    if (row !== undefined) notesOf(response).route = template;
    // Clients look for metadata in several places: a page that may not read a 404 takes it for a network that is down, and stops looking.
    const isLookedFor = row !== undefined || template.startsWith('/.well-known/');
    if (isLookedFor && crossOrigin(request, response, template)) return;
    if (row === undefined) return sendJson(response, 404, notFound);
    const { byMethod } = row;
    const handle = byMethod.get(method);
    if (handle !== undefined) return handle(request, response, query);
    const allow = [...byMethod.keys(), 'OPTIONS'].join(', ');
    return sendJson(response, 405, notAllowed(method, allow), { Allow: allow });
  };
}

function withoutPrefix(path: string, prefix: string): string {
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}

/** A request target may be a whole URL (RFC 9112 §3.2.2); what host it names is not looked at. */
function targetOf(target = '/'): { readonly path: string; readonly query: string } {
  const url = target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?]*/i, '') || '/';
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: '' }
    : { path: url.slice(0, mark), query: url.slice(mark + 1) };
}

interface Row {
  /** The path as the table of routes has it. */
  readonly template: string;
  readonly byMethod: Map<string, Handle>;
}

function tableOf(routes: readonly Route[], prefix: string): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>();
  for (const { path, methods, handle } of routes) {
    const row = rows.get(path) ?? { template: path, byMethod: new Map<string, Handle>() };
    for (const method of methods) row.byMethod.set(method, handle);
    if (methods.includes('GET')) row.byMethod.set('HEAD', handle);
    for (const spelling of spellings(path, prefix)) rows.set(spelling, row);
  }
  return rows;
}

/**
 * Where a row is found under a path prefix: with it, and without, since some proxies take it off; a well-known document also at the root of
 * the host, with the prefix behind its name (RFC 8414 §3.1, RFC 9728 §3.1).
 */
function spellings(path: string, prefix: string): readonly string[] {
  if (prefix === '') return [path];
  if (path === '/') return [path, prefix, `${prefix}/`];
  const [, name, form] = /^(\/\.well-known\/[^/]+)(.*)$/.exec(path) ?? [];
  return [path, prefix + path, ...(name === undefined ? [] : [`${name}${prefix}${form}`])];
}

const notFound = { error: 'not_found', error_description: 'There is nothing at this path.' };

function notAllowed(method: string, allow: string) {
  return {
    error: 'method_not_allowed',
    error_description: `${method} is not possible here: use ${allow}.`,
  };
}
