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
  /** All that it named in any other place. */
  readonly elsewhere: readonly string[];
  /** What the resource demanded in the middle of the client's work. */
  readonly stepUp: StepUp;
}

/** That a resource said `insufficient_scope` to a client (MCP authorization, "Scope Challenge Handling"). */
export interface StepUp {
  /** What it said is missing, to this client in whoever's hands. */
  readonly named: readonly string[];
  /** What of it this user's client met; while it is not known whose client it is, all of it. */
  readonly demanded: readonly string[];
  /** What the user grants this client still; empty while it is not known whose client it is. */
  readonly granted: readonly string[];
}

/** No demand so far. */
export const noStepUp: StepUp = { named: [], demanded: [], granted: [] };

/** The tokens of a scope, each once, in their order. */
export function scopeTokens(scope: Scope | undefined): readonly string[] {
  return [...new Set((scope ?? '').split(' '))].filter((token) => scopeToken.test(token));
}

/**
 * A stranger's list of scopes, where it has a measure and anything in it: it goes on into URLs, pages, records and answers. A longer one is
 * as good as none, since a part of it would mean something else.
 */
export function measuredScopes(tokens: readonly string[]): readonly string[] | undefined {
  const { length } = tokens.join(' ');
  return length > 0 && length <= longestScope ? tokens : undefined;
}

const longestScope = 4096;

/** RFC 6749 Appendix A.4: no space, no quote, no backslash. */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * What the gateway asks the upstream for on behalf of a client: the scopes are the upstream's own. What the client asks for and the
 * upstream never named is dropped, since clients ask for much unasked and an upstream may refuse all for one unknown; else it is what the
 * resource asks for (MCP authorization, "Scope Selection Strategy"). `undefined`: the parameter is left out.
 */
export function scopeToAsk(
  requested: Scope | undefined,
  upstream: UpstreamScopes,
): Scope | undefined {
  if (upstream.configured !== undefined) return upstream.configured;
  const { supported, demanded, stepUp } = upstream;
  const known = scopeTokens(requested).filter((token) => isKnown(token, upstream));
  const chosen =
    known.length > 0
      ? [...grantedBefore(known, stepUp), ...known]
      : [...stepUp.granted, ...(demanded ?? []), ...stepUp.demanded];
  if (chosen.length === 0) return undefined;
  // "Refresh Tokens": may be added where the server lists it. Alone it would stand for no access at all.
  const lasting = supported?.includes('offline_access') ? ['offline_access'] : [];
  return [...new Set([...chosen, ...lasting])].join(' ');
}

/** A client that comes back for what was missing must not lose what it had ("Step-Up Authorization Flow"). */
function grantedBefore(known: readonly string[], { named, granted }: StepUp): readonly string[] {
  return known.some((token) => named.includes(token)) ? granted : [];
}

const openIdScopes = new Set(['openid', 'profile', 'email', 'address', 'phone', 'offline_access']);

function isKnown(token: string, { supported, elsewhere, stepUp }: UpstreamScopes): boolean {
  if (token === 'offline_access') return supported?.includes(token) ?? false;
  const named = [...(supported ?? []), ...elsewhere];
  if (named.includes(token) || stepUp.named.includes(token)) return true;
  // A server that lists nothing but its user's claims says nothing about the scopes of its resources (Entra is one).
  return openIdScopes.has(token)
    ? supported === undefined && elsewhere.length === 0
    : named.every((each) => openIdScopes.has(each));
}
