import type { LiveGrant, OpenGrant, TokenPolicy } from '../domain/grant.ts';
import { type DataKey, type GatewayKeys, sealKeyOf } from '../domain/grant-keys.ts';
import {
  bindNewest,
  moveGeneration,
  newestPair,
  type TokenAnswer,
} from '../domain/grant-rotation.ts';
import { isPastHelp, tokensOfGrant } from '../domain/grant-upstream.ts';
import type { EpochSeconds } from '../domain/lifetime.ts';
import type { OAuthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { type UpstreamTokens, upstreamUnavailable } from '../domain/upstream-tokens.ts';
import type { EndGrant } from './end-grant.ts';
import { writeGrant } from './live-grants.ts';
import type { Ports, Versioned } from './ports.ts';
import type { RenewUpstreamTokens } from './renew-upstream-tokens.ts';

/** What became of an attempt to answer with a token pair. */
export type Advance =
  | { readonly type: 'answer'; readonly answer: TokenAnswer }
  /** Another writer was faster: read again and decide again. */
  | { readonly type: 'overtaken' }
  /** The token presented is not, or no longer, good for anything. */
  | { readonly type: 'refused' }
  | { readonly type: 'unavailable'; readonly retryAfter: number | undefined };

/** How a grant is to be advanced. */
export interface AdvancePlan {
  /** To a new generation, or only to the newest pair as it is. */
  readonly move: boolean;
  /** Whether the upstream is asked for new tokens first, if it gave a refresh token. */
  readonly ask: boolean;
  /** What else the same write changes. */
  readonly also: (grant: LiveGrant, now: EpochSeconds) => LiveGrant;
}

/** Advances an opened grant and answers with its newest pair; what is answered is committed first. */
export type AdvanceGrant = (
  held: Versioned<LiveGrant>,
  key: DataKey,
  plan: AdvancePlan,
) => Promise<Advance>;

interface AdvanceParts {
  readonly ports: Pick<Ports, 'clock' | 'store'>;
  readonly renew: RenewUpstreamTokens;
  readonly endGrant: EndGrant;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** What the two grant types of /token have in common. */
export function advanceGrant(parts: AdvanceParts): AdvanceGrant {
  return async (held, key, plan) => {
    const tokens = tokensOfGrant(held.value, sealKeyOf(key));
    if (tokens === undefined) return { type: 'refused' };
    if (plan.move && isPastHelp(held.value, parts.ports.clock.now())) {
      const isOver = await parts.endGrant(held, 'upstream_refused');
      return { type: isOver ? 'refused' : 'overtaken' };
    }
    return plan.ask && held.value.upstream.renewable
      ? askAndAdvance(parts, held, key, tokens, plan)
      : advanceAsItIs(parts, held, key, tokens, plan);
  };
}

async function askAndAdvance(
  parts: AdvanceParts,
  held: Versioned<LiveGrant>,
  key: DataKey,
  tokens: UpstreamTokens,
  plan: AdvancePlan,
): Promise<Advance> {
  const change = changeOf(parts, held.value.generation, key, plan);
  const renewal = await parts.renew(held, sealKeyOf(key), tokens, change);
  return renewal.type === 'renewed'
    ? answerWith(parts, { grant: renewal.stored.value, key }, renewal.tokens)
    : renewal;
}

async function advanceAsItIs(
  parts: AdvanceParts,
  held: Versioned<LiveGrant>,
  key: DataKey,
  tokens: UpstreamTokens,
  plan: AdvancePlan,
): Promise<Advance> {
  const { ports, policy } = parts;
  const now = ports.clock.now();
  // A new pair would only go round in circles.
  const grant = changeOf(parts, held.value.generation, key, plan)(held.value, tokens, now);
  const written = grant === held.value || (await writeGrant(ports, policy, held, grant));
  if (!written) return { type: 'overtaken' };
  return answerWith(parts, { grant, key }, tokens);
}

function changeOf(
  { keys, policy }: AdvanceParts,
  from: number,
  key: DataKey,
  plan: AdvancePlan,
): (grant: LiveGrant, tokens: UpstreamTokens, now: EpochSeconds) => LiveGrant {
  return (grant, tokens, now) => {
    const open: OpenGrant = { grant: plan.also(grant, now), key };
    // Moved by another since it was read (a claim that ran out): the tokens count, a second move does not.
    return plan.move && grant.generation === from
      ? moveGeneration(open, tokens, keys, policy, now)
      : bindNewest(open, tokens);
  };
}

function answerWith(
  { ports, policy }: AdvanceParts,
  open: OpenGrant,
  tokens: UpstreamTokens,
): Advance {
  return { type: 'answer', answer: newestPair(open, tokens, policy, ports.clock.now()) };
}

/** As often as a request may be overtaken by other writers of its grant before its client is asked to come back. */
const rounds = 20;

/** Repeats an attempt until it is not overtaken, and says it in the words of /token; `notAccepted` is one text for every cause (RFC 6749 §5.2). */
export async function settle(
  attempt: () => Promise<Advance>,
  notAccepted: Result<never, OAuthError>,
): Promise<Result<TokenAnswer, OAuthError>> {
  for (let round = 0; round < rounds; round += 1) {
    const advanced = await attempt();
    if (advanced.type === 'answer') return success(advanced.answer);
    if (advanced.type === 'refused') return notAccepted;
    if (advanced.type === 'unavailable') return failure(upstreamUnavailable(advanced.retryAfter));
  }
  return failure(upstreamUnavailable(1));
}
