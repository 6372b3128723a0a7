import {
  type Client,
  type ClientId,
  type ClientOrigin,
  provenRedirectUri,
} from './client-registration.ts';
import { type OAuthError, oauthError } from './oauth-error.ts';
import { type CodeChallenge, isCodeChallenge } from './pkce.ts';
import type { RedirectUri } from './redirect-uri.ts';
import { requestedResource } from './resource.ts';
import { failure, type Result, success } from './result.ts';
import type { Scope } from './scope.ts';

/** The parameters of an authorization request as they came, each at most once (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2). */
export interface AuthorizationParameters {
  readonly responseType: string | undefined;
  readonly redirectUri: string | undefined;
  readonly state: string | undefined;
  readonly scope: string | undefined;
  readonly resource: string | undefined;
  readonly codeChallenge: string | undefined;
  readonly codeChallengeMethod: string | undefined;
  /** OpenID Connect's, which MCP clients send along (OpenID Connect Core §3.1.2.1). */
  readonly prompt: string | undefined;
  /** The name of a parameter that came more than once (RFC 6749 §3.1 forbids it). */
  readonly repeated: string | undefined;
}

/** Where an authorization response goes, and what it carries besides its outcome. */
export interface ReturnAddress {
  readonly redirectUri: RedirectUri;
  /** The client's own data: never interpreted, returned byte for byte, absent where none was sent. */
  readonly state: string | undefined;
  /** What the client knows this gateway as; the `iss` of every response (RFC 9207). */
  readonly issuer: string;
}

/** An authorization request that may go on. */
export interface ClientRequest extends ReturnAddress {
  readonly clientId: ClientId;
  readonly clientName: string | undefined;
  readonly clientOrigin: ClientOrigin;
  readonly challenge: CodeChallenge;
  readonly scope: Scope | undefined;
  readonly resource: string;
  /** The client wants the user to sign in anew (`prompt=login`). */
  readonly freshSignIn: boolean;
}

/** Who is told about a refused request: the user by a page until the redirect URI is proven, then the client (RFC 6749 §4.1.2.1). */
export type RequestRefusal =
  | {
      readonly to: 'user';
      readonly reason:
        | 'unknown_client'
        | 'redirect_uri'
        /** The document of the client may not be used, or cannot be had just now. */
        | 'client_document'
        | 'client_unavailable';
      readonly detail: string;
    }
  | { readonly to: 'client'; readonly address: ReturnAddress; readonly error: OAuthError };

/** Characters of a `state` or `scope`: both are kept with every flow, and anybody may begin one. */
const longest = 4096;

/** Decides about an authorization request. `bases`: the URLs this gateway goes by, the one of this request first. */
export function clientRequest(
  client: Client | undefined,
  parameters: AuthorizationParameters,
  bases: readonly [string, ...string[]],
): Result<ClientRequest, RequestRefusal> {
  if (client === undefined) {
    return failure({
      to: 'user',
      reason: 'unknown_client',
      detail: 'The client is not registered here.',
    });
  }
  const uri = redirectUriOf(client, parameters);
  if (!uri.ok) return failure({ to: 'user', reason: 'redirect_uri', detail: uri.failure });
  const address = { redirectUri: uri.value, state: parameters.state, issuer: bases[0] };
  const challenge = challengeOf(parameters);
  if (!challenge.ok) return failure({ to: 'client', address, error: challenge.failure });
  const resource = requestedResource(parameters.resource, bases);
  if (!resource.ok) return failure({ to: 'client', address, error: resource.failure });
  const prompt = promptOf(parameters.prompt);
  if (!prompt.ok) return failure({ to: 'client', address, error: prompt.failure });
  return success({
    ...address,
    clientId: client.id,
    clientName: client.name,
    clientOrigin: client.origin,
    challenge: challenge.value,
    scope: parameters.scope || undefined,
    resource: resource.value,
    freshSignIn: prompt.value.includes('login'),
  });
}

/** The values of `prompt`. Consent is asked for every time, so that `consent` changes nothing, and `none` is never possible. */
function promptOf(prompt: string | undefined): Result<readonly string[], OAuthError> {
  const values = prompt?.split(' ').filter((value) => value !== '') ?? [];
  if (!values.includes('none')) return success(values);
  return values.every((value) => value === 'none')
    ? failure(oauthError('interaction_required', 'Every connection needs the consent of the user.'))
    : invalid('prompt=none goes with no other value.'); // OpenID Connect Core §3.1.2.1
}

/** A repeated redirect_uri proves nothing, whichever of its values would be taken. */
function redirectUriOf(
  client: Client,
  { repeated, redirectUri }: AuthorizationParameters,
): Result<RedirectUri, string> {
  return repeated === 'redirect_uri' || repeated === 'client_id'
    ? failure(`The client sent ${repeated} more than once.`)
    : provenRedirectUri(client, redirectUri);
}

/** The PKCE challenge of a request that is otherwise in order too. */
function challengeOf(parameters: AuthorizationParameters): Result<CodeChallenge, OAuthError> {
  const { repeated, responseType, codeChallenge, codeChallengeMethod } = parameters;
  if (repeated !== undefined) return invalid(`The parameter ${repeated} may be sent only once.`);
  const long = (['state', 'scope'] as const).find(
    (name) => (parameters[name]?.length ?? 0) > longest,
  );
  if (long !== undefined) return invalid(`The parameter ${long} may have ${longest} characters.`);
  if (responseType === undefined) return invalid('response_type is missing: it must be code.');
  if (responseType !== 'code') {
    return failure(oauthError('unsupported_response_type', 'response_type must be code.'));
  }
  if (codeChallenge === undefined) {
    return invalid('PKCE is required: send code_challenge (RFC 7636).');
  }
  // RFC 7636 §4.3: a missing method means plain, which would show the verifier to everyone who sees the request.
  if (codeChallengeMethod !== 'S256') return invalid('code_challenge_method must be S256.');
  return isCodeChallenge(codeChallenge)
    ? success(codeChallenge)
    : invalid('code_challenge must be 43 base64url characters.');
}

function invalid(description: string): Result<never, OAuthError> {
  return failure(oauthError('invalid_request', description));
}
