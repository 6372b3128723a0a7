import { assertionAudiences } from '../../domain/client-keys.ts';
import {
  type AssertionPurpose,
  type ClientCredentials,
  clientId,
  type PresentedAssertion,
} from '../../domain/client-registration.ts';
import { type OAuthError, oauthError } from '../../domain/oauth-error.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import type { Parameters } from './parameters.ts';

/**
 * The credentials of a request to /token, from the header or the form, never in two ways at once (RFC 6749 §2.3): an assertion, or a
 * secret. Several, in the order to be tried, where a Basic header can be read in more ways than one. `authorizations`: every header of that
 * name, since of two each server on the way may take another; `bases`: the URLs this gateway goes by; `purpose`: what the request would do if its client is proven.
 */
export function clientCredentials(
  authorizations: readonly string[],
  form: Parameters,
  bases: readonly string[],
  purpose: AssertionPurpose | undefined,
): Result<readonly ClientCredentials[] | PresentedAssertion, OAuthError> {
  const id = form.get('client_id');
  const secret = form.get('client_secret');
  const assertion = form.get('client_assertion');
  const ways = [...authorizations, secret, assertion].filter((way) => way !== undefined);
  if (ways.length > 1) return failure(oneWayOnly);
  const [authorization] = authorizations;
  if (assertion !== undefined) return presentedAssertion(assertion, id, form, bases, purpose);
  if (authorization !== undefined) return basicCredentials(authorization, id);
  if (id === undefined) {
    return failure(
      oauthError('invalid_client', 'The client did not say who it is: send client_id.'),
    );
  }
  return success([{ id: clientId(id), secret }]);
}

const oneWayOnly = oauthError(
  'invalid_request',
  'The client has to prove who it is in one way only (RFC 6749 §2.3): an Authorization header, client_secret or client_assertion.',
);

/** RFC 7523 §2.2. */
const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

function presentedAssertion(
  assertion: string,
  id: string | undefined,
  form: Parameters,
  bases: readonly string[],
  purpose: AssertionPurpose | undefined,
): Result<PresentedAssertion, OAuthError> {
  if (form.get('client_assertion_type') !== jwtBearer) {
    return failure(oauthError('invalid_client', `client_assertion_type must be ${jwtBearer}.`));
  }
  return success({
    assertion,
    id: id === undefined ? undefined : clientId(id),
    audiences: assertionAudiences(bases),
    purpose,
  });
}

function basicCredentials(
  authorization: string,
  id: string | undefined,
): Result<readonly ClientCredentials[], OAuthError> {
  const encoded = /^basic +([A-Za-z0-9+/_-]+=*)$/i.exec(authorization)?.[1] ?? '';
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  const raw = { id: text.slice(0, colon), secret: text.slice(colon + 1) };
  // RFC 6749 §2.3.1 wants both parts form-encoded; half of the clients leave them as they are.
  const readings = [raw, { id: formDecoded(raw.id), secret: formDecoded(raw.secret) }];
  // A client id that is a URL has colons of its own.
  const last = text.lastIndexOf(':');
  if (/^https?:/.test(text))
    readings.push({ id: text.slice(0, last), secret: text.slice(last + 1) });
  const consistent = readings.filter((each) => id === undefined || id === each.id);
  if (colon < 1 || consistent.length === 0) {
    return failure(
      oauthError('invalid_client', 'The Authorization header holds no credentials of a client.'),
    );
  }
  return success(consistent.map((each) => ({ ...each, id: clientId(each.id) })));
}

function formDecoded(text: string): string {
  return new URLSearchParams(`v=${text.replaceAll('&', '%26')}`).get('v') ?? '';
}

/** RFC 6749 §5.2: a client that tried the Authorization header is answered with a challenge for it. */
export function basicChallenge(
  { error }: OAuthError,
  authorizations: readonly string[],
): Readonly<Record<string, string>> {
  return error === 'invalid_client' && authorizations.length > 0
    ? { 'WWW-Authenticate': 'Basic realm="token", charset="UTF-8"' }
    : {};
}
