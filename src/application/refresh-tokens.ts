import type { GatewayBases } from '../domain/gateway-address.ts';
import type { LiveGrant, RefreshEntry, TokenPolicy } from '../domain/grant.ts';
import { withPresented } from '../domain/grant-access.ts';
import { type GatewayKeys, sealKeyOf, unwrapDataKey } from '../domain/grant-keys.ts';
import {
  isPairNearlySpent,
  judgeRefresh,
  type RefreshVerdict,
  type TokenAnswer,
} from '../domain/grant-rotation.ts';
import { isUpstreamNearlySpent } from '../domain/grant-upstream.ts';
import type { EpochSeconds } from '../domain/lifetime.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { requestedResource } from '../domain/resource.ts';
import { failure, type Result } from '../domain/result.ts';
import { type PresentedToken, readPresentedToken } from '../domain/token-pair.ts';
import { type Advance, type AdvanceGrant, type AdvancePlan, settle } from './advance-grant.ts';
import type { EndGrant } from './end-grant.ts';
import { grantFacts } from './events.ts';
import type { KnownClient } from './find-client.ts';
import { readLiveGrant } from './live-grants.ts';
import { noteOutcome } from './note-outcome.ts';
import type { Ports, Versioned } from './ports.ts';

/** What came with grant_type=refresh_token (RFC 6749 §6). */
export interface TokenRefresh {
  readonly refreshToken: string;
  readonly resource: string | undefined;
  readonly bases: GatewayBases;
}

/** Exchanges a refresh token for the newest pair of its grant. */
export type RefreshTokens = (
  client: KnownClient,
  refresh: TokenRefresh,
) => Promise<Result<TokenAnswer, OAuthError>>;

interface RefreshParts {
  readonly ports: Pick<Ports, 'clock' | 'store' | 'events'>;
  readonly advance: AdvanceGrant;
  readonly endGrant: EndGrant;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** The use case behind grant_type=refresh_token. */
export function refreshTokens(parts: RefreshParts): RefreshTokens {
  return async (client, { refreshToken, resource, bases }) => {
    const target = requestedResource(resource, bases);
    const presented = readPresentedToken(refreshToken);
    const answer = target.ok
      ? await settle(
          presented
            ? refreshing(parts, { clientId: client.value.id, resource: target.value }, presented)
            : async () => refused,
          notAccepted,
        )
      : target;
    await noteOutcome(parts.ports, parts.policy, client, presented?.gateway.grant, answer);
    return answer;
  };
}

/** Whose a refresh token has to be. */
type Bound = Pick<LiveGrant, 'clientId' | 'resource'>;

function refreshing(
  parts: RefreshParts,
  bound: Bound,
  presented: PresentedToken,
): () => Promise<Advance> {
  const { ports, advance, keys, policy } = parts;
  const { grant: id, secret } = presented.gateway;
  let inFlight = false;
  return async () => {
    const now = ports.clock.now();
    const judged = await judge(parts, bound, presented, now, inFlight);
    if (judged === undefined) return refused;
    const { held, verdict } = judged;
    // Once judged good it stays so while it waits for another's answer.
    inFlight = true;
    const key = unwrapDataKey(verdict.entry.wrap, secret, id, 'refresh', keys);
    if (key === undefined) return refused;
    const advanced = await advance(held, key, planFor(held.value, verdict, policy, now));
    if (advanced.type === 'answer') {
      const type = verdict.type === 'current' ? 'tokens_refreshed' : 'superseded_token_answered';
      ports.events.emit({ type, ...grantFacts(held.value) });
    }
    return advanced;
  };
}

type GoodVerdict = Extract<RefreshVerdict, { type: 'current' | 'superseded' }>;

/** The grant and what the token is in it, where it is good; a replay ends the grant. */
async function judge(
  parts: RefreshParts,
  { clientId, resource }: Bound,
  presented: PresentedToken,
  now: EpochSeconds,
  inFlight: boolean,
): Promise<{ held: Versioned<LiveGrant>; verdict: GoodVerdict } | undefined> {
  const { ports, policy } = parts;
  const held = await readLiveGrant(ports, presented.gateway.grant);
  if (held?.value.clientId !== clientId || held.value.resource !== resource) return undefined;
  const verdict = judgeRefresh(held.value, presented, policy, now, inFlight);
  if (verdict.type === 'replay') await endReplayed(parts, held, verdict.entry, presented);
  return verdict.type === 'refuse' || verdict.type === 'replay' ? undefined : { held, verdict };
}

const refused = { type: 'refused' } as const;

/** The replayed token itself opens the grant, so that the upstream's tokens can be revoked too. */
async function endReplayed(
  { endGrant, keys }: RefreshParts,
  held: Versioned<LiveGrant>,
  { wrap }: RefreshEntry,
  { gateway }: PresentedToken,
): Promise<void> {
  const key = unwrapDataKey(wrap, gateway.secret, gateway.grant, 'refresh', keys);
  await endGrant(held, 'refresh_replayed', key && sealKeyOf(key));
}

/** The newest token moves the grant; an older one is answered with the newest pair, unless that would bring the client back at once. */
function planFor(
  grant: LiveGrant,
  verdict: GoodVerdict,
  policy: TokenPolicy,
  now: EpochSeconds,
): AdvancePlan {
  const move =
    verdict.type === 'current' ||
    isPairNearlySpent(grant, policy, now) ||
    isUpstreamNearlySpent(grant, now);
  return { move, ask: move, also: (each) => withPresented(each, verdict.entry.generation) };
}

// One text for every cause: which half was wrong is nobody's business (RFC 6749 §5.2).
const notAccepted = failure(
  oauthError('invalid_grant', 'The refresh token is not accepted: start the authorization again.'),
);
