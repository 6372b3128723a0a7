import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpStatusOf, type OAuthError } from '../../domain/oauth-error.ts';
import { pageHeaders } from './page-layout.ts';
import { notesOf } from './request-notes.ts';
import { leaveRest } from './rest-of-body.ts';

/** Further headers of an answer. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

function send(response: ServerResponse, status: number, headers: Headers, body: string): void {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const { id } = notesOf(response);
  if (id !== '') response.setHeader('X-Request-Id', id);
  response.setHeader('Content-Length', Buffer.byteLength(body));
  leaveRest(response);
  response.statusCode = status;
  response.end(body);
}

/** Answers with JSON that nobody keeps: tokens, registrations and errors (RFC 6749 §5.1). */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Headers = {},
): void {
  if (status >= 400) notesOf(response).error ??= codeIn(body);
  const common = {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  };
  send(response, status, { ...common, ...headers }, JSON.stringify(body));
}

/** The code of an error's body. */
function codeIn(body: unknown): string | undefined {
  return typeof body === 'object' && body !== null && 'error' in body
    ? String(body.error)
    : undefined;
}

/** Answers with an OAuth error as JSON (RFC 6749 §5.2). */
export function sendOAuthError(
  response: ServerResponse,
  error: OAuthError,
  headers: Headers = {},
): void {
  const { error: code, description, retryAfter } = error;
  const later = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
  const body = { error: code, error_description: description };
  sendJson(response, httpStatusOf(error), body, { ...later, ...headers });
}

/** Answers with a page. */
export function sendPage(
  response: ServerResponse,
  status: number,
  page: string,
  headers: Headers = {},
): void {
  send(response, status, { ...pageHeaders, ...headers }, page);
}

/** Sends the browser on with a GET, whatever it came with (RFC 9110 §15.4.4), and leaves no trace of the URL it comes from. */
export function sendOn(response: ServerResponse, location: string, headers: Headers = {}): void {
  const common = {
    Location: location,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
  };
  send(response, 303, { ...common, ...headers }, '');
}

/** Whether a person is looking: a browser asks for HTML, a program does not. */
export function wantsPage(request: IncomingMessage): boolean {
  return request.headers.accept?.includes('text/html') ?? false;
}
