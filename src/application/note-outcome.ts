import type { TokenPolicy } from '../domain/grant.ts';
import type { TokenAnswer } from '../domain/grant-rotation.ts';
import type { OAuthError } from '../domain/oauth-error.ts';
import type { Result } from '../domain/result.ts';
import type { GrantId } from '../domain/token-pair.ts';
import type { KnownClient } from './find-client.ts';
import type { Ports } from './ports.ts';
import { noteUse } from './register-client.ts';

/** What every answer of /token leaves behind: a client in use stays registered, and a refusal is told to the operator. */
export async function noteOutcome(
  ports: Pick<Ports, 'clock' | 'store' | 'events'>,
  policy: TokenPolicy,
  client: KnownClient,
  grant: GrantId | undefined,
  answer: Result<TokenAnswer, OAuthError>,
): Promise<void> {
  if (answer.ok) return tryNoteUse(ports, policy, client);
  const { error } = answer.failure;
  ports.events.emit({ type: 'token_refused', grant, client: client.value.id, error });
}

/** Bookkeeping only: what has been committed is not taken back because of it. */
async function tryNoteUse(
  ports: Pick<Ports, 'clock' | 'store' | 'events'>,
  policy: TokenPolicy,
  client: KnownClient,
): Promise<void> {
  try {
    await noteUse(ports, client, policy);
  } catch (error) {
    ports.events.emit({ type: 'internal_error', reason: `use not noted: ${String(error)}` });
  }
}
