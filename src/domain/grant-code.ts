import type { ClientId } from './client-registration.ts';
import { endOfGrant, type LiveGrant, type Subject, type TokenPolicy } from './grant.ts';
import { type DataKey, type GatewayKeys, sealKeyOf, wrapKey } from './grant-keys.ts';
import { sealedState } from './grant-upstream.ts';
import { after, type EpochSeconds, earlier, isExpired } from './lifetime.ts';
import { type CodeChallenge, provesChallenge } from './pkce.ts';
import type { RedirectUri } from './redirect-uri.ts';
import { sameHash, sha256 } from './secret-hash.ts';
import type { GatewayToken, GrantId, TokenSecret } from './token-pair.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

/** What the user allowed, at the moment the upstream's tokens arrived. */
export interface Allowed {
  readonly id: GrantId;
  readonly clientId: ClientId;
  readonly subject: Subject;
  readonly resource: string;
  readonly redirectUri: RedirectUri;
  readonly challenge: CodeChallenge;
}

/** The randomness of a new grant: its data key, the secret of its code, and 12 bytes for its first seal. */
export interface GrantSecrets {
  readonly key: DataKey;
  readonly code: TokenSecret;
  readonly nonce: Uint8Array;
}

/** A new grant with only its code out. */
export function issueGrant(
  allowed: Allowed,
  tokens: UpstreamTokens,
  secrets: GrantSecrets,
  keys: GatewayKeys,
  policy: TokenPolicy,
  now: EpochSeconds,
): LiveGrant {
  const { id, clientId, subject, resource, redirectUri, challenge } = allowed;
  const expiresAt = earlier(after(now, policy.codeTtl), endOfGrant({ issuedAt: now }, policy));
  // Written out: an object that others are spread into takes more room, and there is one for every login.
  return {
    state: 'live',
    id,
    clientId,
    subject,
    resource,
    scope: tokens.scope,
    issuedAt: now,
    generation: 0,
    presented: 0,
    code: {
      hash: sha256(secrets.code),
      wrap: wrapKey(secrets.key, secrets.code, allowed.id, 'code', keys),
      terms: { redirectUri, challenge, expiresAt },
      usedAt: undefined,
    },
    access: [],
    refresh: [],
    upstream: sealedState(allowed.id, 1, sealKeyOf(secrets.key), secrets.nonce, tokens, now),
    halves: [],
    claim: undefined,
  };
}

/** What came with a code to /token. */
export interface CodeRedemption {
  readonly code: GatewayToken;
  readonly clientId: ClientId;
  /** What its tokens shall be for (RFC 8707 §2.2). */
  readonly resource: string;
  /** OAuth 2.1 no longer asks for it; RFC 6749 §4.1.3 does, and it must match where it is sent. */
  readonly redirectUri: string | undefined;
  readonly verifier: string;
}

/** What to do about a presented code. A refusal changes nothing: a stranger's guess must not cost the user the grant. */
export type CodeVerdict = 'redeem' | 'refuse' | 'replay';

/** Decides about a presented code; the client's match comes before any judgement of the code. */
export function judgeCode(
  grant: LiveGrant,
  redemption: CodeRedemption,
  now: EpochSeconds,
): CodeVerdict {
  const { code, clientId, resource } = grant;
  if (code === undefined || clientId !== redemption.clientId) return 'refuse';
  if (resource !== redemption.resource) return 'refuse';
  if (!sameHash(code.hash, sha256(redemption.code.secret))) return 'refuse';
  const { terms } = code;
  if (terms === undefined) return 'replay'; // RFC 6749 §4.1.2
  if (isExpired(terms.expiresAt, now)) return 'refuse';
  const { redirectUri, verifier } = redemption;
  if (redirectUri !== undefined && redirectUri !== terms.redirectUri) return 'refuse';
  return provesChallenge(verifier, terms.challenge) ? 'redeem' : 'refuse';
}

/** The grant with its code used up. */
export function withUsedCode(grant: LiveGrant, now: EpochSeconds): LiveGrant {
  return { ...grant, code: grant.code && { ...grant.code, terms: undefined, usedAt: now } };
}
