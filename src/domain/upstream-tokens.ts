import { announcedEnd, type EpochSeconds } from './lifetime.ts';
import { type OAuthError, oauthError } from './oauth-error.ts';
import type { Scope } from './scope.ts';
import type { UpstreamToken } from './token-pair.ts';

/** What an upstream's token endpoint gave (RFC 6749 §5.1), with its lifetime turned into a moment. */
export interface UpstreamTokens {
  readonly access: UpstreamToken;
  /** Absent where the upstream issues none (GitHub OAuth Apps). */
  readonly refresh: UpstreamToken | undefined;
  /** Unknown where the upstream does not say. */
  readonly expiresAt: EpochSeconds | undefined;
  readonly scope: Scope | undefined;
}

/** The tokens after a refresh: whatever the answer left out is as before (RFC 6749 §6). */
export function refreshed(old: UpstreamTokens, answer: UpstreamTokens): UpstreamTokens {
  return {
    access: answer.access,
    refresh: answer.refresh ?? old.refresh,
    expiresAt: answer.expiresAt,
    scope: answer.scope ?? old.scope,
  };
}

/** Why the upstream's authorization server gave no tokens. */
export type UpstreamFailure =
  /** It said no, with an error code of its own: asking again will not help. */
  | { readonly kind: 'refused'; readonly error: string; readonly description: string | undefined }
  /** It could not be reached, was too slow, or is in trouble (5xx, 429): nothing is lost, ask again later. */
  | {
      readonly kind: 'unavailable';
      readonly reason: string;
      readonly retryAfter: number | undefined;
    }
  /** It answered something that cannot be used. */
  | { readonly kind: 'unusable'; readonly reason: string };

/** The answer of an upstream's token endpoint, checked and spelled in our words. */
export interface UpstreamTokenAnswer {
  readonly access: UpstreamToken;
  readonly refresh: UpstreamToken | undefined;
  /** Seconds; absent where the upstream did not say. */
  readonly expiresIn: number | undefined;
  readonly scope: Scope | undefined;
}

/** The tokens of an answer. `askedAt`: when the request was sent, so that the way back does not lengthen a life. */
export function tokensOf(answer: UpstreamTokenAnswer, askedAt: EpochSeconds): UpstreamTokens {
  const { access, refresh, scope } = answer;
  return { access, refresh, scope, expiresAt: announcedEnd(answer.expiresIn, askedAt) };
}

// GitHub and Slack have words of their own for it, and send them with status 200.
const endings = new Set(['invalid_grant', 'bad_refresh_token', 'invalid_refresh_token']);

/**
 * Whether a refused refresh means that the user has to authorize again (RFC 6749 §5.2). Every other code is about this gateway's own
 * registration or request: the operator's to mend, and no reason to take a grant away from anybody.
 */
export function endsGrant(failure: UpstreamFailure): boolean {
  return failure.kind === 'refused' && endings.has(failure.error);
}

/** What a client is told when the upstream gave no tokens; the upstream's own words stay in the log, its error code is passed on. */
export function asClientError(failure: UpstreamFailure): OAuthError {
  switch (failure.kind) {
    case 'refused':
      return failure.error === 'access_denied'
        ? oauthError('access_denied', 'Access was denied at the upstream server.')
        : oauthError(
            'server_error',
            `The upstream server refused the request (${codeOf(failure.error)}).`,
          );
    case 'unavailable':
      return upstreamUnavailable(failure.retryAfter);
    case 'unusable':
      return oauthError('server_error', failure.reason);
  }
}

/** An error code is passed on to the client: nothing but the characters of one (RFC 6749 Appendix A.7), and not for ever. */
function codeOf(error: string): string {
  return error.replaceAll(/[^\w.:-]/g, '').slice(0, 64) || 'unknown_error';
}

/** The upstream's failure is not the client's: whatever it holds is still good. */
export function upstreamUnavailable(retryAfter: number | undefined): OAuthError {
  return oauthError(
    'temporarily_unavailable',
    'The upstream server cannot be reached just now: try again.',
    retryAfter ?? 5,
  );
}

/** A failure in one line, for the log. */
export function reasonOf(failure: UpstreamFailure): string {
  if (failure.kind !== 'refused') return failure.reason;
  return failure.description === undefined
    ? failure.error
    : `${failure.error}: ${failure.description}`;
}
