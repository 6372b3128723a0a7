import type { GatewayBases } from '../domain/gateway-address.ts';
import type { TokenPolicy } from '../domain/grant.ts';
import { type CodeRedemption, judgeCode, withUsedCode } from '../domain/grant-code.ts';
import { type GatewayKeys, sealKeyOf, unwrapDataKey } from '../domain/grant-keys.ts';
import type { TokenAnswer } from '../domain/grant-rotation.ts';
import { isUpstreamNearlySpent } from '../domain/grant-upstream.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { requestedResource } from '../domain/resource.ts';
import { failure, type Result } from '../domain/result.ts';
import { readGatewayToken } from '../domain/token-pair.ts';
import { type Advance, type AdvanceGrant, settle } from './advance-grant.ts';
import type { EndGrant } from './end-grant.ts';
import { grantFacts } from './events.ts';
import type { KnownClient } from './find-client.ts';
import { readLiveGrant } from './live-grants.ts';
import { noteOutcome } from './note-outcome.ts';
import type { Ports } from './ports.ts';

/** What came with grant_type=authorization_code (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface CodeExchange {
  readonly code: string;
  readonly redirectUri: string | undefined;
  readonly verifier: string;
  readonly resource: string | undefined;
  readonly bases: GatewayBases;
}

/** Exchanges a code for the first token pair of its grant. */
export type ExchangeCode = (
  client: KnownClient,
  exchange: CodeExchange,
) => Promise<Result<TokenAnswer, OAuthError>>;

interface ExchangeParts {
  readonly ports: Pick<Ports, 'clock' | 'store' | 'events'>;
  readonly advance: AdvanceGrant;
  readonly endGrant: EndGrant;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

/** The use case behind grant_type=authorization_code. */
export function exchangeCode(parts: ExchangeParts): ExchangeCode {
  const { ports } = parts;
  return async (client, exchange) => {
    const { id: clientId } = client.value;
    const code = readGatewayToken(exchange.code);
    // Before the code is looked at: a wrong resource must not cost the client its code.
    const resource = requestedResource(exchange.resource, exchange.bases);
    const answer = resource.ok
      ? await settle(
          async () =>
            code
              ? redeem(parts, { ...exchange, code, clientId, resource: resource.value })
              : refused,
          notAccepted,
        )
      : resource;
    await noteOutcome(ports, parts.policy, client, code?.grant, answer);
    return answer;
  };
}

async function redeem(
  { ports, advance, endGrant, keys }: ExchangeParts,
  redemption: CodeRedemption,
): Promise<Advance> {
  const { grant: id, secret } = redemption.code;
  const held = await readLiveGrant(ports, id);
  if (held?.value.code === undefined) return refused;
  const now = ports.clock.now();
  const verdict = judgeCode(held.value, redemption, now);
  if (verdict === 'refuse') return refused;
  const key = unwrapDataKey(held.value.code.wrap, secret, id, 'code', keys);
  if (verdict === 'replay') {
    await endGrant(held, 'code_replayed', key && sealKeyOf(key));
  }
  if (verdict === 'replay' || key === undefined) return refused;
  const ask = isUpstreamNearlySpent(held.value, now);
  const advanced = await advance(held, key, { move: true, ask, also: withUsedCode });
  if (advanced.type === 'answer') {
    ports.events.emit({ type: 'code_exchanged', ...grantFacts(held.value) });
  }
  return advanced;
}

const refused = { type: 'refused' } as const;

// One text for every cause: what was wrong with a code is nobody's business (RFC 6749 §5.2).
const notAccepted = failure(
  oauthError('invalid_grant', 'The code is not accepted: start the authorization again.'),
);
