import {
  type EndedGrant,
  keptUntil,
  type TokenPolicy,
  withoutRevocation,
} from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import { isExpired } from '../domain/lifetime.ts';
import type { GrantId } from '../domain/token-pair.ts';
import { isBoundTo } from '../domain/upstream-request.ts';
import { orderedRevocations, type RevocationOrder } from '../domain/upstream-revocation.ts';
import type { Upstream } from '../domain/upstream-server.ts';
import { reasonOf } from '../domain/upstream-tokens.ts';
import type { Ports, Versioned } from './ports.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

/** Carries out what a grant's end ordered at the upstream (RFC 7009), in the background: nobody waits for it, and it tries for as long as the order is kept. */
export type RevokeUpstream = (ended: Versioned<EndedGrant>) => void;

/** The orders of revocation that this process is at. */
export interface UpstreamRevocations {
  readonly begin: RevokeUpstream;
  /**
   * Takes up the orders that are in the store and nobody may be at: those from before a restart, and of a process that is gone. Looks again from
   * time to time; resolves when it is stopped. Where two processes take up the same order, the upstream hears twice of a token that is gone, which
   * is no error (RFC 7009 §2.2).
   */
  takeUp(): Promise<void>;
  /** Begins no other try; what is not done stays in the store. */
  stop(): void;
}

interface RevokeUpstreamParts {
  readonly ports: Pick<Ports, 'clock' | 'store' | 'authorizationServer' | 'events'>;
  readonly upstream: Pick<KnownUpstream, 'resolveFor'>;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
  /** Off where the operator says so: revoking one token may end the user's other grants too. */
  readonly enabled: boolean;
}

/** What came of a try; `more`: another order was written meanwhile. */
type Attempt =
  | { readonly type: 'done' | 'later' }
  | { readonly type: 'more'; readonly ended: Versioned<EndedGrant> };

/** The background work behind every end of a grant. */
export function revokeUpstream(parts: RevokeUpstreamParts): UpstreamRevocations {
  return new Revocations(parts);
}

class Revocations implements UpstreamRevocations {
  readonly #parts: RevokeUpstreamParts;
  readonly #underWay = new Set<GrantId>();
  #isStopped = false;

  constructor(parts: RevokeUpstreamParts) {
    this.#parts = parts;
  }

  readonly begin = (ended: Versioned<EndedGrant>): void => {
    const { id, revocation } = ended.value;
    if (revocation === undefined || this.#underWay.has(id)) return;
    this.#underWay.add(id);
    void this.#carryOut(ended).then(() => this.#underWay.delete(id));
  };

  async takeUp(): Promise<void> {
    const { ports } = this.#parts;
    while (!this.#isStopped) {
      const isSeen = await this.#beginAll();
      await ports.clock.sleep(isSeen ? pauseBetweenLooks : pauseWithoutStore);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** False where the store could not be read to its end. */
  async #beginAll(): Promise<boolean> {
    try {
      for await (const { value, version } of this.#parts.ports.store.grants.scan()) {
        if (this.#isStopped) return true;
        if (value.state === 'ended') this.begin({ value, version });
      }
      return true;
    } catch {
      return false;
    }
  }

  async #carryOut(ended: Versioned<EndedGrant>): Promise<void> {
    const { ports, policy } = this.#parts;
    const until = keptUntil(ended.value, policy);
    let current = ended;
    for (let pause = 1000; !isExpired(until, ports.clock.now()); ) {
      if (this.#isStopped) return;
      const tried = await attempt(this.#parts, current);
      if (tried.type === 'done') return;
      if (tried.type === 'more') {
        current = tried.ended;
        continue;
      }
      await ports.clock.sleep(pause);
      pause = nextPause(pause);
    }
  }
}

/** How long until the store is looked through again, in milliseconds: an order is kept for a day. */
const pauseBetweenLooks = 3_600_000;
const pauseWithoutStore = 60_000;

const longestPause = 15 * 60_000; // milliseconds

function nextPause(pause: number): number {
  return Math.min(4 * pause, longestPause);
}

/** One try; the store being out of reach is a reason to try again like any other. */
async function attempt(parts: RevokeUpstreamParts, ended: Versioned<EndedGrant>): Promise<Attempt> {
  try {
    if (!(await isAllRevoked(parts, ended.value))) return { type: 'later' };
    const { ports, policy } = parts;
    const done = withoutRevocation(ended.value);
    const until = keptUntil(done, policy);
    const outcome = await ports.store.grants.write(done.id, done, ended.version, until);
    if (outcome.type === 'written') return { type: 'done' };
    // Another did the same, or had tokens that came too late for the first order.
    const now = await ports.store.grants.read(done.id);
    if (now?.value.state !== 'ended' || now.value.revocation === undefined) return { type: 'done' };
    return { type: 'more', ended: { value: now.value, version: now.version } };
  } catch {
    return { type: 'later' };
  }
}

/** False where the upstream is to be asked again. */
async function isAllRevoked(parts: RevokeUpstreamParts, ended: EndedGrant): Promise<boolean> {
  const { ports, keys, enabled } = parts;
  const order = orderedRevocations(ended, keys);
  if (!enabled || order === undefined) return true;
  const resolved = await parts.upstream.resolveFor(order.binding);
  if (!resolved.ok) return false;
  const upstream = resolved.value;
  const endpoint = endpointFor(upstream, order);
  if (endpoint === undefined) return true;
  let accepted = 0;
  for (const token of order.tokens) {
    const revoked = await ports.authorizationServer.revokeToken(upstream, endpoint, token);
    if (revoked.ok) accepted += 1;
    if (revoked.ok) continue;
    const reason = `revocation: ${reasonOf(revoked.failure)}`;
    ports.events.emit({ type: 'upstream_failed', flow: undefined, grant: ended.id, reason });
    if (revoked.failure.kind === 'unavailable') return false;
  }
  if (accepted > 0) ports.events.emit({ type: 'upstream_revoked', grant: ended.id });
  return true;
}

/** Another server, or another client: the tokens are none of its business (RFC 9700 §4.4, RFC 7009 §2.1). */
function endpointFor(upstream: Upstream, { binding }: RevocationOrder): string | undefined {
  const mayAsk = upstream.manners.revokes && isBoundTo(binding, upstream);
  return mayAsk ? upstream.server.revocationEndpoint : undefined;
}
