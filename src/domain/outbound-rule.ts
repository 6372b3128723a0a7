/** What the gateway may talk to on behalf of an upstream: what an upstream names is a stranger's word. */
export interface OutboundRule {
  /** Plain http on this machine: only where the upstream itself is on it. */
  readonly loopback: boolean;
  /** Plain http anywhere: only where the operator said so. */
  readonly plainHttp: boolean;
}

/** The rule that follows from where the upstream MCP server is. */
export function outboundRule(resource: string, plainHttp: boolean): OutboundRule {
  return { loopback: isLoopbackUrl(resource), plainHttp };
}

/** Why a URL must not be asked, as the end of a sentence; `undefined` where it may be (RFC 9700 §2.6, OAuth 2.1 §1.5). */
export function outboundFault(url: string, rule: OutboundRule): string | undefined {
  const named = URL.canParse(url) ? new URL(url) : undefined;
  if (named === undefined || !/^https?:$/.test(named.protocol)) return 'is not an http(s) URL';
  if (named.username !== '' || named.password !== '') return 'holds a user name or password';
  if (named.protocol === 'https:' || rule.plainHttp) return undefined;
  return rule.loopback && isLoopbackUrl(url) ? undefined : 'is plain http';
}

/** Whether two URLs share scheme, host and port (RFC 6454 §4). */
export function isSameOrigin(one: string, other: string): boolean {
  return URL.canParse(one) && URL.canParse(other) && new URL(one).origin === new URL(other).origin;
}

/** Whether a URL never leaves this machine. */
export function isLoopbackUrl(url: string): boolean {
  return URL.canParse(url) && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(new URL(url).hostname);
}
