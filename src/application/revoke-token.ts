import type { Client } from '../domain/client-registration.ts';
import type { LiveGrant } from '../domain/grant.ts';
import { type GatewayKeys, sealKeyOf, unwrapDataKey, unwrapSealKey } from '../domain/grant-keys.ts';
import { tokensOfGrant } from '../domain/grant-upstream.ts';
import type { SealingKey } from '../domain/sealing.ts';
import { sha256 } from '../domain/secret-hash.ts';
import { type GatewayToken, readPresentedToken } from '../domain/token-pair.ts';
import type { EndGrant } from './end-grant.ts';
import { readLiveGrant } from './live-grants.ts';
import type { Ports } from './ports.ts';

/**
 * Revokes the grant that a token of either kind belongs to (RFC 7009 §2): the client is done with it. A token that is unknown, or another
 * client's, changes nothing; the answer is the same (§2.2).
 */
export type RevokeToken = (client: Client, token: string) => Promise<void>;

interface RevokeParts {
  readonly ports: Pick<Ports, 'store'>;
  readonly endGrant: EndGrant;
  readonly keys: GatewayKeys;
}

/** The use case behind POST /revoke. */
export function revokeToken({ ports, endGrant, keys }: RevokeParts): RevokeToken {
  return async (client, token) => {
    const presented = readPresentedToken(token);
    if (presented === undefined) return;
    const held = await readLiveGrant(ports, presented.gateway.grant);
    if (held === undefined || held.value.clientId !== client.id) return;
    const key = sealKeyUnder(held.value, presented.gateway, keys);
    if (key === undefined) return;
    await endGrant(held, 'revoked', tokensOfGrant(held.value, key));
  };
}

/** The sealing key, for whoever presents a half that the grant knows: used, spent or live, it proves whose grant it is. */
function sealKeyUnder(
  grant: LiveGrant,
  { secret }: GatewayToken,
  keys: GatewayKeys,
): SealingKey | undefined {
  const hash = sha256(secret);
  const access = grant.access.find((entry) => entry.hash === hash);
  if (access) return unwrapSealKey(access.wrap, secret, grant.id, keys);
  const refresh = grant.refresh.find((entry) => entry.hash === hash);
  const key = refresh && unwrapDataKey(refresh.wrap, secret, grant.id, 'refresh', keys);
  return key && sealKeyOf(key);
}
