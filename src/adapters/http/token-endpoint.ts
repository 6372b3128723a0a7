import type { ExchangeCode } from '../../application/exchange-code.ts';
import type { KnownClient } from '../../application/find-client.ts';
import type { RefreshTokens } from '../../application/refresh-tokens.ts';
import type { UseCases } from '../../application/use-cases.ts';
import { baseUrlsFor, type GatewayAddress } from '../../domain/gateway-address.ts';
import type { TokenAnswer } from '../../domain/grant-rotation.ts';
import { type OAuthError, oauthError } from '../../domain/oauth-error.ts';
import { failure, type Result } from '../../domain/result.ts';
import { sendJson, sendOAuthError } from './answers.ts';
import { basicChallenge, clientCredentials } from './client-credentials.ts';
import { type Parameters, readForm } from './parameters.ts';
import type { Handle } from './router.ts';

type TokenUseCases = Pick<UseCases, 'authenticate' | 'exchange' | 'refresh'>;
type Outcome = Result<TokenAnswer, OAuthError>;

/** POST /token (RFC 6749 §3.2). */
export function tokenEndpoint(useCases: TokenUseCases, address: () => GatewayAddress): Handle {
  return async (request, response) => {
    const form = await readForm(request, response);
    if (form === undefined) return;
    const { authorization, host } = request.headers;
    const bases = baseUrlsFor(address(), host);
    const outcome = await decide(useCases, authorization, form, bases);
    if (outcome.ok) sendJson(response, 200, tokenResponse(outcome.value));
    else sendOAuthError(response, outcome.failure, basicChallenge(outcome.failure, authorization));
  };
}

/** Who it is comes before what is asked: a stranger learns nothing about a token or code. */
async function decide(
  { authenticate, exchange, refresh }: TokenUseCases,
  authorization: string | undefined,
  form: Parameters,
  bases: readonly string[],
): Promise<Outcome> {
  if (form.repeated !== undefined) {
    return invalidRequest(`The parameter ${form.repeated} may be sent only once.`);
  }
  const credentials = clientCredentials(authorization, form, bases);
  if (!credentials.ok) return credentials;
  const client = await authenticate(credentials.value);
  if (!client.ok) return client;
  switch (form.get('grant_type')) {
    case 'authorization_code':
      return exchangeWith(exchange, client.value, form, bases);
    case 'refresh_token':
      return refreshWith(refresh, client.value, form, bases);
    case undefined:
      return invalidRequest('grant_type is missing.');
    default:
      return failure(
        oauthError(
          'unsupported_grant_type',
          'grant_type must be authorization_code or refresh_token.',
        ),
      );
  }
}

async function exchangeWith(
  exchange: ExchangeCode,
  client: KnownClient,
  form: Parameters,
  bases: readonly string[],
): Promise<Outcome> {
  const code = form.get('code');
  const verifier = form.get('code_verifier');
  if (code === undefined) return invalidRequest('code is missing.');
  if (verifier === undefined) return invalidRequest('code_verifier is missing (RFC 7636 §4.5).');
  const redirectUri = form.get('redirect_uri');
  return exchange(client, { code, verifier, redirectUri, resource: form.get('resource'), bases });
}

async function refreshWith(
  refresh: RefreshTokens,
  client: KnownClient,
  form: Parameters,
  bases: readonly string[],
): Promise<Outcome> {
  const refreshToken = form.get('refresh_token');
  if (refreshToken === undefined) return invalidRequest('refresh_token is missing.');
  return refresh(client, { refreshToken, resource: form.get('resource'), bases });
}

function invalidRequest(description: string): Result<never, OAuthError> {
  return failure(oauthError('invalid_request', description));
}

/** RFC 6749 §5.1. No member is ever null: strict clients refuse that, or take it for zero. */
function tokenResponse({ accessToken, refreshToken, expiresIn, scope }: TokenAnswer) {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: expiresIn,
    refresh_token: refreshToken,
    ...(scope !== undefined && { scope }),
  };
}
