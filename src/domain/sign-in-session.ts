import type { Subject } from './grant.ts';
import type { GatewayKeys } from './grant-keys.ts';
import { type EpochSeconds, epochSeconds, isExpired } from './lifetime.ts';
import { deriveKey, type Sealed, type SealingKey, seal, unseal } from './sealing.ts';

/**
 * A sign-in that a browser remembers: who, and until when, sealed under a key of its own that follows from the gateway's. It spares the
 * password, never the consent. Nothing is stored: a new gateway key ends every session.
 */
export function sealSession(
  subject: Subject,
  until: EpochSeconds,
  nonce: Uint8Array,
  keys: GatewayKeys,
): Sealed {
  return seal(sessionKey(keys.current), nonce, JSON.stringify({ subject, until }), context);
}

/** Who a session is for; `undefined` where it has ended, or was not made here. */
export function openSession(
  session: string,
  keys: GatewayKeys,
  now: EpochSeconds,
): Subject | undefined {
  for (const key of [keys.current, ...keys.previous]) {
    const opened = unseal(sessionKey(key), session as Sealed, context);
    if (opened === undefined) continue;
    // Authenticated: these are the very bytes that sealSession wrote.
    const { subject, until } = JSON.parse(Buffer.from(opened).toString()) as SessionContent;
    return isExpired(epochSeconds(until), now) ? undefined : subject;
  }
  return undefined;
}

interface SessionContent {
  readonly subject: Subject;
  readonly until: number;
}

const context = 'session';

function sessionKey(key: SealingKey): SealingKey {
  return deriveKey(key, '', context);
}
