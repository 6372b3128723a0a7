import {
  type EndReason,
  endGrant,
  keptUntil,
  type LiveGrant,
  type TokenPolicy,
} from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import { hasNewerTokens, tokensOfGrant } from '../domain/grant-upstream.ts';
import type { Sealed, SealingKey } from '../domain/sealing.ts';
import { revocationOrder } from '../domain/upstream-revocation.ts';
import { readLiveGrant } from './live-grants.ts';
import type { Ports, Versioned } from './ports.ts';
import type { RevokeUpstream } from './revoke-upstream.ts';

/**
 * Ends a grant, whatever other writers do meanwhile: when it returns, no token of it works any more. With the grant's sealing key in
 * hand the same commit orders the revocation of its newest tokens at the upstream, which then goes on in the background. False, and
 * nothing has changed: the reason was about upstream tokens that another has replaced meanwhile.
 */
export type EndGrant = (
  held: Versioned<LiveGrant>,
  reason: EndReason,
  key?: SealingKey,
) => Promise<boolean>;

interface EndParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>;
  readonly revokeUpstream: RevokeUpstream;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** The end of a grant: a revocation, a replay, or the upstream's no. */
export function endGrantUseCase(parts: EndParts): EndGrant {
  const { ports, revokeUpstream, policy } = parts;
  return async (held, reason, key) => {
    const { id, clientId: client, subject } = held.value;
    let { value, version } = held;
    for (;;) {
      const ended = endGrant(value, reason, orderFor(parts, value, key), ports.clock.now());
      const outcome = await ports.store.grants.write(id, ended, version, keptUntil(ended, policy));
      if (outcome.type === 'written') {
        ports.events.emit({ type: 'grant_ended', grant: id, client, subject, reason });
        revokeUpstream({ value: ended, version: outcome.version });
        return true;
      }
      const current = await readLiveGrant(ports, id);
      if (current === undefined) return true; // another ended it, and said so
      if (isAboutUpstream(reason) && hasNewerTokens(current.value, held.value)) return false;
      // With the tokens that the other writer may have brought.
      ({ value, version } = current);
    }
  };
}

function isAboutUpstream(reason: EndReason): boolean {
  return reason === 'upstream_refused' || reason === 'upstream_changed';
}

function orderFor(
  { ports, keys }: EndParts,
  grant: LiveGrant,
  key: SealingKey | undefined,
): Sealed | undefined {
  const tokens = key && tokensOfGrant(grant, key);
  return tokens && revocationOrder(tokens, grant.id, ports.random.bytes(12), keys);
}
