import type { LiveGrant, UpstreamState } from './grant.ts';
import { openTokens, sealTokens } from './grant-keys.ts';
import { after, type EpochSeconds, isExpired, isNearlySpent, seconds } from './lifetime.ts';
import type { Scope } from './scope.ts';
import type { SealingKey } from './sealing.ts';
import { sha256 } from './secret-hash.ts';
import type { GrantId } from './token-pair.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

/** Upstream tokens as the record keeps them: sealed, beside what may be known without opening the seal. */
export function sealedState(
  id: GrantId,
  version: number,
  key: SealingKey,
  nonce: Uint8Array,
  tokens: UpstreamTokens,
  now: EpochSeconds,
): UpstreamState {
  return {
    version,
    sealed: sealTokens(key, nonce, tokens, id, version),
    accessHash: sha256(tokens.access),
    issuedAt: now,
    expiresAt: tokens.expiresAt,
    renewable: tokens.refresh !== undefined,
    refused: false,
    refusedAt: undefined,
    hopeless: false,
  };
}

/** The grant with newer upstream tokens; whoever asked for them no longer needs its claim. */
export function withSealedTokens(
  grant: LiveGrant,
  state: UpstreamState,
  scope: Scope | undefined,
): LiveGrant {
  const { refusedAt } = grant.upstream;
  return {
    ...grant,
    scope: scope ?? grant.scope,
    upstream: { ...state, refusedAt },
    claim: undefined,
  };
}

/** Whether another has brought newer upstream tokens since the grant was read as it was before: whatever came of the older ones no longer counts. */
export function hasNewerTokens(grant: LiveGrant, before: LiveGrant): boolean {
  return grant.upstream.version !== before.upstream.version;
}

/** Whether the newest upstream access token is past its announced end. Without one it lasts until it is refused. */
export function isUpstreamSpent(grant: LiveGrant, now: EpochSeconds): boolean {
  return grant.upstream.expiresAt !== undefined && isExpired(grant.upstream.expiresAt, now);
}

/**
 * A token that the upstream refused, or that has ended, where the upstream gave no refresh token (GitHub OAuth Apps): nothing can be had for
 * it any more. Nor where one new token after the other was refused: going on would never end.
 */
export function isPastHelp(grant: LiveGrant, now: EpochSeconds): boolean {
  const { renewable, refused, hopeless } = grant.upstream;
  return hopeless || (!renewable && (refused || isUpstreamSpent(grant, now)));
}

/** Whether the newest upstream access token has so little left that handing it out would bring the client straight back. */
export function isUpstreamNearlySpent(grant: LiveGrant, now: EpochSeconds): boolean {
  const { issuedAt, expiresAt } = grant.upstream;
  return expiresAt !== undefined && isNearlySpent(issuedAt, expiresAt, now);
}

/** Refusals that are no further apart (seconds) are one trouble, and no two. */
const inARow = seconds(300);

/**
 * The grant with the mark that the upstream refused this version of its token for good. A newer version carries no such mark, unless it is refused
 * as soon: then the grant is past help.
 */
export function withRefusedUpstream(
  grant: LiveGrant,
  version: number,
  now: EpochSeconds,
): LiveGrant {
  const { upstream } = grant;
  if (upstream.version !== version) return grant;
  const hopeless =
    upstream.refusedAt !== undefined && !isExpired(after(upstream.refusedAt, inARow), now);
  return { ...grant, upstream: { ...upstream, refused: true, refusedAt: now, hopeless } };
}

/** Whether another process may ask the upstream now: nobody is asking, or whoever did has not come back in time. */
export function isClaimable(grant: LiveGrant, now: EpochSeconds): boolean {
  return grant.claim === undefined || isExpired(grant.claim.until, now);
}

/** The grant with the right to ask the upstream given to one process, until a moment later than its call can take. */
export function withClaim(grant: LiveGrant, owner: string, until: EpochSeconds): LiveGrant {
  return { ...grant, claim: { owner, until } };
}

/** The grant without this owner's claim; another's is not touched. */
export function withoutClaim(grant: LiveGrant, owner: string): LiveGrant {
  return grant.claim?.owner === owner ? { ...grant, claim: undefined } : grant;
}

/** The newest upstream tokens of a grant, for whoever has its sealing key. */
export function tokensOfGrant(
  { id, upstream }: LiveGrant,
  key: SealingKey,
): UpstreamTokens | undefined {
  return openTokens(key, upstream.sealed, id, upstream.version);
}
