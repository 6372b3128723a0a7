import { type ClientCredentials, clientId } from '../../domain/client-registration.ts';
import { type OAuthError, oauthError } from '../../domain/oauth-error.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import type { Parameters } from './parameters.ts';

/**
 * The credentials of a request to /token, from the header or the form, never from both (RFC 6749 §2.3). Several, in the order
 * to be tried, where a Basic header can be read in two ways.
 */
export function clientCredentials(
  authorization: string | undefined,
  form: Parameters,
): Result<readonly ClientCredentials[], OAuthError> {
  const id = form.get('client_id');
  const secret = form.get('client_secret');
  if (authorization !== undefined) return basicCredentials(authorization, id, secret);
  if (id === undefined) {
    return failure(
      oauthError('invalid_client', 'The client did not say who it is: send client_id.'),
    );
  }
  return success([{ id: clientId(id), secret }]);
}

function basicCredentials(
  authorization: string,
  id: string | undefined,
  secret: string | undefined,
): Result<readonly ClientCredentials[], OAuthError> {
  if (secret !== undefined) {
    const sentence =
      'Send the client secret in one way only: the header or the form (RFC 6749 §2.3).';
    return failure(oauthError('invalid_request', sentence));
  }
  const encoded = /^basic +([A-Za-z0-9+/_-]+=*)$/i.exec(authorization)?.[1] ?? '';
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  const raw = { id: text.slice(0, colon), secret: text.slice(colon + 1) };
  if (colon < 1 || (id !== undefined && id !== raw.id && id !== formDecoded(raw.id))) {
    return failure(
      oauthError('invalid_client', 'The Authorization header holds no credentials of a client.'),
    );
  }
  // RFC 6749 §2.3.1 wants both parts form-encoded; half of the clients leave them as they are.
  const readings = [raw, { id: formDecoded(raw.id), secret: formDecoded(raw.secret) }];
  return success(readings.map((each) => ({ ...each, id: clientId(each.id) })));
}

function formDecoded(text: string): string {
  return new URLSearchParams(`v=${text.replaceAll('&', '%26')}`).get('v') ?? '';
}

/** RFC 6749 §5.2: a client that tried the Authorization header is answered with a challenge for it. */
export function basicChallenge(
  { error }: OAuthError,
  authorization: string | undefined,
): Readonly<Record<string, string>> {
  return error === 'invalid_client' && authorization !== undefined
    ? { 'WWW-Authenticate': 'Basic realm="token", charset="UTF-8"' }
    : {};
}
