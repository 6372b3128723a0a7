import {
  type ClientCredentials,
  clientId,
  type PresentedAssertion,
  provesClient,
} from '../domain/client-registration.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { CheckAssertion } from './check-assertion.ts';
import type { ClientFault, FindClient, KnownClient } from './find-client.ts';
import type { Ports } from './ports.ts';

/**
 * Finds the client that a request to /token comes from: by a signed assertion, or by credentials, in the ways in which they can be read, in
 * the order to be tried. Unknown client and wrong secret are one answer, `invalid_client`, upon which clients register anew (RFC 6749
 * §5.2); that a client's document or keys cannot be had just now is not.
 */
export type AuthenticateClient = (
  presented: readonly ClientCredentials[] | PresentedAssertion,
) => Promise<Result<KnownClient, OAuthError>>;

/** The use case that comes before every other at /token. */
export function authenticateClient(
  ports: Pick<Ports, 'assertions' | 'events'>,
  find: FindClient,
  check: CheckAssertion,
): AuthenticateClient {
  return async (presented) => {
    const outcome = await ('assertion' in presented
      ? byAssertion(ports, find, check, presented)
      : byCredentials(find, presented));
    if (outcome.ok) return outcome;
    const { client, reason, error } = outcome.failure;
    ports.events.emit({ type: 'client_refused', client, reason });
    return failure(error);
  };
}

interface Refusal {
  readonly client: string | undefined;
  /** For the operator. */
  readonly reason: string;
  readonly error: OAuthError;
}

async function byCredentials(
  find: FindClient,
  readings: readonly ClientCredentials[],
): Promise<Result<KnownClient, Refusal>> {
  let refusal: Refusal = {
    client: readings[0]?.id,
    reason: 'unknown client or wrong secret',
    error: notAuthenticated,
  };
  for (const credentials of readings) {
    const found = await find(credentials.id);
    if (!found.ok) refusal = faulty(credentials.id, found.failure);
    else if (found.value && provesClient(found.value.value, credentials)) {
      return success(found.value);
    }
  }
  return failure(refusal);
}

async function byAssertion(
  { assertions }: Pick<Ports, 'assertions'>,
  find: FindClient,
  check: CheckAssertion,
  presented: PresentedAssertion,
): Promise<Result<KnownClient, Refusal>> {
  const read = assertions.read(presented.assertion);
  if (read === undefined) return badAssertion(presented.id, 'it is no signed JWT');
  const id = presented.id ?? clientId(read.subject);
  const found = await find(id);
  if (!found.ok) return failure(faulty(id, found.failure));
  if (found.value === undefined) return badAssertion(id, 'its client is unknown');
  const checked = await check(found.value.value, presented, read);
  if (checked.ok) return success(found.value);
  const { kind, reason } = checked.failure;
  return kind === 'refused'
    ? badAssertion(id, reason)
    : failure({ client: id, reason, error: comeBack(keysAway) });
}

function faulty(client: string, { kind, sentence }: ClientFault): Refusal {
  const error = kind === 'refused' ? oauthError('invalid_client', sentence) : comeBack(sentence);
  return { client, reason: sentence, error };
}

function comeBack(sentence: string): OAuthError {
  return oauthError('temporarily_unavailable', sentence, 10);
}

const keysAway = 'The keys of the client cannot be fetched just now: try again in a minute.';

/** One text for every cause: the cause is for the operator. */
function badAssertion(client: string | undefined, reason: string): Result<never, Refusal> {
  return failure({ client, reason: `assertion: ${reason}`, error: assertionRefused });
}

const assertionRefused = oauthError(
  'invalid_client',
  'The client assertion is not accepted (RFC 7523 §3): iss and sub, aud, exp, jti and the signature have to be right.',
);

const notAuthenticated = oauthError(
  'invalid_client',
  'The client is not registered here, or its secret is wrong: register again.',
);
