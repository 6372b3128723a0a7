import type { LiveGrant } from '../domain/grant.ts';
import { isClaimable, withClaim, withoutClaim } from '../domain/grant-upstream.ts';
import { after, type EpochSeconds, isExpired, type Seconds, seconds } from '../domain/lifetime.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { SealingKey } from '../domain/sealing.ts';
import { sha256 } from '../domain/secret-hash.ts';
import {
  isBoundTo,
  isClientRefusal,
  isResourceRefusal,
  refreshRequest,
  type UpstreamBinding,
} from '../domain/upstream-request.ts';
import type { Upstream } from '../domain/upstream-server.ts';
import {
  endsGrant,
  reasonOf,
  refreshed,
  tokensOf,
  type UpstreamFailure,
  type UpstreamTokens,
} from '../domain/upstream-tokens.ts';
import {
  type CommitParts,
  type CommittedRenewal,
  commitRenewal,
  type SealedRenewal,
  sealRenewal,
} from './commit-renewal.ts';
import type { EndGrant } from './end-grant.ts';
import type { HeldRenewals } from './held-renewals.ts';
import { changeGrant, readLiveGrant, writeGrant } from './live-grants.ts';
import type { Ports, Versioned } from './ports.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

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
  commit: Commit,
) => Promise<Renewal>;

type Commit = (grant: LiveGrant, tokens: UpstreamTokens, now: EpochSeconds) => LiveGrant;

interface RenewParts extends CommitParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'store' | 'authorizationServer' | 'events'>;
  readonly upstream: KnownUpstream;
  /** Whether the upstream takes tokens of its own authorization server; otherwise those of before are of no use. */
  readonly usesTokens: boolean;
  readonly endGrant: EndGrant;
  readonly held: HeldRenewals;
  /** How long one call to the upstream takes at most. */
  readonly callLimit: Seconds;
}

/** How long one process may ask on behalf of a grant: for the slowest call and its one repetition, and never shorter than that. */
function claimLife({ callLimit }: RenewParts): Seconds {
  return seconds(2 * callLimit + 5);
}

/** The one place where upstream tokens are renewed, for /token and for /mcp. */
export function renewUpstreamTokens(parts: RenewParts): RenewUpstreamTokens {
  const { ports } = parts;
  return async (held, key, tokens, commit) => {
    if (await parts.held.settle(held.value.id)) return { type: 'overtaken' };
    if (!isClaimable(held.value, ports.clock.now())) return awaitClaim(parts, held);
    if (await isBrought(parts, held)) return { type: 'overtaken' };
    const question = await questionFor(parts, held, tokens);
    if ('type' in question) return question;
    return parts.held.during(() => renewAlone(parts, held, question, key, tokens, commit));
  };
}

async function renewAlone(
  parts: RenewParts,
  held: Versioned<LiveGrant>,
  question: Question,
  key: SealingKey,
  tokens: UpstreamTokens,
  commit: Commit,
): Promise<Renewal> {
  const { ports, policy } = parts;
  const owner = Buffer.from(ports.random.bytes(12)).toString('base64url');
  const claim = withClaim(held.value, owner, after(ports.clock.now(), claimLife(parts)));
  const mine = await writeGrant(ports, policy, held, claim);
  if (mine === undefined) return { type: 'overtaken' };
  const answer = await ask(parts, question, tokens);
  if (answer.ok) return keepRenewed(parts, mine, key, answer.value, commit);
  await giveBack(parts, mine, owner, answer.failure);
  return giveUp(parts, mine, answer.failure, question.binding.clientId);
}

/** With the tokens in hand, and never by asking again: the upstream may not honour a second question. */
async function keepRenewed(
  parts: RenewParts,
  mine: Versioned<LiveGrant>,
  key: SealingKey,
  tokens: UpstreamTokens,
  commit: Commit,
): Promise<Renewal> {
  if (isRefusedAgain(mine.value, tokens)) return over(parts, mine, 'upstream_refused');
  const renewal = sealRenewal(parts, mine.value, key, tokens);
  const also = (grant: LiveGrant) => commit(grant, tokens, parts.ports.clock.now());
  const committed = await commitOrHold(parts, mine, renewal, also);
  return committed.type === 'committed'
    ? { type: 'renewed', stored: committed.stored, tokens }
    : committed;
}

/** What the upstream gave must not be lost, whatever is wrong with the store. */
async function commitOrHold(
  parts: RenewParts,
  mine: Versioned<LiveGrant>,
  renewal: SealedRenewal,
  also: (grant: LiveGrant) => LiveGrant,
): Promise<CommittedRenewal> {
  try {
    return await commitRenewal(parts, mine, renewal, also);
  } catch (error) {
    parts.held.hold(renewal);
    throw error;
  }
}

/** Whom to ask, and for what. */
interface Question {
  readonly upstream: Upstream;
  readonly binding: UpstreamBinding;
}

/** Looks at the upstream before anything is claimed: discovery may take its time. */
async function questionFor(
  parts: RenewParts,
  held: Versioned<LiveGrant>,
  { binding }: UpstreamTokens,
): Promise<Question | Renewal> {
  if (!parts.usesTokens || binding === undefined) return over(parts, held, 'upstream_changed');
  const upstream = await parts.upstream.resolveFor(binding);
  if (!upstream.ok) return giveUp(parts, held, upstream.failure, undefined);
  // Another server, or another client: the refresh token is none of its business (RFC 9700 §4.4, RFC 6749 §6).
  return isBoundTo(binding, upstream.value)
    ? { upstream: upstream.value, binding }
    : over(parts, held, 'upstream_changed');
}

/** The grant is over, and its client has to authorize again; unless another has renewed its tokens meanwhile (a claim that ran out). */
async function over(
  { endGrant }: RenewParts,
  held: Versioned<LiveGrant>,
  reason: 'upstream_refused' | 'upstream_changed',
): Promise<Renewal> {
  return { type: (await endGrant(held, reason)) ? 'refused' : 'overtaken' };
}

/** A no that ends the grant ends the claim with it: given back before, it would let another ask once more. */
async function giveBack(
  { ports, policy }: RenewParts,
  mine: Versioned<LiveGrant>,
  owner: string,
  cause: UpstreamFailure,
): Promise<void> {
  if (endsGrant(cause)) return;
  await changeGrant(ports, policy, mine, (grant) => withoutClaim(grant, owner));
}

async function giveUp(
  parts: RenewParts,
  held: Versioned<LiveGrant>,
  cause: UpstreamFailure,
  clientId: string | undefined,
): Promise<Renewal> {
  const grant = held.value.id;
  const reason = reasonOf(cause);
  parts.ports.events.emit({ type: 'upstream_failed', flow: undefined, grant, reason });
  if (endsGrant(cause)) return over(parts, held, 'upstream_refused');
  if (isClientRefusal(cause) && clientId !== undefined && (await isReplaced(parts, clientId))) {
    return over(parts, held, 'upstream_changed');
  }
  const retryAfter = cause.kind === 'unavailable' ? cause.retryAfter : undefined;
  return { type: 'unavailable', retryAfter };
}

/**
 * Whether the gateway registered anew, since the upstream no longer knows the client that it once registered; a refresh token made for that
 * client alone is worth nothing (RFC 6749 §6). A client of the operator's is the operator's to mend, and costs nobody a grant.
 */
async function isReplaced({ upstream }: RenewParts, clientId: string): Promise<boolean> {
  if (!(await upstream.forgetClient(clientId))) return false;
  return (await upstream.resolve()).ok;
}

/** Asks, and once more without `resource` where that may be the trouble; that it was is only known when the upstream then says yes. */
async function ask(
  parts: RenewParts,
  { upstream, binding }: Question,
  tokens: UpstreamTokens,
): Promise<Result<UpstreamTokens, UpstreamFailure>> {
  const { ports } = parts;
  const askedAt = ports.clock.now();
  const form = refreshRequest(upstream, binding, tokens.refresh ?? '');
  const answer = await ports.authorizationServer.requestTokens(upstream, form);
  if (answer.ok) return success(refreshed(tokens, tokensOf(answer.value, binding, askedAt)));
  if (answer.failure.kind !== 'refused') parts.upstream.doubt();
  const refused = binding.resource !== undefined && isResourceRefusal(answer.failure);
  if (!refused || !parts.upstream.mayLeaveOutResource()) return failure(answer.failure);
  const without = { upstream, binding: { ...binding, resource: undefined } };
  const again = await ask(parts, without, tokens);
  if (again.ok) parts.upstream.leaveOutResource(binding.server);
  return again;
}

/** A token that the upstream's resource server refused for good, given out once more: asking on would never end. */
function isRefusedAgain(grant: LiveGrant, tokens: UpstreamTokens): boolean {
  return grant.upstream.refused && sha256(tokens.access) === grant.upstream.accessHash;
}

/** Longer than the pause between two tries of a process that holds tokens. */
const timeToBring = seconds(5);

/**
 * Whether the process whose claim ran out brings what the upstream gave it after all: the store may have been away, and just be back. Asked
 * before, the upstream would see a token that it has replaced, and many then end everything (RFC 9700 §4.14.2).
 */
async function isBrought({ ports }: RenewParts, held: Versioned<LiveGrant>): Promise<boolean> {
  if (held.value.claim === undefined) return false;
  const deadline = after(ports.clock.now(), timeToBring);
  while (!isExpired(deadline, ports.clock.now())) {
    await ports.clock.sleep(250);
    const current = await readLiveGrant(ports, held.value.id);
    if (current?.version !== held.version) return true;
  }
  return false;
}

/** Waits for another's claim to end: by its result, or by its time. */
async function awaitClaim(
  { ports, callLimit }: RenewParts,
  held: Versioned<LiveGrant>,
): Promise<Renewal> {
  const { id, claim: awaited } = held.value;
  // How long a request waits for another's upstream call before it asks its client to come back.
  const deadline = after(ports.clock.now(), seconds(callLimit + 2));
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
