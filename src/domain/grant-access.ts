import { type AccessEntry, endOfGrant, type LiveGrant, type TokenPolicy } from './grant.ts';
import { isBound } from './grant-rotation.ts';
import { after, type EpochSeconds, earlier, isExpired } from './lifetime.ts';
import { type Sha256, sha256 } from './secret-hash.ts';
import type { PresentedToken } from './token-pair.ts';

/** What a presented access token is good for. */
export type AccessVerdict =
  | { readonly type: 'refuse' }
  /** Live; `newest`: its upstream half is the newest, so that the seal need not be opened. */
  | { readonly type: 'live'; readonly entry: AccessEntry; readonly newest: boolean };

/** Decides about an access token on /mcp: a hash, a look-up, a comparison. */
export function judgeAccess(
  grant: LiveGrant,
  { gateway, upstream }: PresentedToken,
  policy: TokenPolicy,
  now: EpochSeconds,
): AccessVerdict {
  const entry = entryOf(grant, sha256(gateway.secret));
  if (entry === undefined) return { type: 'refuse' };
  const end = earlier(entry.expiresAt, endOfGrant(grant, policy));
  if (isExpired(after(end, policy.clockSkew), now)) return { type: 'refuse' };
  const newest = upstream !== undefined && sha256(upstream) === grant.upstream.accessHash;
  return newest || isBound(grant, upstream, 'access')
    ? { type: 'live', entry, newest }
    : { type: 'refuse' };
}

function entryOf(grant: LiveGrant, hash: Sha256): AccessEntry | undefined {
  // Hashes of 256-bit secrets: where a comparison of them stops tells nothing about another secret.
  return grant.access.find((each) => each.hash === hash);
}

/** The grant with the note that a half of this generation has come back: its predecessors' grace begins to run. */
export function withPresented(grant: LiveGrant, generation: number): LiveGrant {
  return generation > grant.presented ? { ...grant, presented: generation } : grant;
}
