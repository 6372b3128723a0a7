import type { Client } from '../domain/client-registration.ts';
import type { LiveGrant } from '../domain/grant.ts';
import { type GatewayKeys, sealKeyOf, unwrapDataKey, unwrapSealKey } from '../domain/grant-keys.ts';
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
    const half = knownHalf(held.value, presented.gateway, keys);
    if (half !== undefined) await endGrant(held, 'revoked', half.key);
  };
}

/** A half that the grant knows: used, spent or live, it proves whose grant it is. `key`: absent where the gateway key is another now. */
interface KnownHalf {
  readonly key: SealingKey | undefined;
}

function knownHalf(
  grant: LiveGrant,
  { secret }: GatewayToken,
  keys: GatewayKeys,
): KnownHalf | undefined {
  const hash = sha256(secret);
  const access = grant.access.find((entry) => entry.hash === hash);
  if (access) return { key: unwrapSealKey(access.wrap, secret, grant.id, keys) };
  const refresh = grant.refresh.find((entry) => entry.hash === hash);
  if (refresh === undefined) return undefined;
  const key = unwrapDataKey(refresh.wrap, secret, grant.id, 'refresh', keys);
  return { key: key && sealKeyOf(key) };
}
