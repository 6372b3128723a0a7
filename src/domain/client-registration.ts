import type { Brand } from './brand.ts';
import type { ClientKeys, KeySource } from './client-keys.ts';
import type { EpochSeconds } from './lifetime.ts';
import { type OAuthError, oauthError } from './oauth-error.ts';
import {
  isLoopbackRedirect,
  type RedirectUri,
  redirectUri,
  sameRedirectUri,
} from './redirect-uri.ts';
import { failure, type Result, success } from './result.ts';
import { type Sha256, sameHash, sha256 } from './secret-hash.ts';

/** The public name of a client. */
export type ClientId = Brand<string, 'ClientId'>;

/** How a client proves at /token who it is (RFC 7591 §2). */
export type TokenEndpointAuthMethod =
  | 'none'
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'private_key_jwt';

/** Who says what a client is: itself, at registration; the document that its id is the URL of; or the operator. */
export type ClientOrigin = 'registered' | 'document' | 'configured';

/** The client metadata that a registration request may hold (RFC 7591 §2), as parsed: any member may be missing. */
export interface ClientMetadata {
  readonly redirectUris: readonly string[];
  readonly tokenEndpointAuthMethod: string | undefined;
  readonly grantTypes: readonly string[] | undefined;
  readonly responseTypes: readonly string[] | undefined;
  readonly clientName: string | undefined;
  readonly keys: KeySource | undefined;
}

/** A client that is known here. */
export interface Client {
  readonly id: ClientId;
  readonly name: string | undefined;
  readonly origin: ClientOrigin;
  readonly redirectUris: readonly RedirectUri[];
  readonly method: TokenEndpointAuthMethod;
  /** Absent for a client without a secret. */
  readonly secretHash: Sha256 | undefined;
  /** Absent for a client that signs nothing. */
  readonly keys: ClientKeys | undefined;
  readonly registeredAt: EpochSeconds;
  /** When it last got or refreshed a token; absent until it first did, and such a client is forgotten soon. */
  readonly usedAt: EpochSeconds | undefined;
}

const mostRedirectUris = 32;
/** Characters of all of them: anybody may register, and what is registered is kept. */
const longestRedirectUris = 8192;
const longestName = 200;
const longestUrl = 2048;

/** Takes a text for a client id as it was presented; whether there is such a client is the store's to say. */
export function clientId(text: string): ClientId {
  return text as ClientId;
}

/**
 * Decides about a registration request. Whatever is not understood is ignored (RFC 7591 §2): real clients send a great deal. Only
 * what would make a client that cannot work, or an unsafe one, is refused.
 */
export function registerClient(
  metadata: ClientMetadata,
  issued: { readonly id: ClientId; readonly secret: string; readonly now: EpochSeconds },
): Result<Client, OAuthError> {
  const uris = checkedRedirectUris(metadata.redirectUris);
  if (!uris.ok) return failure(oauthError('invalid_redirect_uri', uris.failure));
  const method = metadata.tokenEndpointAuthMethod ?? 'client_secret_basic'; // RFC 7591 §2: the default
  if (!isMethod(method)) return failure(oauthError('invalid_client_metadata', unknownMethod));
  const keys = method === 'private_key_jwt' ? metadata.keys : undefined;
  const fault = unusableTypes(metadata) ?? missingKeys(method, keys) ?? keysFault(keys, false);
  if (fault !== undefined) return failure(oauthError('invalid_client_metadata', fault));
  const hasSecret = method === 'client_secret_basic' || method === 'client_secret_post';
  return success({
    id: issued.id,
    name: clientName(metadata.clientName),
    origin: 'registered',
    redirectUris: uris.value,
    method,
    secretHash: hasSecret ? sha256(issued.secret) : undefined,
    keys: keys && { source: keys, required: true },
    registeredAt: issued.now,
    usedAt: undefined,
  });
}

/** Every method, as the metadata lists them: those who take the first that they know get what they always got. */
export const tokenEndpointAuthMethods: readonly TokenEndpointAuthMethod[] = [
  'client_secret_basic',
  'client_secret_post',
  'none',
  'private_key_jwt',
];

const unknownMethod = `token_endpoint_auth_method must be one of ${tokenEndpointAuthMethods.join(', ')}.`;

function isMethod(method: string): method is TokenEndpointAuthMethod {
  return (tokenEndpointAuthMethods as readonly string[]).includes(method);
}

/** A client's name as it is kept. */
export function clientName(text: string | undefined): string | undefined {
  return text?.trim().slice(0, longestName) || undefined;
}

function missingKeys(
  method: TokenEndpointAuthMethod,
  keys: KeySource | undefined,
): string | undefined {
  return method === 'private_key_jwt' && keys === undefined
    ? 'private_key_jwt needs jwks or jwks_uri, and not both (RFC 7591 §2).'
    : undefined;
}

/** What is wrong with where a client's keys are. `insecure`: loopback over http will do, for tests. */
export function keysFault(keys: KeySource | undefined, insecure: boolean): string | undefined {
  if (keys === undefined) return undefined;
  if (keys.type === 'inline') return keys.keys.length > 0 ? undefined : 'jwks holds no public key.';
  const url = URL.canParse(keys.url) ? new URL(keys.url) : undefined;
  const usable = url?.protocol === 'https:' || (insecure && isLoopbackRedirect(keys.url));
  return usable && url?.username === '' && !keys.url.includes('#') && keys.url.length <= longestUrl
    ? undefined
    : 'jwks_uri must be an https URL without user information and fragment.';
}

/** The redirect URIs of a registration, all of them sound. */
export function checkedRedirectUris(
  texts: readonly string[],
): Result<readonly RedirectUri[], string> {
  if (texts.length === 0) return failure('redirect_uris must name at least one redirect URI.');
  if (texts.length > mostRedirectUris) {
    return failure(`redirect_uris may name at most ${mostRedirectUris} redirect URIs.`);
  }
  if (texts.join('').length > longestRedirectUris) {
    return failure(`redirect_uris may have ${longestRedirectUris} characters altogether.`);
  }
  const uris: RedirectUri[] = [];
  for (const text of texts) {
    const uri = redirectUri(text);
    if (!uri.ok) return uri;
    uris.push(uri.value);
  }
  return success(uris);
}

/** Refresh tokens are issued to every client, but one that does not want the code flow at all has come to the wrong place. */
export function unusableTypes(metadata: ClientMetadata): string | undefined {
  const { grantTypes, responseTypes } = metadata;
  if (namesOnlyOthersThan('authorization_code', grantTypes)) {
    return 'grant_types must include authorization_code: it is the flow that this server offers.';
  }
  if (namesOnlyOthersThan('code', responseTypes)) {
    return 'response_types must include code.';
  }
  return undefined;
}

/** An absent or empty list means the default (RFC 7591 §2). */
function namesOnlyOthersThan(type: string, listed: readonly string[] | undefined): boolean {
  return listed !== undefined && listed.length > 0 && !listed.includes(type);
}

/** The registered redirect URI that a presented one stands for; with none presented, the only one there is (RFC 6749 §3.1.2.3). */
export function provenRedirectUri(
  client: Client,
  presented: string | undefined,
): Result<RedirectUri, string> {
  if (presented === undefined) {
    const [only, ...others] = client.redirectUris;
    return only !== undefined && others.length === 0
      ? success(only)
      : failure('The client did not say where to return to (redirect_uri).');
  }
  const uri = redirectUri(presented);
  if (!uri.ok) return uri;
  return client.redirectUris.some((each) => sameRedirectUri(each, presented))
    ? uri
    : failure('The client asks to return to an address that it has not registered.');
}

/** The credentials that came with a request to /token, whichever way they came (RFC 6749 §2.3.1). */
export interface ClientCredentials {
  readonly id: ClientId;
  readonly secret: string | undefined;
}

/** A signed assertion that came with a request, in place of a secret (RFC 7523 §2.2). */
export interface PresentedAssertion {
  readonly assertion: string;
  /** The `client_id` beside it, which may be missing (RFC 7521 §4.2). */
  readonly id: ClientId | undefined;
  /** What its audience may be. */
  readonly audiences: readonly string[];
  /** The code or token that it came with: another request may not use it again. */
  readonly purpose: string;
}

/** Whether the credentials are this client's. A secret may come by either way: clients and libraries mix them up, and it proves the same. */
export function provesClient(client: Client, credentials: ClientCredentials): boolean {
  if (client.keys?.required) return false;
  if (client.secretHash === undefined) {
    // Some public clients send an empty secret along.
    return credentials.secret === undefined || credentials.secret === '';
  }
  return (
    credentials.secret !== undefined && sameHash(sha256(credentials.secret), client.secretHash)
  );
}
