/** Under which URL clients reach the gateway. */
export interface GatewayAddress {
  /** Scheme, authority and perhaps a path, without a trailing slash: of the sign-in pages, the upstream callback, and every URL unless mirrored. */
  readonly canonical: string;
  /** On a loopback bind without a public URL a client may have typed any loopback name, and must be answered with that one. */
  readonly mirrored: boolean;
}

const loopbackHost = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * The base URL of the answer to a request with this Host header. Clients compare `resource` and `issuer` with what their user
 * typed, as strings (RFC 9728 §3.3, RFC 8414 §3.3); any other Host than a loopback name is a stranger's word and not repeated.
 * Any port will do: a container's or a tunnel's is forwarded from another. Who claims one that is nobody's is answered with it, and misleads
 * himself alone, since no page of a stranger has a loopback name and grants are bound to the canonical URL.
 */
export function baseUrlFor(
  address: GatewayAddress,
  host: string | undefined,
  scheme: 'http' | 'https' = 'http',
): string {
  if (!address.mirrored || host === undefined || !loopbackHost.test(host)) return address.canonical;
  const base = `${scheme}://${host.toLowerCase()}`;
  return URL.canParse(base) ? base : address.canonical; // no port is above 65535
}

/** Every URL under which this gateway may answer to a request: that of the request, then the canonical one. */
export type GatewayBases = readonly [named: string, canonical: string];

/** Those for a request with this Host header. */
export function baseUrlsFor(
  address: GatewayAddress,
  host: string | undefined,
  scheme: 'http' | 'https' = 'http',
): GatewayBases {
  return [baseUrlFor(address, host, scheme), address.canonical];
}

/** The path under which everything is, without a trailing slash; empty for a gateway that has its host to itself. */
export function pathPrefix(base: string): string {
  return new URL(base).pathname.replace(/\/$/, '');
}

/** The URL a user pastes into a client. */
export function mcpUrl(base: string): string {
  return `${base}/mcp`;
}

/** The one redirect URI of the gateway at its upstream: always on the canonical name, since upstreams compare it as a string. */
export function upstreamCallbackUrl(address: GatewayAddress): string {
  return `${address.canonical}/upstream/callback`;
}
