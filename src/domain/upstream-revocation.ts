import type { EndedGrant } from './grant.ts';
import type { GatewayKeys } from './grant-keys.ts';
import { type Sealed, seal, unseal } from './sealing.ts';
import type { GrantId } from './token-pair.ts';
import type { UpstreamBinding } from './upstream-request.ts';
import type { UpstreamTokens } from './upstream-tokens.ts';

/**
 * An order to revoke the upstream's tokens of a grant that ended (RFC 7009): written by the same commit that ends it, so that no crash loses it.
 * The gateway itself has to read it later, without anybody's token in hand: sealed under the gateway key.
 */
export function revocationOrder(
  { refresh, access, binding }: UpstreamTokens,
  grant: GrantId,
  nonce: Uint8Array,
  keys: GatewayKeys,
): Sealed | undefined {
  if (binding === undefined) return undefined; // stand-ins: nobody gave them
  const tokens = [refresh, access].filter((token) => token !== undefined);
  return seal(keys.current, nonce, JSON.stringify({ binding, tokens }), context(grant));
}

/** What an order says. */
export interface RevocationOrder {
  /** To whom the tokens may be sent. */
  readonly binding: UpstreamBinding;
  /** The refresh token first, since most servers revoke the rest with it. */
  readonly tokens: readonly string[];
}

/** The order of a grant that ended; `undefined` where the gateway key is another now. */
export function orderedRevocations(
  { id, revocation }: EndedGrant,
  keys: GatewayKeys,
): RevocationOrder | undefined {
  if (revocation === undefined) return undefined;
  for (const key of [keys.current, ...keys.previous]) {
    const opened = unseal(key, revocation, context(id));
    // Authenticated: these are the very bytes that revocationOrder wrote.
    if (opened !== undefined) return JSON.parse(Buffer.from(opened).toString()) as RevocationOrder;
  }
  return undefined;
}

function context(grant: GrantId): string {
  return `revocation ${grant}`;
}
