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
  return revocation && openOrder(revocation, id, keys);
}

/** An ended grant with an order that came after its end, beside what is still to be revoked of it. */
export function withLateOrder(
  grant: EndedGrant,
  order: Sealed | undefined,
  nonce: Uint8Array,
  keys: GatewayKeys,
): EndedGrant {
  const before = orderedRevocations(grant, keys);
  const late = order && openOrder(order, grant.id, keys);
  if (late === undefined) return grant;
  if (before === undefined) return { ...grant, revocation: order };
  const tokens = [...new Set([...late.tokens, ...before.tokens])];
  const both = JSON.stringify({ binding: late.binding, tokens });
  return { ...grant, revocation: seal(keys.current, nonce, both, context(grant.id)) };
}

function openOrder(order: Sealed, id: GrantId, keys: GatewayKeys): RevocationOrder | undefined {
  for (const key of [keys.current, ...keys.previous]) {
    const opened = unseal(key, order, context(id));
    // Authenticated: these are the very bytes that were sealed here.
    if (opened !== undefined) return JSON.parse(Buffer.from(opened).toString()) as RevocationOrder;
  }
  return undefined;
}

function context(grant: GrantId): string {
  return `revocation ${grant}`;
}
