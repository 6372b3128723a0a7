import type { ClientMetadataDocument } from './client-document.ts';
import { keySource } from './client-keys.ts';
import type { ClientMetadata } from './client-registration.ts';

/**
 * The client metadata in parsed JSON (RFC 7591 §2), from a registration request or a document: null and empty count as absent, and what is of
 * another type is not understood and ignored. `undefined` where it is no object with a list of redirect URIs.
 */
export function clientMetadata(json: unknown): ClientMetadata | undefined {
  if (!isObject(json)) return undefined;
  const redirectUris = textsIn(json.redirect_uris);
  if (redirectUris === undefined) return undefined;
  return {
    redirectUris,
    tokenEndpointAuthMethod: textIn(json.token_endpoint_auth_method),
    grantTypes: textsIn(json.grant_types),
    responseTypes: textsIn(json.response_types),
    clientName: textIn(json.client_name),
    keys: keySource(json.jwks, json.jwks_uri),
  };
}

/** The Client ID Metadata Document in parsed JSON; `undefined` where it is none. */
export function clientMetadataDocument(json: unknown): ClientMetadataDocument | undefined {
  const metadata = clientMetadata(json);
  if (metadata === undefined || !isObject(json) || typeof json.client_id !== 'string') {
    return undefined;
  }
  return {
    clientId: json.client_id,
    metadata,
    methodsOffered: textsIn(json.token_endpoint_auth_methods_supported),
    hasSecret: (json.client_secret ?? undefined) !== undefined,
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function textsIn(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
    ? value
    : undefined;
}
