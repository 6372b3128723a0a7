import type { Introspection, IntrospectToken } from '../../application/introspect-token.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import { sameHash, sha256 } from '../../domain/secret-hash.ts';
import { sendJson, sendOAuthError } from './answers.ts';
import { clientCredentials } from './client-credentials.ts';
import { readForm } from './parameters.ts';
import { bodyLimits } from './request-body.ts';
import type { Handle } from './router.ts';
import { seenBase } from './seen-base.ts';

/** Who may introspect: a resource server or an operator, never a client of the gateway. */
export interface IntrospectionCaller {
  readonly id: string;
  readonly secret: string;
}

/** POST /introspect (RFC 7662 §2); the route exists only where a caller is configured. */
export function introspectionEndpoint(
  introspect: IntrospectToken,
  caller: IntrospectionCaller,
  address: () => GatewayAddress,
): Handle {
  const secretHash = sha256(caller.secret);
  return async (request, response) => {
    const form = await readForm(request, response, bodyLimits.token);
    if (form === undefined) return;
    const credentials = clientCredentials(
      request.headersDistinct.authorization ?? [],
      form,
      [],
      undefined,
    );
    const known =
      credentials.ok &&
      !('assertion' in credentials.value) &&
      credentials.value.some(
        ({ id, secret }) =>
          sameHash(sha256(secret ?? ''), secretHash) && sameHash(sha256(id), sha256(caller.id)),
      );
    if (!known) {
      const challenge = { 'WWW-Authenticate': 'Basic realm="introspect", charset="UTF-8"' };
      return sendOAuthError(response, notAllowed, challenge);
    }
    const token = form.get('token');
    if (form.repeated.length > 0 || token === undefined) {
      return sendOAuthError(response, oneToken);
    }
    const found = await introspect(token);
    const issuer = seenBase(address(), request, response);
    sendJson(response, 200, found ? active(found, issuer) : { active: false });
  };
}

const notAllowed = oauthError(
  'invalid_client',
  'Only the configured caller may introspect tokens.',
);

const oneToken = oauthError('invalid_request', 'Send token, and send it once.');

/** RFC 7662 §2.2. A refresh token has no `token_type`, which is a word for access tokens (RFC 6749 §7.1); `token_use` tells them apart. */
function active(found: Introspection, issuer: string) {
  const { kind, clientId, subject, scope, resource, issuedAt, expiresAt } = found;
  return {
    active: true,
    ...(scope !== undefined && { scope }),
    client_id: clientId,
    username: subject,
    sub: subject,
    ...(kind === 'access' && { token_type: 'Bearer' }),
    token_use: `${kind}_token`,
    iat: issuedAt,
    exp: expiresAt,
    aud: resource,
    iss: issuer,
  };
}
