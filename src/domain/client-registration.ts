import type { Brand } from './brand.ts';
import type { EpochSeconds } from './lifetime.ts';
import { type OAuthError, oauthError } from './oauth-error.ts';
import { type RedirectUri, redirectUri, sameRedirectUri } from './redirect-uri.ts';
import { failure, type Result, success } from './result.ts';
import { type Sha256, sameHash, sha256 } from './secret-hash.ts';

/** The public name of a client. */
export type ClientId = Brand<string, 'ClientId'>;

/** How a client proves at /token who it is (RFC 7591 §2). */
export type TokenEndpointAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post';

/** The client metadata that a registration request may hold (RFC 7591 §2), as parsed: any member may be missing. */
export interface ClientMetadata {
  readonly redirectUris: readonly string[];
  readonly tokenEndpointAuthMethod: string | undefined;
  readonly grantTypes: readonly string[] | undefined;
  readonly responseTypes: readonly string[] | undefined;
  readonly clientName: string | undefined;
}

/** A registered client. */
export interface Client {
  readonly id: ClientId;
  readonly name: string | undefined;
  readonly redirectUris: readonly RedirectUri[];
  readonly method: TokenEndpointAuthMethod;
  /** Absent for a public client. */
  readonly secretHash: Sha256 | undefined;
  readonly registeredAt: EpochSeconds;
  /** When it last got or refreshed a token; absent until it first did, and such a client is forgotten soon. */
  readonly usedAt: EpochSeconds | undefined;
}

const mostRedirectUris = 32;
/** Characters of all of them: anybody may register, and what is registered is kept. */
const longestRedirectUris = 8192;
const longestName = 200;

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
  const fault = unusableTypes(metadata);
  if (fault !== undefined) return failure(oauthError('invalid_client_metadata', fault));
  return success({
    id: issued.id,
    name: metadata.clientName?.trim().slice(0, longestName) || undefined,
    redirectUris: uris.value,
    method,
    secretHash: method === 'none' ? undefined : sha256(issued.secret),
    registeredAt: issued.now,
    usedAt: undefined,
  });
}

const unknownMethod =
  'token_endpoint_auth_method must be none, client_secret_basic or client_secret_post.';

function isMethod(method: string): method is TokenEndpointAuthMethod {
  return method === 'none' || method === 'client_secret_basic' || method === 'client_secret_post';
}

function checkedRedirectUris(texts: readonly string[]): Result<readonly RedirectUri[], string> {
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
function unusableTypes(metadata: ClientMetadata): string | undefined {
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

/** Whether the credentials are this client's. A secret may come by either way: clients and libraries mix them up, and it proves the same. */
export function provesClient(client: Client, credentials: ClientCredentials): boolean {
  if (client.secretHash === undefined) {
    // Some public clients send an empty secret along.
    return credentials.secret === undefined || credentials.secret === '';
  }
  return (
    credentials.secret !== undefined && sameHash(sha256(credentials.secret), client.secretHash)
  );
}
