import { keptUntil, type TokenPolicy } from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import type { Sealed } from '../domain/sealing.ts';
import type { GrantId } from '../domain/token-pair.ts';
import { withLateOrder } from '../domain/upstream-revocation.ts';
import type { Ports } from './ports.ts';
import type { RevokeUpstream } from './revoke-upstream.ts';

/**
 * Orders the revocation of upstream tokens that came for a grant which had ended, for whatever reason: only who asked for them knows them. A
 * grant that is forgotten by now takes no order.
 */
export type OrderRevocation = (grant: GrantId, order: Sealed | undefined) => Promise<void>;

interface OrderParts {
  readonly ports: Pick<Ports, 'random' | 'store'>;
  readonly revokeUpstream: RevokeUpstream;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** The order beside the end of a grant, and after it. */
export function orderRevocation(parts: OrderParts): OrderRevocation {
  const { ports, revokeUpstream, keys, policy } = parts;
  return async (id, order) => {
    for (;;) {
      const stored = await ports.store.grants.read(id);
      if (stored?.value.state !== 'ended') return;
      const ended = withLateOrder(stored.value, order, ports.random.bytes(12), keys);
      const until = keptUntil(ended, policy);
      const outcome = await ports.store.grants.write(id, ended, stored.version, until);
      if (outcome.type !== 'written') continue;
      revokeUpstream({ value: ended, version: outcome.version });
      return;
    }
  };
}
