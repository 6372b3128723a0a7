import {
  type EndReason,
  endGrant,
  keptUntil,
  type LiveGrant,
  type TokenPolicy,
} from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import { revocationOrder } from '../domain/upstream-revocation.ts';
import type { UpstreamTokens } from '../domain/upstream-tokens.ts';
import { readLiveGrant } from './live-grants.ts';
import type { Ports, Versioned } from './ports.ts';
import type { RevokeUpstream } from './revoke-upstream.ts';

/**
 * Ends a grant, whatever other writers do meanwhile: when it returns, no token of it works any more. With the upstream's tokens in hand the
 * same commit orders their revocation there, which then goes on in the background.
 */
export type EndGrant = (
  held: Versioned<LiveGrant>,
  reason: EndReason,
  tokens?: UpstreamTokens,
) => Promise<void>;

interface EndParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>;
  readonly revokeUpstream: RevokeUpstream;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** The end of a grant: a revocation, a replay, or the upstream's no. */
export function endGrantUseCase({ ports, revokeUpstream, keys, policy }: EndParts): EndGrant {
  return async (held, reason, tokens) => {
    const { id, clientId: client, subject } = held.value;
    const order = tokens && revocationOrder(tokens, id, ports.random.bytes(12), keys);
    let { version } = held;
    for (;;) {
      const ended = endGrant(held.value, reason, order, ports.clock.now());
      const outcome = await ports.store.grants.write(id, ended, version, keptUntil(ended, policy));
      if (outcome.type === 'written') {
        ports.events.emit({ type: 'grant_ended', grant: id, client, subject, reason });
        revokeUpstream({ value: ended, version: outcome.version });
        return;
      }
      const current = await readLiveGrant(ports, id);
      if (current === undefined) return; // another ended it, and said so
      version = current.version;
    }
  };
}
