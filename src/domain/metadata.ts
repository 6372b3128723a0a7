import { assertionAlgorithms } from './client-keys.ts';
import { tokenEndpointAuthMethods } from './client-registration.ts';
import { mcpUrl, pathPrefix } from './gateway-address.ts';

/** What the gateway publishes about itself as a protected resource (RFC 9728 §2). */
export interface ProtectedResourceMetadata extends RelayedMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly bearer_methods_supported: readonly string[];
  readonly resource_name: string;
}

/** What of that metadata is the upstream's own word, relayed; what it does not say is left out. */
export interface RelayedMetadata {
  readonly scopes_supported?: readonly string[] | undefined;
  readonly resource_documentation?: string | undefined;
  readonly resource_policy_uri?: string | undefined;
  readonly resource_tos_uri?: string | undefined;
}

/** What the gateway publishes about itself as an authorization server (RFC 8414 §2). */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  /** Absent where the operator does not let clients register themselves. */
  readonly registration_endpoint?: string;
  readonly revocation_endpoint: string;
  readonly introspection_endpoint?: string;
  readonly response_types_supported: readonly string[];
  readonly response_modes_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly client_id_metadata_document_supported: boolean;
  readonly code_challenge_methods_supported: readonly string[];
  readonly authorization_response_iss_parameter_supported: boolean;
}

/**
 * The resource metadata for the well-known path a client asked (RFC 9728 §3.1): `resource` mirrors the path form, since clients compare
 * it with the URL their user typed; the root form carries the MCP URL for clients that know no other.
 */
export function protectedResourceMetadata(
  base: string,
  pathForm: '' | '/mcp' | '/mcp/',
  relayed: RelayedMetadata,
): ProtectedResourceMetadata {
  return {
    resource: pathForm === '/mcp/' ? `${mcpUrl(base)}/` : mcpUrl(base),
    authorization_servers: [base],
    bearer_methods_supported: ['header'],
    resource_name: 'MCP OAuth Gateway',
    ...relayed,
  };
}

/** Where the metadata of the resource is, for the path a request came on (RFC 9728 §3.1 inserts the well-known part before it). */
export function protectedResourceMetadataUrl(base: string, path: string): string {
  return `${new URL(base).origin}/.well-known/oauth-protected-resource${pathPrefix(base)}${path}`;
}

/** What an authorization server's metadata depends on. */
export interface ServerFeatures {
  readonly introspection: boolean;
  /** Whether clients may register themselves (RFC 7591). */
  readonly registration: boolean;
  /** Whether a client id may be the URL of a Client ID Metadata Document. */
  readonly clientDocuments: boolean;
}

/** The authorization server metadata; `issuer` is the base URL without a trailing slash, the same string everywhere. */
export function authorizationServerMetadata(
  base: string,
  { introspection, registration, clientDocuments }: ServerFeatures,
): AuthorizationServerMetadata {
  return {
    issuer: base,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    ...(registration && { registration_endpoint: `${base}/register` }),
    revocation_endpoint: `${base}/revoke`,
    ...(introspection && { introspection_endpoint: `${base}/introspect` }),
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: tokenEndpointAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: tokenEndpointAuthMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    client_id_metadata_document_supported: clientDocuments,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  };
}

/** The public half of a key (RFC 7517 §4). */
export type PublicKey = Readonly<Record<string, unknown>>;

/** What the gateway publishes about itself as a client of its upstream (Client ID Metadata Document, RFC 7591 §2). */
export interface ClientDocument {
  readonly client_id: string;
  readonly client_name: string;
  readonly redirect_uris: readonly string[];
  readonly grant_types: readonly string[];
  readonly response_types: readonly string[];
  readonly token_endpoint_auth_method: string;
  readonly application_type: 'web';
  readonly jwks?: { readonly keys: readonly PublicKey[] };
}

/** Where the client document is, below the public URL. */
export const clientDocumentPath = '/oauth/client-metadata.json';

/** Where that document is; it is of use only where an upstream can read it, on public https. `undefined`: nowhere. */
export function clientDocumentUrl(publicUrl: string | undefined): string | undefined {
  return publicUrl?.startsWith('https:') ? `${publicUrl}${clientDocumentPath}` : undefined;
}

/** Whether a server anywhere could read this URL, as far as its host says: a name of this machine or of a network of its own is none of theirs. */
export function isReadableOutside(url: string): boolean {
  const { hostname } = new URL(url);
  if (hostname.startsWith('[')) return !ownAddress6.test(hostname);
  return hostname.includes('.') && !ownName.test(hostname) && !ownAddress4.test(hostname);
}

// RFC 6761 §6, RFC 6762 §3, RFC 8375 §4; `internal` is reserved by ICANN.
const ownName = /\.(?:localhost|local|internal|lan|test|home\.arpa)$/;
// RFC 6890 §2.2.2: this machine and networks of one's own; RFC 6598 those of a carrier.
const ownAddress4 =
  /^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))(?:\.\d+)+$/;
const ownAddress6 = /^\[(?:::1?\]|f[cd]|fe[89ab])/;

/** The document; with a key the gateway signs for itself, without one it is a public client. */
export function clientDocument(
  url: string,
  name: string,
  redirectUri: string,
  key: PublicKey | undefined,
): ClientDocument {
  return {
    client_id: url,
    client_name: name,
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: key === undefined ? 'none' : 'private_key_jwt',
    application_type: 'web',
    ...(key && { jwks: { keys: [key] } }),
  };
}
