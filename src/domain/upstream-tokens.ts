import { announcedEnd, type EpochSeconds } from './lifetime.ts';
import { type OAuthError, oauthError } from './oauth-error.ts';
import type { Scope } from './scope.ts';
import { tokenSecret, type UpstreamToken } from './token-pair.ts';
import type { UpstreamBinding } from './upstream-request.ts';

/** What an upstream's token endpoint gave (RFC 6749 §5.1), with its lifetime turned into a moment. */
export interface UpstreamTokens {
  readonly access: UpstreamToken;
  /** Absent where the upstream issues none (GitHub OAuth Apps). */
  readonly refresh: UpstreamToken | undefined;
  /** Unknown where the upstream does not say. */
  readonly expiresAt: EpochSeconds | undefined;
  readonly scope: Scope | undefined;
  /** To whom they may be sent; absent where the upstream has no authorization server: they are stand-ins then, and go nowhere. */
  readonly binding: UpstreamBinding | undefined;
}

/** The tokens after a refresh: whatever the answer left out is as before (RFC 6749 §6). */
export function refreshed(old: UpstreamTokens, answer: UpstreamTokens): UpstreamTokens {
  return {
    access: answer.access,
    refresh: answer.refresh ?? old.refresh,
    expiresAt: answer.expiresAt,
    scope: answer.scope ?? old.scope,
    binding: answer.binding,
  };
}

/** What stands in for tokens where the upstream has no authorization server; it is never sent anywhere. `random`: 32 bytes. */
export function standInTokens(random: Uint8Array): UpstreamTokens {
  const access = tokenSecret(random) as string as UpstreamToken;
  return { access, refresh: undefined, expiresAt: undefined, scope: undefined, binding: undefined };
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
  | {
      readonly kind: 'unusable';
      readonly reason: string;
      /** The upstream's own words, for the log alone. */
      readonly detail?: string;
      /** A person has to register the gateway at the upstream first: whoever signs in may read why, to tell them. */
      readonly byHand?: true;
    };

/** The answer of an upstream's token endpoint, checked and spelled in our words. */
export interface UpstreamTokenAnswer {
  readonly access: UpstreamToken;
  readonly refresh: UpstreamToken | undefined;
  /** Seconds; absent where the upstream did not say. */
  readonly expiresIn: number | undefined;
  readonly scope: Scope | undefined;
}

/** The tokens of an answer. `askedAt`: when the request was sent, so that the way back does not lengthen a life. */
export function tokensOf(
  answer: UpstreamTokenAnswer,
  binding: UpstreamBinding,
  askedAt: EpochSeconds,
): UpstreamTokens {
  const { access, refresh, scope } = answer;
  return { access, refresh, scope, expiresAt: announcedEnd(answer.expiresIn, askedAt), binding };
}

/** The upstream's refusal, in a form that may be passed on. */
export function refusal(error: string, description: string | undefined): UpstreamFailure {
  return {
    kind: 'refused',
    error: codeOf(error),
    description: description && excerpt(description),
  };
}

/** A stranger's text for the log: on one line, and cut. */
export function excerpt(text: string): string {
  const line = text.replaceAll(/[\s\p{C}]+/gu, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
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
            `The upstream server refused the request (${codeOf(failure.error)}): see the gateway's log for its reason.`,
          );
    case 'unavailable':
      return upstreamUnavailable(failure.retryAfter);
    case 'unusable':
      return oauthError('server_error', describable(withoutQueries(failure.reason)));
  }
}

/** An error code is passed on to the client: nothing but the characters of one (RFC 6749 Appendix A.7), and not for ever. */
function codeOf(error: string): string {
  return error.replaceAll(/[^\w.:-]/g, '').slice(0, 64) || 'unknown_error';
}

/** What an error description may hold (RFC 6749 §5.2): a reason can name what a stranger called itself. */
function describable(reason: string): string {
  return reason.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '').slice(0, 500);
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
  return withoutQueries(inWords(failure));
}

/** Some upstreams are given their key in the query of their address: no sentence carries it on. */
function withoutQueries(text: string): string {
  // An address without a query is taken whole too: the reading never has to start over, so that no text takes long.
  return text.replaceAll(
    /(\bhttps?:\/\/[^\s?#"]+)(\?[^\s"]*)?/gi,
    (address: string, before: string, query?: string) =>
      query === undefined ? address : `${before}?…`,
  );
}

function inWords(failure: UpstreamFailure): string {
  if (failure.kind === 'unavailable') return failure.reason;
  if (failure.kind === 'unusable') {
    return failure.detail ? `${failure.reason} (${failure.detail})` : failure.reason;
  }
  return failure.description === undefined
    ? failure.error
    : `${failure.error}: ${failure.description}`;
}
