import type { ClientId } from '../domain/client-registration.ts';
import type { LiveGrant, Subject, TokenPolicy } from '../domain/grant.ts';
import { judgeAccess } from '../domain/grant-access.ts';
import { judgeRefresh } from '../domain/grant-rotation.ts';
import { type EpochSeconds, earlier } from '../domain/lifetime.ts';
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
): IntrospectToken {
  return async (token) => {
    const presented = readPresentedToken(token);
    if (presented === undefined) return undefined;
    const held = await readLiveGrant(ports, presented.gateway.grant);
    return held && lookAt(held.value, presented, policy, ports.clock.now());
  };
}

function lookAt(
  grant: LiveGrant,
  presented: PresentedToken,
  policy: TokenPolicy,
  now: EpochSeconds,
): Introspection | undefined {
  const { clientId, subject, scope, resource, issuedAt, upstream } = grant;
  const common = { clientId, subject, scope, resource, issuedAt };
  const access = judgeAccess(grant, presented, policy, now);
  if (access.type === 'live') {
    // What cannot be renewed ends with the upstream's token.
    const upstreamEnd = upstream.renewable ? undefined : upstream.expiresAt;
    const expiresAt = earlier(access.entry.expiresAt, upstreamEnd);
    return { ...common, kind: 'access', expiresAt };
  }
  const refresh = judgeRefresh(grant, presented, policy, now, false);
  return refresh.type === 'current' || refresh.type === 'superseded'
    ? { ...common, kind: 'refresh', expiresAt: refresh.entry.expiresAt }
    : undefined;
}
