import type { LiveGrant, TokenPolicy } from '../domain/grant.ts';
import {
  isClaimable,
  withClaim,
  withoutClaim,
  withUpstreamTokens,
} from '../domain/grant-upstream.ts';
import { after, type EpochSeconds, isExpired, seconds } from '../domain/lifetime.ts';
import { type Result, success } from '../domain/result.ts';
import type { SealingKey } from '../domain/sealing.ts';
import { sha256 } from '../domain/secret-hash.ts';
import { tokenRequest, type Upstream } from '../domain/upstream-server.ts';
import {
  endsGrant,
  reasonOf,
  refreshed,
  tokensOf,
  type UpstreamFailure,
  type UpstreamTokens,
} from '../domain/upstream-tokens.ts';
import type { EndGrant } from './end-grant.ts';
import { changeGrant, readLiveGrant, writeGrant } from './live-grants.ts';
import { type Ports, upstreamCallLimit, type Versioned } from './ports.ts';
import type { ResolveUpstream } from './resolve-upstream.ts';

/** What became of an attempt to renew a grant's upstream tokens. */
export type Renewal =
  | {
      readonly type: 'renewed';
      readonly stored: Versioned<LiveGrant>;
      readonly tokens: UpstreamTokens;
    }
  /** Something else happened to the grant meanwhile: read it again and decide again. */
  | { readonly type: 'overtaken' }
  /** The upstream said no, or the grant ended meanwhile: it is over. */
  | { readonly type: 'refused' }
  /** The upstream cannot be asked just now; nothing has changed. */
  | { readonly type: 'unavailable'; readonly retryAfter: number | undefined };

/**
 * Asks the upstream for new tokens on behalf of a grant, one process at a time (RFC 6749 §6). `held` is the grant as read, `tokens`
 * the opened upstream tokens of it, `commit` what else the same write changes once the new ones are in.
 */
export type RenewUpstreamTokens = (
  held: Versioned<LiveGrant>,
  key: SealingKey,
  tokens: UpstreamTokens,
  commit: (grant: LiveGrant, tokens: UpstreamTokens, now: EpochSeconds) => LiveGrant,
) => Promise<Renewal>;

interface RenewParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'store' | 'authorizationServer' | 'events'>;
  readonly resolve: ResolveUpstream;
  readonly endGrant: EndGrant;
  readonly policy: TokenPolicy;
}

/** A claim outlives the slowest token request, so that it never runs out while its owner may still be asking. */
const claimLife = seconds(upstreamCallLimit + 5);

/** The one place where upstream tokens are renewed, for /token and for /mcp. */
export function renewUpstreamTokens(parts: RenewParts): RenewUpstreamTokens {
  const { ports, policy, resolve, endGrant } = parts;
  return async (held, key, tokens, commit) => {
    if (!isClaimable(held.value, ports.clock.now())) return awaitClaim(ports, held);
    const upstream = await resolve(); // before the claim: discovery may take its time
    if (!upstream.ok) return giveUp(parts, held, upstream.failure);
    const owner = Buffer.from(ports.random.bytes(12)).toString('base64url');
    const claim = withClaim(held.value, owner, after(ports.clock.now(), claimLife));
    const mine = await writeGrant(ports, policy, held, claim);
    if (mine === undefined) return { type: 'overtaken' };
    const answer = await ask(parts, upstream.value, tokens);
    if (!answer.ok) {
      await changeGrant(ports, policy, mine, (grant) => withoutClaim(grant, owner));
      return giveUp(parts, mine, answer.failure);
    }
    if (isRefusedAgain(held.value, answer.value)) {
      await endGrant(mine, 'upstream_refused');
      return { type: 'refused' };
    }
    // With the tokens in hand, and never by asking again: the upstream may not honour a second question.
    const stored = await changeGrant(ports, policy, mine, (grant) => {
      const now = ports.clock.now();
      const nonce = ports.random.bytes(12);
      return commit(withUpstreamTokens(grant, key, nonce, answer.value, now), answer.value, now);
    });
    if (stored === undefined) return { type: 'refused' };
    ports.events.emit({ type: 'upstream_tokens_renewed', grant: stored.value.id });
    return { type: 'renewed', stored, tokens: answer.value };
  };
}

async function giveUp(
  { ports, endGrant }: RenewParts,
  held: Versioned<LiveGrant>,
  cause: UpstreamFailure,
): Promise<Renewal> {
  const grant = held.value.id;
  ports.events.emit({ type: 'upstream_failed', flow: undefined, grant, reason: reasonOf(cause) });
  if (endsGrant(cause)) {
    await endGrant(held, 'upstream_refused');
    return { type: 'refused' };
  }
  const retryAfter = cause.kind === 'unavailable' ? cause.retryAfter : undefined;
  return { type: 'unavailable', retryAfter };
}

async function ask(
  { ports }: RenewParts,
  upstream: Upstream,
  tokens: UpstreamTokens,
): Promise<Result<UpstreamTokens, UpstreamFailure>> {
  const askedAt = ports.clock.now();
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh ?? '' };
  const answer = await ports.authorizationServer.requestTokens(
    upstream,
    tokenRequest(upstream, form),
  );
  return answer.ok ? success(refreshed(tokens, tokensOf(answer.value, askedAt))) : answer;
}

/** A token that the upstream's resource server refused for good, given out once more: asking on would never end. */
function isRefusedAgain(grant: LiveGrant, tokens: UpstreamTokens): boolean {
  return grant.upstream.refused && sha256(tokens.access) === grant.upstream.accessHash;
}

/** Waits for another's claim to end: by its result, or by its time. */
async function awaitClaim(
  ports: Pick<Ports, 'clock' | 'store'>,
  held: Versioned<LiveGrant>,
): Promise<Renewal> {
  const { id, claim: awaited } = held.value;
  const deadline = after(ports.clock.now(), waitLimit);
  for (let pause = 10; !isExpired(deadline, ports.clock.now()); pause = Math.min(2 * pause, 250)) {
    await ports.clock.sleep(pause);
    const current = await readLiveGrant(ports, id);
    const claim = current?.value.claim;
    const running = claim !== undefined && !isExpired(claim.until, ports.clock.now());
    if (running && claim.owner === awaited?.owner) continue;
    // Given back without a result: the upstream could not be asked, and this request need not try either.
    if (current && !claim && !isMoved(held.value, current.value)) return unavailable;
    return { type: 'overtaken' };
  }
  return unavailable;
}

function isMoved(before: LiveGrant, now: LiveGrant): boolean {
  return before.upstream.version !== now.upstream.version || before.generation !== now.generation;
}

const unavailable = { type: 'unavailable', retryAfter: undefined } as const;

/** How long a request waits for another's upstream call before it asks its client to come back. */
const waitLimit = seconds(upstreamCallLimit + 2);
