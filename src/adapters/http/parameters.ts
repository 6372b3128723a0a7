import type { IncomingMessage, ServerResponse } from 'node:http';
import { oauthError } from '../../domain/oauth-error.ts';
import { sendJson, sendOAuthError } from './answers.ts';
import { type BodyFault, readBody } from './request-body.ts';

/** The parameters of a query or form. Repeated ones are remembered, since they may be refused only once it is known who is told (RFC 6749 §3.1, §3.2). */
export interface Parameters {
  /** The first value; an empty one counts as absent (RFC 6749 §3.1). */
  get(name: string): string | undefined;
  /** Whether it is there, with a value or without. */
  has(name: string): boolean;
  /** The names of those that came more than once. */
  readonly repeated: readonly string[];
}

/** Parses a query or a form-encoded body. */
export function parameters(encoded: string): Parameters {
  const values = new Map<string, string>();
  const repeated = new Set<string>();
  for (const [name, value] of new URLSearchParams(encoded)) {
    if (values.has(name)) repeated.add(name);
    else values.set(name, value);
  }
  return {
    get: (name) => values.get(name) || undefined,
    has: (name) => values.has(name),
    repeated: [...repeated],
  };
}

/** No request of any specification has so many. */
const mostFields = 100;

/** Reads a form; `undefined` where it was refused and the answer has been given. */
export async function readForm(
  request: IncomingMessage,
  response: ServerResponse,
  longest: number,
): Promise<Parameters | undefined> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded') {
    const sentence = 'The body must be a form: Content-Type: application/x-www-form-urlencoded.';
    sendOAuthError(response, oauthError('invalid_request', sentence));
    return undefined;
  }
  const body = await readBody(request, longest);
  if (!body.ok) {
    refuseBody(response, body.failure);
    return undefined;
  }
  // Counted before it is taken apart.
  if (body.value.split('&', mostFields + 1).length > mostFields) {
    const sentence = `The form has more than ${mostFields} fields.`;
    sendOAuthError(response, oauthError('invalid_request', sentence));
    return undefined;
  }
  return parameters(body.value);
}

/** Answers a request whose body could not be read, and lets its connection go: the rest of the body may still be on its way. */
export function refuseBody(response: ServerResponse, fault: BodyFault): void {
  const [status, sentence] = bodyFaults[fault];
  const body = { error: 'invalid_request', error_description: sentence };
  sendJson(response, status, body, { Connection: 'close' });
}

const bodyFaults: Readonly<Record<BodyFault, readonly [number, string]>> = {
  too_long: [413, 'The body is too long.'],
  too_slow: [408, 'The body took too long to arrive.'],
  broken: [400, 'The body did not arrive whole.'],
};
