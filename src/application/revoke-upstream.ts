import {
  type EndedGrant,
  keptUntil,
  type TokenPolicy,
  withoutRevocation,
} from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import { isExpired } from '../domain/lifetime.ts';
import { isBoundTo } from '../domain/upstream-request.ts';
import { orderedRevocations, type RevocationOrder } from '../domain/upstream-revocation.ts';
import type { Upstream } from '../domain/upstream-server.ts';
import { reasonOf } from '../domain/upstream-tokens.ts';
import type { Ports, Versioned } from './ports.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

/** Carries out what a grant's end ordered at the upstream (RFC 7009), in the background: nobody waits for it, and it tries for as long as the order is kept. */
export type RevokeUpstream = (ended: Versioned<EndedGrant>) => void;

interface RevokeUpstreamParts {
  readonly ports: Pick<Ports, 'clock' | 'store' | 'authorizationServer' | 'events'>;
  readonly upstream: Pick<KnownUpstream, 'resolve'>;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
  /** Off where the operator says so: revoking one token may end the user's other grants too. */
  readonly enabled: boolean;
}

type Attempt = 'done' | 'later';

/** The background work behind every end of a grant. */
export function revokeUpstream(parts: RevokeUpstreamParts): RevokeUpstream {
  return (ended) => {
    if (ended.value.revocation !== undefined) void carryOut(parts, ended);
  };
}

async function carryOut(parts: RevokeUpstreamParts, ended: Versioned<EndedGrant>): Promise<void> {
  const { ports, policy } = parts;
  const until = keptUntil(ended.value, policy);
  for (let pause = 1000; !isExpired(until, ports.clock.now()); pause = nextPause(pause)) {
    if ((await attempt(parts, ended)) === 'done') return;
    await ports.clock.sleep(pause);
  }
}

const longestPause = 15 * 60_000; // milliseconds

function nextPause(pause: number): number {
  return Math.min(4 * pause, longestPause);
}

/** One try; the store being out of reach is a reason to try again like any other. */
async function attempt(parts: RevokeUpstreamParts, ended: Versioned<EndedGrant>): Promise<Attempt> {
  try {
    if ((await revokeAll(parts, ended.value)) === 'later') return 'later';
    const { ports, policy } = parts;
    const done = withoutRevocation(ended.value);
    // Nobody changes an ended grant but another that did the same.
    await ports.store.grants.write(done.id, done, ended.version, keptUntil(done, policy));
    return 'done';
  } catch {
    return 'later';
  }
}

async function revokeAll(parts: RevokeUpstreamParts, ended: EndedGrant): Promise<Attempt> {
  const { ports, keys, enabled } = parts;
  const order = orderedRevocations(ended, keys);
  if (!enabled || order === undefined) return 'done';
  const resolved = await parts.upstream.resolve();
  if (!resolved.ok) return 'later';
  const upstream = resolved.value;
  const endpoint = endpointFor(upstream, order);
  if (endpoint === undefined) return 'done';
  let accepted = 0;
  for (const token of order.tokens) {
    const revoked = await ports.authorizationServer.revokeToken(upstream, endpoint, token);
    if (revoked.ok) accepted += 1;
    if (revoked.ok) continue;
    const reason = `revocation: ${reasonOf(revoked.failure)}`;
    ports.events.emit({ type: 'upstream_failed', flow: undefined, grant: ended.id, reason });
    if (revoked.failure.kind === 'unavailable') return 'later';
  }
  if (accepted > 0) ports.events.emit({ type: 'upstream_revoked', grant: ended.id });
  return 'done';
}

/** Another server, or another client: the tokens are none of its business (RFC 9700 §4.4, RFC 7009 §2.1). */
function endpointFor(upstream: Upstream, { binding }: RevocationOrder): string | undefined {
  const mayAsk = upstream.manners.revokes && isBoundTo(binding, upstream);
  return mayAsk ? upstream.server.revocationEndpoint : undefined;
}
