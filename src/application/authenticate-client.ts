import {
  type Client,
  type ClientCredentials,
  provesClient,
} from '../domain/client-registration.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { Ports, Versioned } from './ports.ts';

/**
 * Finds the client that a request to /token comes from; `readings` are the ways in which its credentials can be read, in the order to be
 * tried. Unknown client and wrong secret are one answer, `invalid_client`, upon which clients register anew (RFC 6749 §5.2).
 */
export type AuthenticateClient = (
  readings: readonly ClientCredentials[],
) => Promise<Result<Versioned<Client>, OAuthError>>;

/** The use case that comes before every other at /token. */
export function authenticateClient(ports: Pick<Ports, 'store'>): AuthenticateClient {
  return async (readings) => {
    for (const credentials of readings) {
      const stored = await ports.store.clients.read(credentials.id);
      if (stored !== undefined && provesClient(stored.value, credentials)) return success(stored);
    }
    return notAuthenticated;
  };
}

const notAuthenticated = failure(
  oauthError(
    'invalid_client',
    'The client is not registered here, or its secret is wrong: register again.',
  ),
);
