import {
  type Client,
  type ClientMetadata,
  clientId,
  clientName,
  keysFault,
  unusableTypes,
} from './client-registration.ts';
import type { EpochSeconds } from './lifetime.ts';
import { type RedirectUri, redirectUri } from './redirect-uri.ts';
import { failure, type Result, success } from './result.ts';

/** A Client ID Metadata Document as parsed (draft-ietf-oauth-client-id-metadata-document §4.1). */
export interface ClientMetadataDocument {
  readonly clientId: string;
  readonly metadata: ClientMetadata;
  /** `token_endpoint_auth_methods_supported`: what the client can do besides what it prefers (OpenID Connect RP Metadata Choices). */
  readonly methodsOffered: readonly string[] | undefined;
  /** Whether it holds a `client_secret`, which a public document must not. */
  readonly hasSecret: boolean;
}

/** What the operator admits. */
export interface DocumentPolicy {
  /** Only for tests: documents at http URLs on loopback too. */
  readonly insecure: boolean;
  /** Host names, `*.` before one for those below it; absent: all. */
  readonly domains: readonly string[] | undefined;
}

const longestUrl = 2048;
const loopbackHosts = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether a client id is the URL of a document, and no name that was given at a registration. */
export function isDocumentUrl(id: string, { insecure }: DocumentPolicy): boolean {
  return id.startsWith('https://') || (insecure && id.startsWith('http://'));
}

/** What is wrong with a client id as the URL of a document (§3), as a sentence; `undefined` where nothing is. */
export function documentUrlFault(id: string, policy: DocumentPolicy): string | undefined {
  if (id.length > longestUrl) return `A client id has at most ${longestUrl} characters.`;
  if (id.includes('#')) return 'A client id that is a URL must not have a fragment.';
  const url = URL.canParse(id) ? new URL(id) : undefined;
  // Where the normal form differs, there are dot segments, an idle port, capitals in the host: two spellings of one document.
  if (url?.href !== id) return 'A client id that is a URL must be written in its normal form.';
  if (url.username !== '' || url.password !== '') {
    return 'A client id that is a URL must not have user information.';
  }
  if (url.protocol === 'http:' && !loopbackHosts.test(url.hostname)) {
    return 'A client id that is a URL must be https.';
  }
  if (url.pathname === '/') return 'A client id that is a URL must have a path.';
  if (!isAdmitted(url.hostname, policy.domains)) {
    return `The operator of this gateway does not admit clients of ${url.hostname}.`;
  }
  return undefined;
}

/**
 * What is wrong with a URL that a client says its keys are at, as a sentence; `undefined` where nothing is. The rules are those for documents,
 * and there are no others: it is a fetch for a stranger all the same.
 */
export function keyUrlFault(
  text: string,
  policy: DocumentPolicy | undefined,
  ownOrigin: string,
): string | undefined {
  if (policy === undefined) return 'This gateway fetches nothing for clients: register jwks.';
  const { hostname, origin } = new URL(text);
  if (origin === ownOrigin) return 'The keys of a client cannot be on this gateway.';
  return isAdmitted(hostname, policy.domains)
    ? undefined
    : `The operator of this gateway does not admit keys of ${hostname}.`;
}

function isAdmitted(host: string, domains: readonly string[] | undefined): boolean {
  return (
    domains === undefined ||
    domains.some((each) => (each.startsWith('*.') ? host.endsWith(each.slice(1)) : host === each))
  );
}

/** The client that a document describes; a sentence where it describes none that could be let in. */
export function documentClient(
  url: string,
  document: ClientMetadataDocument,
  now: EpochSeconds,
  { insecure }: DocumentPolicy,
): Result<Client, string> {
  const { metadata } = document;
  // Simple string comparison (RFC 3986 §6.2.1).
  if (document.clientId !== url) return failure('its client_id is not the URL it was found at');
  if (document.hasSecret) return failure('it holds a client_secret, for everybody to read');
  const name = clientName(metadata.clientName);
  if (name === undefined) return failure('it has no client_name');
  const redirectUris = usable(metadata.redirectUris);
  if (redirectUris.length === 0) return failure('it has no redirect URI that may be used');
  const types = unusableTypes(metadata);
  if (types !== undefined) return failure(types);
  const way = wayToProve(document, insecure);
  if (!way.ok) return way;
  return success({
    id: clientId(url),
    name,
    origin: 'document',
    redirectUris,
    ...way.value,
    secretHash: undefined,
    registeredAt: now,
    usedAt: undefined,
  });
}

/** The others are left out: a document is written for every server there is, and one that this server refuses harms no other. */
function usable(texts: readonly string[]): readonly RedirectUri[] {
  return texts.flatMap((text) => {
    const uri = redirectUri(text);
    return uri.ok ? [uri.value] : [];
  });
}

/** Of what the client prefers and what it offers, what needs no shared secret: nobody could keep one (§4.1). */
function wayToProve(
  { metadata, methodsOffered }: ClientMetadataDocument,
  insecure: boolean,
): Result<Pick<Client, 'method' | 'keys'>, string> {
  const { tokenEndpointAuthMethod: preferred, keys } = metadata;
  // Not RFC 7591's default: client_secret_basic is what a document cannot have.
  const methods = [...(methodsOffered ?? []), ...(preferred ? [preferred] : [])];
  const isPublic = methods.length === 0 || methods.includes('none');
  if (!methods.includes('private_key_jwt')) {
    return isPublic
      ? success({ method: 'none', keys: undefined })
      : failure('token_endpoint_auth_method must be none or private_key_jwt');
  }
  const fault = keysFault(keys, insecure);
  if (fault === undefined && keys !== undefined) {
    return success({ method: 'private_key_jwt', keys: { source: keys, required: !isPublic } });
  }
  return isPublic
    ? success({ method: 'none', keys: undefined })
    : failure(fault ?? 'private_key_jwt needs jwks or jwks_uri');
}
