import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BeginAuthorization } from '../../application/begin-authorization.ts';
import type { ReturnAddress } from '../../domain/authorization-request.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import type { OAuthError } from '../../domain/oauth-error.ts';
import { redirectWith } from '../../domain/redirect-uri.ts';
import { type Headers, sendOn } from './answers.ts';
import { type Parameters, parameters, readForm } from './parameters.ts';
import { sendRequestRefusal } from './problem.ts';
import { bodyLimits } from './request-body.ts';
import { notesOf } from './request-notes.ts';
import type { Handle } from './router.ts';
import { seenBases } from './seen-base.ts';
import { senderOf } from './sender.ts';

/** GET and POST /authorize (RFC 6749 §3.1). */
export function authorizeEndpoint(
  begin: BeginAuthorization,
  address: () => GatewayAddress,
): Handle {
  return async (request, response, query) => {
    const sent =
      request.method === 'POST'
        ? await readForm(request, response, bodyLimits.authorize)
        : parameters(query);
    if (sent !== undefined) await answer(request, response, sent);
  };

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    sent: Parameters,
  ): Promise<void> {
    const bases = seenBases(address(), request, response);
    const from = senderOf(notesOf(response).caller?.address);
    const begun = await begin(sent.get('client_id'), authorizationParameters(sent), bases, from);
    // The sign-in is on the canonical name: the upstream sends the browser back there, and cookies do not cross names.
    if (begun.ok) notesOf(response).flow = begun.value;
    if (begun.ok) sendOn(response, `${address().canonical}/login?flow=${begun.value}`);
    else if (begun.failure.to === 'user') sendRequestRefusal(request, response, begun.failure);
    else sendToClient(response, begun.failure.address, begun.failure.error);
  }
}

function authorizationParameters(sent: Parameters) {
  return {
    responseType: sent.get('response_type'),
    redirectUri: sent.get('redirect_uri'),
    state: sent.get('state'),
    scope: sent.get('scope'),
    resource: sent.get('resource'),
    codeChallenge: sent.get('code_challenge'),
    codeChallengeMethod: sent.get('code_challenge_method'),
    prompt: sent.get('prompt'),
    repeated: sent.repeated,
  };
}

/** Sends the browser back to the client: with a code, or with an error. */
export function sendToClient(
  response: ServerResponse,
  address: ReturnAddress,
  outcome: ClientOutcome,
  headers: Headers = {},
): void {
  if ('error' in outcome) notesOf(response).error = outcome.error;
  sendOn(response, urlAtClient(address, outcome), headers);
}

type ClientOutcome = OAuthError | { readonly code: string };

/** Where the client hears of a code, or of an error (RFC 6749 §4.1.2), and always of `iss` (RFC 9207 §2). */
export function urlAtClient(
  { redirectUri, state, issuer }: ReturnAddress,
  outcome: ClientOutcome,
): string {
  const result =
    'code' in outcome ? outcome : { error: outcome.error, error_description: outcome.description };
  return redirectWith(redirectUri, { ...result, state, iss: issuer });
}
