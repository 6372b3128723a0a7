import type { ClientId } from '../domain/client-registration.ts';
import { endOfGrant, type LiveGrant, type Subject, type TokenPolicy } from '../domain/grant.ts';
import { judgeAccess } from '../domain/grant-access.ts';
import { judgeRefresh } from '../domain/grant-rotation.ts';
import { isPastHelp } from '../domain/grant-upstream.ts';
import { type EpochSeconds, earlier, epochSeconds, type Seconds } from '../domain/lifetime.ts';
import { type PresentedToken, readPresentedToken } from '../domain/token-pair.ts';
import { readLiveGrant } from './live-grants.ts';
import type { Ports } from './ports.ts';

/** What may be told of a token that is good (RFC 7662 §2.2). */
export interface Introspection {
  readonly kind: 'access' | 'refresh';
  readonly clientId: ClientId;
  readonly subject: Subject;
  readonly scope: string | undefined;
  readonly resource: string;
  readonly issuedAt: EpochSeconds;
  readonly expiresAt: EpochSeconds;
}

/** Looks at a token without using it; `undefined`: not active, for whatever reason (RFC 7662 §2.2). */
export type IntrospectToken = (token: string) => Promise<Introspection | undefined>;

/** The use case behind POST /introspect. */
export function introspectToken(
  ports: Pick<Ports, 'clock' | 'store'>,
  policy: TokenPolicy,
  resource: () => string,
): IntrospectToken {
  return async (token) => {
    const presented = readPresentedToken(token);
    if (presented === undefined) return undefined;
    const held = await readLiveGrant(ports, presented.gateway.grant);
    if (held?.value.resource !== resource()) return undefined;
    return lookAt(held.value, presented, policy, ports.clock.now());
  };
}

function lookAt(
  grant: LiveGrant,
  presented: PresentedToken,
  policy: TokenPolicy,
  now: EpochSeconds,
): Introspection | undefined {
  if (isPastHelp(grant, now)) return undefined;
  const { clientId, subject, scope, resource, upstream } = grant;
  const common = { clientId, subject, scope, resource };
  const grantEnd = endOfGrant(grant, policy);
  const access = judgeAccess(grant, presented, policy, now);
  if (access.type === 'live') {
    // What cannot be renewed ends with the upstream's token.
    const upstreamEnd = upstream.renewable ? undefined : upstream.expiresAt;
    const { expiresAt: end } = access.entry;
    const issuedAt = beginOf(end, policy.accessTtl);
    const expiresAt = earlier(earlier(end, upstreamEnd), grantEnd);
    return { ...common, kind: 'access', issuedAt, expiresAt };
  }
  const refresh = judgeRefresh(grant, presented, policy, now, false);
  if (refresh.type !== 'current' && refresh.type !== 'superseded') return undefined;
  const { expiresAt: end } = refresh.entry;
  const issuedAt = beginOf(end, policy.refreshTtl);
  return { ...common, kind: 'refresh', issuedAt, expiresAt: earlier(end, grantEnd) };
}

function beginOf(end: EpochSeconds, life: Seconds): EpochSeconds {
  return epochSeconds(end - life);
}
