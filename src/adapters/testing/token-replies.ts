import type { Result } from '../../domain/result.ts';
import type { AuthorizationServerTraits, IssuedTokens, ServerError } from './authorization-core.ts';

/** How a token endpoint spells its answers. */
export interface TokenAnswerTraits {
  /** GitHub answers with a form unless the request says that it accepts JSON. */
  format: 'json' | 'form' | 'form_unless_json_is_asked';
  /** GitHub answers errors with status 200. */
  errorStatus: 200 | 400;
}

/** What RFC 6749 §5 asks for. */
export const usualAnswers: TokenAnswerTraits = { format: 'json', errorStatus: 400 };

/** An answer over HTTP, whole. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A reply of JSON. */
export function jsonReply(status: number, value: unknown): Reply {
  return reply(status, 'application/json', JSON.stringify(value));
}

/** The reply of a token endpoint; `accept`: what the request said that it accepts. */
export function tokenReply(
  answer: Result<IssuedTokens, ServerError>,
  accept: string | undefined,
  traits: TokenAnswerTraits & Pick<AuthorizationServerTraits, 'expiresIn'>,
): Reply {
  const { format, errorStatus } = traits;
  const members = answer.ok ? spelledTokens(answer.value, traits) : spelledError(answer.failure);
  const status = answer.ok ? 200 : statusOf(answer.failure, errorStatus);
  const asksForJson = accept?.includes('application/json') === true;
  const form = format === 'form' || (format === 'form_unless_json_is_asked' && !asksForJson);
  return form
    ? reply(status, 'application/x-www-form-urlencoded', formOf(members))
    : jsonReply(status, members);
}

function reply(status: number, type: string, body: string): Reply {
  return { status, headers: { 'Content-Type': type, 'Cache-Control': 'no-store' }, body };
}

type Members = Readonly<Record<string, string | number | undefined>>;

function spelledTokens(
  { access, refresh, expiresIn, scope }: IssuedTokens,
  traits: Pick<AuthorizationServerTraits, 'expiresIn'>,
): Members {
  const asText = traits.expiresIn === 'string' && expiresIn !== undefined;
  return {
    access_token: access,
    token_type: 'Bearer',
    expires_in: asText ? String(expiresIn) : expiresIn,
    refresh_token: refresh,
    scope,
  };
}

function spelledError({ error, description }: ServerError): Members {
  return { error, error_description: description };
}

/** RFC 6749 §5.2. */
function statusOf({ error }: ServerError, errorStatus: 200 | 400): number {
  return error === 'invalid_client' && errorStatus === 400 ? 401 : errorStatus;
}

function formOf(members: Members): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) form.set(name, String(value));
  }
  return form.toString();
}
