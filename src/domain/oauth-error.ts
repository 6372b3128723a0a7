/** Every error code that the gateway can send, and the HTTP status it has where it is sent as JSON. */
const statusOf = {
  invalid_request: 400, // RFC 6749 §5.2
  invalid_grant: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  invalid_target: 400, // RFC 8707 §2
  invalid_redirect_uri: 400, // RFC 7591 §3.2.2
  invalid_client_metadata: 400,
  interaction_required: 400, // OpenID Connect Core §3.1.2.6
  access_denied: 403,
  invalid_client: 401, // RFC 6749 §5.2
  invalid_token: 401, // RFC 6750 §3.1
  insufficient_scope: 403,
  too_many_requests: 429, // RFC 6585 §4
  server_error: 500,
  temporarily_unavailable: 503,
} as const;

/** The closed union of error codes (RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7591 §3.2.2, RFC 8707 §2). */
export type OAuthErrorCode = keyof typeof statusOf;

/** Every code, for the documentation and its test. */
export const oauthErrorCodes: readonly OAuthErrorCode[] = Object.keys(statusOf) as OAuthErrorCode[];

/** An error as the client hears it: a code, and a sentence for the developer that says what to do and leaks nothing. */
export interface OAuthError {
  readonly error: OAuthErrorCode;
  readonly description: string;
  /** Seconds until trying again makes sense; only with `temporarily_unavailable` and `too_many_requests`. */
  readonly retryAfter: number | undefined;
}

/** Makes an error. Its sentence is kept to the characters that RFC 6749 Appendix A.8 allows, whatever it quotes. */
export function oauthError(
  error: OAuthErrorCode,
  description: string,
  retryAfter?: number,
): OAuthError {
  return { error, description: spelled(description), retryAfter };
}

function spelled(sentence: string): string {
  return sentence
    .replaceAll('§', 'section ')
    .replaceAll(/["\\]/g, "'")
    .replaceAll(/[^\x20-\x7e]/g, '?');
}

/** The HTTP status of an error that is answered as JSON. */
export function httpStatusOf(error: OAuthError): number {
  return statusOf[error.error];
}
