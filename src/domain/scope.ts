/** A list of scope tokens separated by spaces (RFC 6749 §3.3). */
export type Scope = string;

/** What is known of the upstream's scopes; each may be missing. */
export interface UpstreamScopes {
  /** Set by the operator: beats everything. */
  readonly configured: Scope | undefined;
  /** All that the authorization server or the resource's metadata lists. */
  readonly supported: readonly string[] | undefined;
  /** What the resource asks for: its challenge's `scope`, else the `scopes_supported` of its metadata. */
  readonly demanded: readonly string[] | undefined;
}

/** The tokens of a scope, each once, in their order. */
export function scopeTokens(scope: Scope | undefined): readonly string[] {
  return [...new Set((scope ?? '').split(' '))].filter((token) => scopeToken.test(token));
}

/** RFC 6749 Appendix A.4: no space, no quote, no backslash. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * What the gateway asks the upstream for on behalf of a client: the scopes are the upstream's own. A client's unknown scopes are
 * dropped without an error, since clients ask for `openid` and the like unasked. `undefined`: the parameter is left out.
 */
export function scopeToAsk(
  requested: Scope | undefined,
  upstream: UpstreamScopes,
): Scope | undefined {
  if (upstream.configured !== undefined) return upstream.configured;
  const { supported, demanded } = upstream;
  const known = scopeTokens(requested).filter((token) => supported?.includes(token) ?? true);
  const chosen = known.length > 0 ? known : (demanded ?? []);
  return chosen.length > 0 ? chosen.join(' ') : undefined;
}
