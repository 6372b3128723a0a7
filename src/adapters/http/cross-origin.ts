import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import { isAllowedOrigin, type OriginPolicy } from '../../domain/web-origin.ts';
import { sendJson } from './answers.ts';
import { rawValue } from './raw-headers.ts';
import { leaveRest } from './rest-of-body.ts';
import { seenBase } from './seen-base.ts';

/** Request headers that a browser client may send; every `Mcp-` header besides. */
const allowedHeaders = [
  'authorization',
  'content-type',
  'accept',
  'mcp-protocol-version',
  'mcp-session-id',
  'last-event-id',
  'mcp-method',
  'mcp-name',
];

const exposedHeaders = 'WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version';
/** Seconds a browser may remember a preflight; Chromium takes no more. */
const preflightKept = '7200';

/** Pages of a browser that must not be called from other pages: they are navigated to. */
const pages = new Set(['/', '/authorize', '/login', '/login/callback', '/upstream/callback']);

/**
 * Decides about a request that a web page made. True: it has been answered. Preflights are answered before anything else, authentication above
 * all (the Fetch standard sends no credentials along); a foreign origin is refused on /mcp, and elsewhere gets an answer that its page cannot read.
 */
export type CrossOrigin = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => boolean;

/** The cross-origin rule of a gateway. */
export function crossOrigin(policy: OriginPolicy, address: () => GatewayAddress): CrossOrigin {
  /** Whose pages may read the answer. */
  const readers = (
    origin: string | undefined,
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ) => {
    if (path.startsWith('/.well-known/')) return anybody;
    if (origin === undefined || pages.has(path)) return undefined;
    return isAllowedOrigin(origin, policy, seenBase(address(), request, response))
      ? origin
      : undefined;
  };
  return (request, response, path) => {
    // Every call on the hot path comes by here, and hardly one of them has an origin.
    const origin = rawValue(request.rawHeaders, 'origin');
    const allowed = readers(origin, request, response, path);
    allowAnswer(response, origin, allowed);
    if (request.method === 'OPTIONS') {
      answerPreflight(request, response, allowed !== undefined);
      return true;
    }
    if (origin === undefined || allowed !== undefined || !mcpPaths.has(path)) return false;
    sendJson(response, 403, foreignOrigin(origin));
    return true;
  };
}

/** Of metadata, which is public. It is said to all, whether they are pages or not: caches hand one answer to many (Fetch, "CORS protocol and HTTP caches"). */
const anybody = '*';

const mcpPaths = new Set(['/mcp', '/mcp/']);

/** The origin by name and never credentials: no endpoint that a page may call looks at a cookie. */
function allowAnswer(
  response: ServerResponse,
  origin: string | undefined,
  allowed: string | undefined,
): void {
  if (origin !== undefined && allowed !== anybody) response.setHeader('Vary', 'Origin');
  if (allowed === undefined) return;
  response.setHeader('Access-Control-Allow-Origin', allowed);
  response.setHeader('Access-Control-Expose-Headers', exposedHeaders);
}

function answerPreflight(
  request: IncomingMessage,
  response: ServerResponse,
  allowed: boolean,
): void {
  if (allowed) allowPreflight(request, response);
  leaveRest(response);
  response.writeHead(204).end();
}

function allowPreflight(request: IncomingMessage, response: ServerResponse): void {
  const asked = request.headers['access-control-request-headers']?.toLowerCase().split(',') ?? [];
  const more = asked
    .map((name) => name.trim())
    .filter((name) => /^mcp-[a-z0-9-]{1,64}$/.test(name));
  const headers = [...new Set([...allowedHeaders, ...more])].join(', ');
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST, DELETE');
  response.setHeader('Access-Control-Allow-Headers', headers);
  response.setHeader('Access-Control-Max-Age', preflightKept);
}

function foreignOrigin(origin: string) {
  return {
    error: 'origin_not_allowed',
    error_description: `Pages of ${origin.slice(0, 200)} may not call this server: its operator can allow them with --allowed-origins.`,
  };
}
