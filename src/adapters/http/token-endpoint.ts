import type { ExchangeCode } from '../../application/exchange-code.ts';
import type { KnownClient } from '../../application/find-client.ts';
import type { RefreshTokens } from '../../application/refresh-tokens.ts';
import type { UseCases } from '../../application/use-cases.ts';
import type { AssertionPurpose } from '../../domain/client-registration.ts';
import type { GatewayAddress, GatewayBases } from '../../domain/gateway-address.ts';
import type { TokenAnswer } from '../../domain/grant-rotation.ts';
import { type OAuthError, oauthError } from '../../domain/oauth-error.ts';
import { failure, type Result } from '../../domain/result.ts';
import { sendJson, sendOAuthError } from './answers.ts';
import { basicChallenge, clientCredentials } from './client-credentials.ts';
import { type Parameters, readForm } from './parameters.ts';
import { bodyLimits } from './request-body.ts';
import { notesOf } from './request-notes.ts';
import type { Handle } from './router.ts';
import { seenBases } from './seen-base.ts';

type TokenUseCases = Pick<UseCases, 'authenticate' | 'exchange' | 'refresh'>;
type Outcome = Result<TokenAnswer, OAuthError>;

/** POST /token (RFC 6749 §3.2). */
export function tokenEndpoint(useCases: TokenUseCases, address: () => GatewayAddress): Handle {
  return async (request, response) => {
    const form = await readForm(request, response, bodyLimits.token);
    if (form === undefined) return;
    notesOf(response).grantType = grantType(form);
    const { authorization = [] } = request.headersDistinct;
    const bases = seenBases(address(), request, response);
    const outcome = await decide(useCases, authorization, form, bases);
    if (outcome.ok) sendJson(response, 200, tokenResponse(outcome.value));
    else sendOAuthError(response, outcome.failure, basicChallenge(outcome.failure, authorization));
  };
}

function grantType(form: Parameters) {
  const given = form.get('grant_type');
  return given === 'authorization_code' || given === 'refresh_token' ? given : 'other';
}

/** Who it is comes before what is asked: a stranger learns nothing about a token or code. */
async function decide(
  { authenticate, exchange, refresh }: TokenUseCases,
  authorization: readonly string[],
  form: Parameters,
  bases: GatewayBases,
): Promise<Outcome> {
  const [repeated] = form.repeated;
  if (repeated !== undefined) {
    return invalidRequest(`The parameter ${repeated} may be sent only once.`);
  }
  const credentials = clientCredentials(authorization, form, bases, purposeOf(form));
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

/** By what the use cases below look at, and nothing else. */
function purposeOf(form: Parameters): AssertionPurpose | undefined {
  const type = form.get('grant_type');
  const code = type === 'authorization_code' ? form.get('code') : undefined;
  const refreshToken = type === 'refresh_token' ? form.get('refresh_token') : undefined;
  if (code !== undefined) return { action: 'exchange', token: code };
  return refreshToken === undefined ? undefined : { action: 'refresh', token: refreshToken };
}

async function exchangeWith(
  exchange: ExchangeCode,
  client: KnownClient,
  form: Parameters,
  bases: GatewayBases,
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
  bases: GatewayBases,
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
