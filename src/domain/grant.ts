import type { Brand } from './brand.ts';
import type { ClientId } from './client-registration.ts';
import type { DataKey } from './grant-keys.ts';
import { after, type EpochSeconds, earlier, epochSeconds, type Seconds } from './lifetime.ts';
import type { CodeChallenge } from './pkce.ts';
import type { RedirectUri } from './redirect-uri.ts';
import type { Scope } from './scope.ts';
import type { Sealed } from './sealing.ts';
import { type Sha256, sha256 } from './secret-hash.ts';
import type { GrantId, TokenSecret } from './token-pair.ts';

/** Who signed in. */
export type Subject = Brand<string, 'Subject'>;

/** Takes the name that a sign-in vouches for. */
export function subject(name: string): Subject {
  return name as Subject;
}

/**
 * What one user allowed one client, as one record: every change of it is one conditional write, and /mcp reads nothing else. No
 * member is a usable secret: codes and halves are hashes, upstream tokens are sealed under a key that only a presented code or
 * half unwraps (docs/adr/0001).
 */
export type Grant = LiveGrant | EndedGrant;

/** A grant in force. */
export interface LiveGrant {
  readonly state: 'live';
  readonly id: GrantId;
  readonly clientId: ClientId;
  readonly subject: Subject;
  /** The MCP URL that its tokens are for (RFC 8707). */
  readonly resource: string;
  readonly scope: Scope | undefined;
  readonly issuedAt: EpochSeconds;
  /** Moved by /token alone: 0 while only the code is out, then the number of the newest pair of gateway halves. */
  readonly generation: number;
  /** The highest generation of which a half has come back. */
  readonly presented: number;
  readonly code: CodeEntry | undefined;
  readonly access: readonly AccessEntry[];
  readonly refresh: readonly RefreshEntry[];
  readonly upstream: UpstreamState;
  /** The upstream halves that a live pair may carry, the newest last. */
  readonly halves: readonly BoundHalves[];
  /** Set while one process asks the upstream for new tokens on behalf of this grant. */
  readonly claim: Claim | undefined;
}

/** A grant that is over: kept for a while so that a late token of it finds out, and nothing can be made of it. */
export interface EndedGrant {
  readonly state: 'ended';
  readonly id: GrantId;
  readonly clientId: ClientId;
  readonly subject: Subject;
  readonly endedAt: EpochSeconds;
  readonly reason: EndReason;
  /** What is still to be revoked at the upstream; absent where nothing is, or no more. */
  readonly revocation: Sealed | undefined;
}

/** Why a grant ended. */
export type EndReason =
  | 'code_replayed'
  | 'refresh_replayed'
  | 'revoked'
  | 'upstream_refused'
  /** Its tokens are of a server or a client that the gateway no longer uses. */
  | 'upstream_changed';

/** The authorization code of a grant. */
export interface CodeEntry {
  readonly hash: Sha256;
  /** The data key, wrapped under the code. */
  readonly wrap: Sealed;
  /** Absent once it was used: there is nothing more to compare with. */
  readonly terms: CodeTerms | undefined;
  /** Kept after its use for a while, so that a second use is known for what it is. */
  readonly usedAt: EpochSeconds | undefined;
}

/** What a code is bound to (RFC 6749 §4.1.3, RFC 7636 §4.4). */
export interface CodeTerms {
  readonly redirectUri: RedirectUri;
  readonly challenge: CodeChallenge;
  readonly expiresAt: EpochSeconds;
}

/** A gateway half that opens /mcp. */
export interface AccessEntry {
  readonly hash: Sha256;
  /** The sealing key alone, wrapped under the half: it serves and renews the upstream but never mints a half. */
  readonly wrap: Sealed;
  readonly generation: number;
  readonly expiresAt: EpochSeconds;
}

/** A gateway half that opens /token. */
export interface RefreshEntry {
  readonly hash: Sha256;
  /** The data key, wrapped under the half. */
  readonly wrap: Sealed;
  readonly generation: number;
  readonly expiresAt: EpochSeconds;
  /** The announced end of the access token that was issued with it: when another window of the client comes back. */
  readonly accessEndsAt: EpochSeconds;
}

/** The newest upstream tokens, and what may be known of them without opening the seal. */
export interface UpstreamState {
  /** Moved by every change of the upstream tokens, from /token or from /mcp. */
  readonly version: number;
  readonly sealed: Sealed;
  /** Of the newest upstream access token. */
  readonly accessHash: Sha256;
  readonly issuedAt: EpochSeconds;
  /** Unknown where the upstream does not say. */
  readonly expiresAt: EpochSeconds | undefined;
  /** Whether the upstream gave a refresh token. */
  readonly renewable: boolean;
  /** Set when the upstream refused this very token and /mcp can do no more about it. */
  readonly refused: boolean;
  /** When a version was last marked so; carried on, so that refusals in a row are known for what they are. */
  readonly refusedAt: EpochSeconds | undefined;
  /** Set when the version after a refused one was refused as soon: more new tokens do not help. */
  readonly hopeless: boolean;
}

/** The hashes of one version's upstream halves. */
export interface BoundHalves {
  readonly version: number;
  readonly access: Sha256;
  readonly refresh: Sha256;
}

/** The right of one process to ask the upstream; it runs out by itself if that process dies. */
export interface Claim {
  readonly owner: string;
  readonly until: EpochSeconds;
}

/** How long things live, and how forgiving rotation is. All in seconds. */
export interface TokenPolicy {
  readonly accessTtl: Seconds;
  readonly refreshTtl: Seconds;
  /** How long a grant lives at most, however often it is refreshed; zero: as long as it is in use. */
  readonly grantTtl: Seconds;
  readonly codeTtl: Seconds;
  /** Zero is strict rotation: the old pair dies with the commit of the new one. */
  readonly refreshGrace: Seconds;
  /** How long tokens are accepted past their announced end. */
  readonly clockSkew: Seconds;
  readonly format: 'pair' | 'opaque';
}

/** The absolute end of a grant, where the operator wants one. */
export function endOfGrant(
  { issuedAt }: Pick<LiveGrant, 'issuedAt'>,
  { grantTtl }: TokenPolicy,
): EpochSeconds | undefined {
  return grantTtl === 0 ? undefined : after(issuedAt, grantTtl);
}

/** Until when the store has to keep a grant: as long as any entry of it could still mean something. */
export function keptUntil(grant: Grant, policy: TokenPolicy): EpochSeconds {
  if (grant.state === 'ended') return (grant.endedAt + endedKept) as EpochSeconds;
  const ends = [...grant.access, ...grant.refresh].map((entry) => entry.expiresAt);
  const code = (grant.code?.usedAt ?? grant.code?.terms?.expiresAt ?? 0) + usedCodeKept;
  const last = epochSeconds(Math.max(code, ...ends));
  return after(earlier(last, endOfGrant(grant, policy)), policy.clockSkew);
}

/** A used code is remembered for an hour; an ended grant, with what is still to be revoked of it, for a day (seconds). */
export const usedCodeKept = 3600;
const endedKept = 86_400;

/** Ends a grant: all its codes and halves are dead from this write on, on every instance. */
export function endGrant(
  { id, clientId, subject }: LiveGrant,
  reason: EndReason,
  revocation: Sealed | undefined,
  now: EpochSeconds,
): EndedGrant {
  return { state: 'ended', id, clientId, subject, endedAt: now, reason, revocation };
}

/** The same end, with nothing left to be revoked at the upstream. */
export function withoutRevocation(grant: EndedGrant): EndedGrant {
  return { ...grant, revocation: undefined };
}

/** Whether a secret is that of a grant's code or of one of its halves, whatever they are still good for. */
export function knowsSecret({ code, access, refresh }: LiveGrant, secret: TokenSecret): boolean {
  const hash = sha256(secret);
  return [code, ...access, ...refresh].some((entry) => entry?.hash === hash);
}

/** A grant with its data key in hand: only who presented a live code or refresh half has one. */
export interface OpenGrant {
  readonly grant: LiveGrant;
  readonly key: DataKey;
}
