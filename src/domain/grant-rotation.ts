import type { AccessEntry, LiveGrant, OpenGrant, RefreshEntry, TokenPolicy } from './grant.ts';
import { endOfGrant, usedCodeKept } from './grant.ts';
import {
  type DataKey,
  type GatewayKeys,
  halfSecret,
  placeholderHalf,
  sealKeyOf,
  wrapKey,
} from './grant-keys.ts';
import {
  after,
  type EpochSeconds,
  earlier,
  epochSeconds,
  isExpired,
  isNearlySpent,
  type Seconds,
  timeLeft,
} from './lifetime.ts';
import { type Sha256, sha256 } from './secret-hash.ts';
import {
  encodeTokenPair,
  type PresentedToken,
  spellGatewayToken,
  type UpstreamToken,
} from './token-pair.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

/** How many entries of a kind a grant keeps at most: the newest. */
const mostEntries = 64;

/** What to do about a presented refresh token. */
export type RefreshVerdict =
  /** Unknown, expired, or halves that do not belong together: nothing changes. */
  | { readonly type: 'refuse' }
  /** Used before, and its successor has been in use for longer than the grace: the grant ends (RFC 9700 §4.14.2). */
  | { readonly type: 'replay'; readonly entry: RefreshEntry }
  /** Used before, but still good: the client never got, or lost, the answer. It gets the newest pair. */
  | { readonly type: 'superseded'; readonly entry: RefreshEntry }
  /** The newest one: it moves the grant to the next generation. */
  | { readonly type: 'current'; readonly entry: RefreshEntry };

/**
 * Decides about a presented refresh token. A used one stays good while no half of a later generation has come back, and then until the
 * announced end of the access token issued with it plus the grace. `inFlight`: it was good when this request began, and
 * shares the answer of the request that overtook it meanwhile, even under strict rotation.
 */
export function judgeRefresh(
  grant: LiveGrant,
  presented: PresentedToken,
  policy: TokenPolicy,
  now: EpochSeconds,
  inFlight: boolean,
): RefreshVerdict {
  const hash = sha256(presented.gateway.secret);
  // Hashes of 256-bit secrets: where a comparison of them stops tells nothing about another secret.
  const entry = grant.refresh.find((each) => each.hash === hash);
  if (entry === undefined || isExpired(after(entry.expiresAt, policy.clockSkew), now)) {
    return { type: 'refuse' };
  }
  if (isGrantOver(grant, policy, now)) return { type: 'refuse' };
  if (!isBound(grant, presented.upstream, 'refresh')) return { type: 'refuse' };
  if (entry.generation === grant.generation) return { type: 'current', entry };
  return {
    type: inFlight || isStillGood(grant, entry, policy, now) ? 'superseded' : 'replay',
    entry,
  };
}

/** On the second: the end of a grant is announced to nobody, so that no clock can be behind it. */
function isGrantOver(grant: LiveGrant, policy: TokenPolicy, now: EpochSeconds): boolean {
  const end = endOfGrant(grant, policy);
  return end !== undefined && isExpired(end, now);
}

function isStillGood(
  grant: LiveGrant,
  entry: RefreshEntry,
  policy: TokenPolicy,
  now: EpochSeconds,
): boolean {
  if (policy.refreshGrace === 0) return false;
  return (
    grant.presented <= entry.generation ||
    !isExpired(after(entry.accessEndsAt, policy.refreshGrace), now)
  );
}

/** Whether the upstream half of a pair was handed out with this grant; a gateway half alone carries none to check. */
export function isBound(
  grant: LiveGrant,
  half: UpstreamToken | undefined,
  kind: 'access' | 'refresh',
): boolean {
  if (half === undefined) return true;
  const hash = sha256(half);
  return grant.halves.some((each) => each[kind] === hash);
}

/**
 * Moves the grant to its next generation: a new pair of gateway halves, derived from the data key, with new lives. The halves of
 * earlier generations stay as the policy has it.
 */
export function moveGeneration(
  { grant, key }: OpenGrant,
  tokens: UpstreamTokens,
  keys: GatewayKeys,
  policy: TokenPolicy,
  now: EpochSeconds,
): LiveGrant {
  const generation = grant.generation + 1;
  const accessSecret = halfSecret(key, 'access', generation);
  const refreshSecret = halfSecret(key, 'refresh', generation);
  const access: AccessEntry = {
    hash: sha256(accessSecret),
    wrap: wrapKey(sealKeyOf(key), accessSecret, grant.id, 'access', keys),
    generation,
    expiresAt: after(now, policy.accessTtl),
  };
  const refresh: RefreshEntry = {
    hash: sha256(refreshSecret),
    wrap: wrapKey(key, refreshSecret, grant.id, 'refresh', keys),
    generation,
    expiresAt: after(now, policy.refreshTtl),
    accessEndsAt: earlier(access.expiresAt, tokens.expiresAt),
  };
  const moved = {
    ...grant,
    generation,
    access: [...(policy.refreshGrace === 0 ? [] : grant.access), access],
    refresh: [...grant.refresh, refresh],
  };
  return withoutSpentEntries(bindNewest({ grant: moved, key }, tokens), policy, now);
}

/** Leaves out what nobody can use any more, so that a grant does not grow with its age. */
function withoutSpentEntries(grant: LiveGrant, policy: TokenPolicy, now: EpochSeconds): LiveGrant {
  const lives = (entry: { readonly expiresAt: EpochSeconds }) =>
    !isExpired(after(entry.expiresAt, policy.clockSkew), now);
  const usedAt = grant.code?.usedAt;
  const codeCounts = usedAt === undefined || now < usedAt + usedCodeKept;
  return {
    ...grant,
    code: codeCounts ? grant.code : undefined,
    access: grant.access.filter(lives).slice(-mostEntries),
    refresh: grant.refresh.filter(lives).slice(-mostEntries),
  };
}

/** Records the newest upstream halves as ones that a pair may carry; the same grant where they are recorded already. */
export function bindNewest({ grant, key }: OpenGrant, tokens: UpstreamTokens): LiveGrant {
  const { version } = grant.upstream;
  if (grant.halves.at(-1)?.version === version) return grant;
  const refresh: Sha256 = sha256(refreshHalf(key, tokens));
  const halves = [...grant.halves, { version, access: grant.upstream.accessHash, refresh }];
  return withAnnouncedEnd({ ...grant, halves: halves.slice(-mostEntries) }, tokens);
}

/** The newest pair goes out with newer upstream halves, and a later end: who gets it must not be taken for a replay when it comes back then. */
function withAnnouncedEnd(grant: LiveGrant, tokens: UpstreamTokens): LiveGrant {
  const end = endOfNewestPair(grant, tokens);
  const refresh = grant.refresh.map((entry) =>
    entry.generation === grant.generation && end > entry.accessEndsAt
      ? { ...entry, accessEndsAt: end }
      : entry,
  );
  return { ...grant, refresh };
}

function refreshHalf(key: DataKey, tokens: UpstreamTokens): UpstreamToken {
  return tokens.refresh ?? placeholderHalf(key);
}

/** Whether the newest pair would bring the client back at once, on account of its gateway half. */
export function isPairNearlySpent(
  grant: LiveGrant,
  policy: TokenPolicy,
  now: EpochSeconds,
): boolean {
  const expiresAt = newestAccess(grant)?.expiresAt;
  if (expiresAt === undefined) return true;
  return isNearlySpent((expiresAt - policy.accessTtl) as EpochSeconds, expiresAt, now);
}

function newestAccess(grant: LiveGrant): AccessEntry | undefined {
  return grant.access.find((each) => each.generation === grant.generation);
}

/** The client must come back before either half of the newest pair dies, so the shorter life wins. */
function endOfNewestPair(grant: LiveGrant, tokens: UpstreamTokens): EpochSeconds {
  return earlier(newestAccess(grant)?.expiresAt ?? epochSeconds(0), tokens.expiresAt);
}

/** A successful answer of /token (RFC 6749 §5.1). */
export interface TokenAnswer {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly expiresIn: Seconds;
  readonly scope: string | undefined;
}

/** The newest pair of a grant, computed from its data key. */
export function newestPair(
  { grant, key }: OpenGrant,
  tokens: UpstreamTokens,
  policy: TokenPolicy,
  now: EpochSeconds,
): TokenAnswer {
  const half = (kind: 'access' | 'refresh') => ({
    grant: grant.id,
    secret: halfSecret(key, kind, grant.generation),
  });
  const pair = policy.format === 'pair' ? encodeTokenPair : spellGatewayToken;
  return {
    accessToken: pair(half('access'), tokens.access),
    refreshToken: pair(half('refresh'), refreshHalf(key, tokens)),
    expiresIn: timeLeft(earlier(endOfNewestPair(grant, tokens), endOfGrant(grant, policy)), now),
    scope: grant.scope,
  };
}
