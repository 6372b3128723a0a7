import { z } from 'zod';
import type { RegisterClient, RegisteredClient } from '../../application/register-client.ts';
import type { ClientMetadata } from '../../domain/client-registration.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import { sendJson, sendOAuthError } from './answers.ts';
import { refuseBody } from './parameters.ts';
import { readBody } from './request-body.ts';
import type { Handle } from './router.ts';

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

const clientMetadata: z.ZodType<ClientMetadata> = z
  .object({
    redirect_uris: z.array(z.string()),
    token_endpoint_auth_method: text,
    grant_types: texts,
    response_types: texts,
    client_name: text,
  })
  .transform((metadata) => ({
    redirectUris: metadata.redirect_uris,
    tokenEndpointAuthMethod: metadata.token_endpoint_auth_method,
    grantTypes: metadata.grant_types,
    responseTypes: metadata.response_types,
    clientName: metadata.client_name,
  }));

/** POST /register (RFC 7591 §3). */
export function registrationEndpoint(register: RegisterClient): Handle {
  return async (request, response) => {
    // A page of a browser can send any other type to a gateway on its user's computer without asking first (Fetch, "CORS-safelisted").
    if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(request.headers['content-type'] ?? '')) {
      return sendOAuthError(response, notJson);
    }
    const body = await readBody(request);
    if (!body.ok) return refuseBody(response, body.failure);
    const metadata = clientMetadata.safeParse(parsedJson(body.value));
    if (!metadata.success) return sendOAuthError(response, notMetadata);
    const registered = await register(metadata.data);
    if (registered.ok) sendJson(response, 201, registrationResponse(registered.value));
    else sendOAuthError(response, registered.failure);
  };
}

const notJson = oauthError(
  'invalid_client_metadata',
  'The body must be JSON: Content-Type: application/json (RFC 7591 §3.1).',
);
const notMetadata = oauthError(
  'invalid_client_metadata',
  'The body must be a JSON object whose redirect_uris is an array of strings (RFC 7591 §2).',
);

function parsedJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** RFC 7591 §3.2.1, as granted. Real values only: strict clients refuse a null or an empty string. */
function registrationResponse({ client, secret }: RegisteredClient) {
  return {
    client_id: client.id,
    client_id_issued_at: client.registeredAt,
    ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
    ...(client.name !== undefined && { client_name: client.name }),
    redirect_uris: client.redirectUris,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: client.method,
  };
}
