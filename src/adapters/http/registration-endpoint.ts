import type { RegisterClient, RegisteredClient } from '../../application/register-client.ts';
import type { KeySource } from '../../domain/client-keys.ts';
import { clientMetadata } from '../../domain/client-metadata.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import { sendJson, sendOAuthError } from './answers.ts';
import { shallowJson } from './json-body.ts';
import { refuseBody } from './parameters.ts';
import { bodyLimits, readBody } from './request-body.ts';
import { notesOf } from './request-notes.ts';
import type { Handle } from './router.ts';
import { senderOf } from './sender.ts';

/** POST /register (RFC 7591 §3). */
export function registrationEndpoint(register: RegisterClient): Handle {
  return async (request, response) => {
    // A page of a browser can send any other type to a gateway on its user's computer without asking first (Fetch, "CORS-safelisted").
    if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(request.headers['content-type'] ?? '')) {
      return sendOAuthError(response, notJson);
    }
    const body = await readBody(request, bodyLimits.registration);
    if (!body.ok) return refuseBody(response, body.failure);
    const metadata = clientMetadata(shallowJson(body.value));
    if (metadata === undefined) return sendOAuthError(response, notMetadata);
    const registered = await register(metadata, senderOf(notesOf(response).caller?.address));
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
  'The body must be a JSON object, not deeply nested, whose redirect_uris is an array of strings (RFC 7591 §2).',
);

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
    ...keysOf(client.keys?.source),
  };
}

function keysOf(source: KeySource | undefined) {
  if (source === undefined) return {};
  return source.type === 'url' ? { jwks_uri: source.url } : { jwks: { keys: source.keys } };
}
