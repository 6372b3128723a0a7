import { mcpUrl, pathPrefix } from './gateway-address.ts';
import { type OAuthError, oauthError } from './oauth-error.ts';
import { failure, type Result, success } from './result.ts';

/**
 * The protected resource that a client's `resource` parameter names (RFC 8707 §2). Clients send the MCP URL with and without
 * a trailing slash, with a query, or only its origin; all of them mean the one resource behind this gateway.
 * Absent means it too. Another origin or path is `invalid_target`.
 */
export function requestedResource(
  resource: string | undefined,
  bases: readonly string[],
): Result<string, OAuthError> {
  const [base = ''] = bases;
  if (resource === undefined) return success(mcpUrl(base));
  const named = URL.canParse(resource) ? new URL(resource) : undefined;
  const isBase = (each: string) => named !== undefined && isWithin(named, each);
  const match = resource.includes('#') ? undefined : bases.find(isBase);
  if (match !== undefined) return success(mcpUrl(match));
  return failure(oauthError('invalid_target', `The resource here is ${mcpUrl(base)}.`));
}

function isWithin({ origin, pathname }: URL, base: string): boolean {
  const path = pathname.slice(pathPrefix(base).length);
  return (
    origin === new URL(base).origin && pathname.startsWith(pathPrefix(base)) && paths.has(path)
  );
}

const paths = new Set(['', '/', '/mcp', '/mcp/']);
