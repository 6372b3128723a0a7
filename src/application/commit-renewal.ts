import type { LiveGrant, TokenPolicy, UpstreamState } from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import { sealedState, withSealedTokens } from '../domain/grant-upstream.ts';
import type { Scope } from '../domain/scope.ts';
import type { Sealed, SealingKey } from '../domain/sealing.ts';
import type { GrantId } from '../domain/token-pair.ts';
import { revocationOrder } from '../domain/upstream-revocation.ts';
import type { UpstreamTokens } from '../domain/upstream-tokens.ts';
import { readLiveGrant, writeGrant } from './live-grants.ts';
import type { OrderRevocation } from './order-revocation.ts';
import type { Ports, Versioned } from './ports.ts';

/** What the upstream gave for a grant, as the store will hold it. */
export interface SealedRenewal {
  readonly grant: GrantId;
  /** Sealed for the version after the one that they were asked for with: the record takes them as long as nobody brought others. */
  readonly state: UpstreamState;
  readonly scope: Scope | undefined;
  /** For the case that the grant has ended meanwhile: then nobody else could revoke these tokens. */
  readonly order: Sealed | undefined;
}

/** What became of it. */
export type CommittedRenewal =
  | { readonly type: 'committed'; readonly stored: Versioned<LiveGrant> }
  /** The record has other tokens, asked for with the same ones (a claim that ran out): those were given out, and stay. */
  | { readonly type: 'overtaken' }
  /** The grant has ended; its new tokens are to be revoked. */
  | { readonly type: 'refused' };

/** What a commit needs. */
export interface CommitParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>;
  readonly orderRevocation: OrderRevocation;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** Seals what the upstream gave. */
export function sealRenewal(
  { ports, keys }: CommitParts,
  { id, upstream }: LiveGrant,
  key: SealingKey,
  tokens: UpstreamTokens,
): SealedRenewal {
  const { random, clock } = ports;
  const version = upstream.version + 1;
  return {
    grant: id,
    state: sealedState(id, version, key, random.bytes(12), tokens, clock.now()),
    scope: tokens.scope,
    order: revocationOrder(tokens, id, random.bytes(12), keys),
  };
}

/**
 * Commits what the upstream gave, whatever other writers do meanwhile, and never by asking again. `from`: the grant as it was last known;
 * `also`: what else the same write changes.
 */
export async function commitRenewal(
  { ports, orderRevocation, policy }: CommitParts,
  from: Versioned<LiveGrant> | undefined,
  renewal: SealedRenewal,
  also: (grant: LiveGrant) => LiveGrant,
): Promise<CommittedRenewal> {
  const { grant: id, state, scope, order } = renewal;
  let current = from;
  while (current !== undefined) {
    if (current.value.upstream.version !== state.version - 1) return { type: 'overtaken' };
    const changed = also(withSealedTokens(current.value, state, scope));
    const stored = await writeGrant(ports, policy, current, changed);
    if (stored !== undefined) {
      ports.events.emit({ type: 'upstream_tokens_renewed', grant: id });
      return { type: 'committed', stored };
    }
    current = await readLiveGrant(ports, id);
  }
  await orderRevocation(id, order);
  return { type: 'refused' };
}
