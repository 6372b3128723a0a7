import type { UseCases } from '../../application/use-cases.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import { sendJson, sendOAuthError } from './answers.ts';
import { basicChallenge, clientCredentials } from './client-credentials.ts';
import { readForm } from './parameters.ts';
import { bodyLimits } from './request-body.ts';
import type { Handle } from './router.ts';
import { seenBases } from './seen-base.ts';

/** POST /revoke (RFC 7009 §2): 200 whether the token was known or not; `token_type_hint` is not needed, since every token says what it is. */
export function revocationEndpoint(
  { authenticate, revoke }: Pick<UseCases, 'authenticate' | 'revoke'>,
  address: () => GatewayAddress,
): Handle {
  return async (request, response) => {
    const form = await readForm(request, response, bodyLimits.token);
    if (form === undefined) return;
    const { authorization = [] } = request.headersDistinct;
    const token = form.get('token');
    if (form.repeated.length > 0 || token === undefined) {
      return sendOAuthError(
        response,
        oauthError('invalid_request', 'Send token, and send it once.'),
      );
    }
    const bases = seenBases(address(), request, response);
    const purpose = { action: 'revoke', token } as const;
    const credentials = clientCredentials(authorization, form, bases, purpose);
    const client = credentials.ok ? await authenticate(credentials.value) : credentials;
    if (!client.ok) {
      return sendOAuthError(
        response,
        client.failure,
        basicChallenge(client.failure, authorization),
      );
    }
    await revoke(client.value.value, token);
    sendJson(response, 200, {});
  };
}
