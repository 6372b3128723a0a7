import { z } from 'zod';
import type { ClientMetadataDocument } from '../../domain/client-document.ts';
import { type ClientKey, keySource, publicKeys } from '../../domain/client-keys.ts';

/** Null and empty count as absent, and what is of another type is not understood: ignored, as RFC 7591 §2 says. */
const text = z
  .string()
  .nullish()
  .transform((value) => value || undefined)
  .catch(undefined);
const texts = z
  .array(z.string())
  .nullish()
  .transform((value) => value ?? undefined)
  .catch(undefined);

/** A JSON Web Key Set. */
export const keySet: z.ZodType<readonly ClientKey[]> = z
  .unknown()
  .transform(publicKeys)
  .pipe(z.custom<readonly ClientKey[]>(Array.isArray));

/** A Client ID Metadata Document. */
export const clientDocument: z.ZodType<ClientMetadataDocument> = z
  .object({
    client_id: z.string(),
    redirect_uris: z.array(z.string()),
    client_name: text,
    client_secret: z.unknown().optional(),
    grant_types: texts,
    response_types: texts,
    token_endpoint_auth_method: text,
    token_endpoint_auth_methods_supported: texts,
    jwks: z.unknown().optional(),
    jwks_uri: z.unknown().optional(),
  })
  .transform((document) => ({
    clientId: document.client_id,
    metadata: {
      redirectUris: document.redirect_uris,
      tokenEndpointAuthMethod: document.token_endpoint_auth_method,
      grantTypes: document.grant_types,
      responseTypes: document.response_types,
      clientName: document.client_name,
      keys: keySource(document.jwks, document.jwks_uri),
    },
    methodsOffered: document.token_endpoint_auth_methods_supported,
    hasSecret: (document.client_secret ?? undefined) !== undefined,
  }));
