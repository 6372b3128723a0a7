/** A list of scope tokens separated by spaces (RFC 6749 §3.3). */
export type Scope = string;

/** What is known of the upstream's scopes; each may be missing. */
export interface UpstreamScopes {
  /** Set by the operator: beats everything. */
  readonly configured: Scope | undefined;
  /** All that the authorization server lists; where it lists none, the resource's metadata. */
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
 * What the gateway asks the upstream for on behalf of a client: the scopes are the upstream's own. Of what the client asks for, only the
 * scopes of OpenID Connect are dropped where the upstream does not list them, since clients ask for them unasked; any other may come from
 * a challenge, which need not name listed scopes (MCP authorization, "Scope Selection Strategy"). `undefined`: the parameter is left out.
 */
export function scopeToAsk(
  requested: Scope | undefined,
  upstream: UpstreamScopes,
): Scope | undefined {
  if (upstream.configured !== undefined) return upstream.configured;
  const { supported, demanded } = upstream;
  const known = scopeTokens(requested).filter(
    (token) => !openIdScopes.has(token) || isListed(token, supported),
  );
  const chosen = known.length > 0 ? known : (demanded ?? []);
  if (chosen.length === 0) return undefined;
  // "Refresh Tokens": may be added where the server lists it. Alone it would stand for no access at all.
  const lasting = supported?.includes('offline_access') ? ['offline_access'] : [];
  return [...new Set([...chosen, ...lasting])].join(' ');
}

const openIdScopes = new Set(['openid', 'profile', 'email', 'address', 'phone', 'offline_access']);

function isListed(token: string, supported: readonly string[] | undefined): boolean {
  return supported?.includes(token) ?? token !== 'offline_access';
}

/** The scope that a step-up has to ask for: what was granted, and what is missing (MCP authorization, "Step-Up Authorization Flow"). */
export function scopeUnion(granted: Scope | undefined, missing: Scope): Scope {
  return [...new Set([...scopeTokens(granted), ...scopeTokens(missing)])].join(' ');
}
