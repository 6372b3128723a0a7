import {
  type EndReason,
  endGrant,
  keptUntil,
  type LiveGrant,
  type TokenPolicy,
} from '../domain/grant.ts';
import { readLiveGrant } from './live-grants.ts';
import type { Ports, Versioned } from './ports.ts';

/** Ends a grant, whatever other writers do meanwhile: when it returns, no token of it works any more. */
export type EndGrant = (held: Versioned<LiveGrant>, reason: EndReason) => Promise<void>;

/** The end of a grant on account of a replay, or of the upstream's no. */
export function endGrantUseCase(
  ports: Pick<Ports, 'clock' | 'store' | 'events'>,
  policy: TokenPolicy,
): EndGrant {
  return async (held, reason) => {
    const { id, clientId: client, subject } = held.value;
    let { version } = held;
    for (;;) {
      const ended = endGrant(held.value, reason, ports.clock.now());
      const outcome = await ports.store.grants.write(id, ended, version, keptUntil(ended, policy));
      if (outcome.type === 'written') break;
      const current = await readLiveGrant(ports, id);
      if (current === undefined) return; // another ended it, and said so
      version = current.version;
    }
    ports.events.emit({ type: 'grant_ended', grant: id, client, subject, reason });
  };
}
