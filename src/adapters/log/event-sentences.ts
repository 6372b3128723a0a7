import type { GatewayEvent } from '../../application/events.ts';

/** How much a line matters. */
export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Which stream of lines one belongs to: what happens to logins and grants, requests, and the service itself. */
export type Stream = 'auth' | 'request' | 'gateway';

type Entry = readonly [Level, Stream, string];

/** What each event is called in the log. The words are in the documentation: an operator searches for them. */
const entries: Readonly<Record<GatewayEvent['type'], Entry>> = {
  client_registered: ['info', 'auth', 'client registered'],
  registration_refused: ['warn', 'auth', 'registration refused'],
  client_refused: ['warn', 'auth', 'client refused'],
  client_document_failed: ['warn', 'auth', 'client metadata document cannot be used'],
  authorization_started: ['info', 'auth', 'authorization started'],
  authorization_refused: ['warn', 'auth', 'authorization refused'],
  authorization_denied: ['info', 'auth', 'authorization denied'],
  step_refused: ['warn', 'auth', 'step refused'],
  sign_in_refused: ['warn', 'auth', 'sign-in refused'],
  signed_in: ['info', 'auth', 'signed in'],
  sent_upstream: ['info', 'auth', 'sent upstream'],
  upstream_returned: ['info', 'auth', 'upstream returned'],
  upstream_found: ['info', 'gateway', 'upstream found'],
  upstream_failed: ['error', 'auth', 'upstream failed'],
  upstream_registered: ['info', 'auth', 'registered at the upstream'],
  code_issued: ['info', 'auth', 'code issued'],
  code_exchanged: ['info', 'auth', 'code exchanged'],
  tokens_first_used: ['info', 'auth', 'tokens first used'],
  tokens_refreshed: ['info', 'auth', 'tokens refreshed'],
  superseded_token_answered: ['info', 'auth', 'superseded token answered'],
  token_refused: ['warn', 'auth', 'token refused'],
  upstream_tokens_renewed: ['info', 'auth', 'upstream tokens renewed'],
  upstream_revoked: ['info', 'auth', 'upstream tokens revoked'],
  upstream_token_refused: ['warn', 'auth', 'upstream refuses the token'],
  grant_ended: ['info', 'auth', 'grant ended'],
  unexpected_host: [
    'warn',
    'gateway',
    'reached by another name: set --public-url to the one that clients use',
  ],
  file_reloaded: ['info', 'gateway', 'file reloaded'],
  file_unusable: ['error', 'gateway', 'file cannot be used'],
  records_unreadable: ['error', 'gateway', 'records of the store cannot be read'],
  internal_error: ['error', 'gateway', 'internal error'],
  request_answered: ['info', 'request', 'request'],
};

/** A line, before it is written. */
export interface Line {
  readonly level: Level;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The line of an event: short names, a grant under the name of its flow, and a replay as loud as it deserves. */
export function lineOf(event: GatewayEvent): Line {
  const [, stream, message] = entries[event.type];
  const fields: Record<string, unknown> = { stream };
  for (const [name, value] of Object.entries(event)) {
    if (name !== 'type' && value !== undefined) fields[names[name] ?? name] = shown(value);
  }
  return { level: levelOf(event), message, fields };
}

/** One name for one thing: the id of a grant is that of its flow. */
const names: Readonly<Record<string, string>> = {
  grant: 'flow',
  name: 'client_name',
  request: 'request_id',
  duration: 'ms',
  upstreamDuration: 'upstream_ms',
  redirectUri: 'redirect_uri',
  grantType: 'grant_type',
};

/** How much the line of an event matters. */
export function levelOf(event: GatewayEvent): Level {
  if (event.type === 'grant_ended' && event.reason.endsWith('replayed')) return 'warn';
  if (event.type === 'request_answered' && event.status >= 500) return 'error';
  return entries[event.type][0];
}

const longest = 2000;

function shown(value: unknown): unknown {
  if (typeof value === 'number') return Math.round(value * 10) / 10;
  return typeof value === 'string' && value.length > longest
    ? `${value.slice(0, longest)}…`
    : value;
}
