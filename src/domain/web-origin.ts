/** Which web origins a browser client may come from. */
export interface OriginPolicy {
  /** Origins that the operator allows; `*` among them for any. */
  readonly allowed: ReadonlySet<string>;
  /** Where the gateway itself is on loopback, pages of other programs on this computer may call it. */
  readonly loopback: boolean;
}

const loopbackOrigin = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;

/**
 * Whether a page of this origin may call the gateway (MCP transports, "Security Warning": servers must validate Origin against DNS rebinding).
 * `base`: the gateway's own URL.
 */
export function isAllowedOrigin(origin: string, policy: OriginPolicy, base: string): boolean {
  if (origin === new URL(base).origin || policy.allowed.has(origin) || policy.allowed.has('*'))
    return true;
  return policy.loopback && loopbackOrigin.test(origin);
}
