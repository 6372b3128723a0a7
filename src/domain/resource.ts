import { type GatewayBases, mcpUrl, pathPrefix } from './gateway-address.ts';
import { type OAuthError, oauthError } from './oauth-error.ts';
import { failure, type Result, success } from './result.ts';

/**
 * The protected resource that a client's `resource` parameter names (RFC 8707 §2). Clients send the MCP URL with and without
 * a trailing slash, with a query, or only its origin; all of them mean the one resource behind this gateway.
 * Absent means it too. Another origin or path is `invalid_target`. The value is the canonical spelling, which grants are bound to: another
 * name of this gateway is still this gateway, and another gateway that shares its store is not.
 */
export function requestedResource(
  resource: string | undefined,
  bases: GatewayBases,
): Result<string, OAuthError> {
  const [base, canonical] = bases;
  if (resource === undefined) return success(mcpUrl(canonical));
  const named = URL.canParse(resource) ? new URL(resource) : undefined;
  const isBase = (each: string) => named !== undefined && isWithin(named, each);
  if (!resource.includes('#') && bases.some(isBase)) return success(mcpUrl(canonical));
  return failure(oauthError('invalid_target', `The resource here is ${mcpUrl(base)}.`));
}

function isWithin({ origin, pathname }: URL, base: string): boolean {
  const path = pathname.slice(pathPrefix(base).length);
  return (
    origin === new URL(base).origin && pathname.startsWith(pathPrefix(base)) && paths.has(path)
  );
}

const paths = new Set(['', '/', '/mcp', '/mcp/']);
