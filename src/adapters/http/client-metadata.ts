import { z } from 'zod';
import { keySource } from '../../domain/client-keys.ts';
import type { ClientMetadata } from '../../domain/client-registration.ts';

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

/** What a registration request says of a client (RFC 7591 §2). */
export const clientMetadata: z.ZodType<ClientMetadata> = z
  .object({
    redirect_uris: z.array(z.string()),
    token_endpoint_auth_method: text,
    grant_types: texts,
    response_types: texts,
    client_name: text,
    jwks: z.unknown().optional(),
    jwks_uri: z.unknown().optional(),
  })
  .transform((metadata) => ({
    redirectUris: metadata.redirect_uris,
    tokenEndpointAuthMethod: metadata.token_endpoint_auth_method,
    grantTypes: metadata.grant_types,
    responseTypes: metadata.response_types,
    clientName: metadata.client_name,
    keys: keySource(metadata.jwks, metadata.jwks_uri),
  }));
