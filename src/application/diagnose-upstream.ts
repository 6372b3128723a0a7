import { codeChallengeOf } from '../domain/pkce.ts';
import type { Result } from '../domain/result.ts';
import { scopeToAsk } from '../domain/scope.ts';
import {
  bindingTo,
  isResourceRefusal,
  upstreamAuthorizationUrl,
} from '../domain/upstream-request.ts';
import { scopesOf, type Upstream } from '../domain/upstream-server.ts';
import { reasonOf, refusal, type UpstreamFailure } from '../domain/upstream-tokens.ts';
import type { Ports } from './ports.ts';
import type { KnownUpstream } from './resolve-upstream.ts';
import type { UpstreamSettings } from './upstream-settings.ts';

/** What a page answered to a GET; redirects are not followed. */
export interface VisitedPage {
  readonly status: number;
  readonly location: string | undefined;
}

/** Looks at the upstream's pages as a browser would, but follows nothing. */
export interface PageVisitor {
  visit(url: string): Promise<Result<VisitedPage, UpstreamFailure>>;
}

/** How a sign-in at the upstream would go, as far as that can be said without a user. */
export interface Diagnosis {
  /** Absent where there is none to be had, or where none is needed. */
  readonly upstream: Upstream | undefined;
  /** What will be asked for when a client asks for nothing in particular. */
  readonly scope: string | undefined;
  /** What keeps users from signing in, a sentence each, with what to do about it. */
  readonly problems: readonly string[];
  /** What an operator may want to know all the same. */
  readonly notes: readonly string[];
}

/** Walks everything that comes before and after a user. */
export type DiagnoseUpstream = () => Promise<Diagnosis>;

interface DiagnoseParts {
  readonly ports: Pick<Ports, 'authorizationServer'>;
  readonly settings: UpstreamSettings;
  readonly upstream: KnownUpstream;
  readonly pages: PageVisitor;
  readonly callbackUrl: () => string;
}

/** The use case behind `doctor`. */
export function diagnoseUpstream(parts: DiagnoseParts): DiagnoseUpstream {
  return () => (parts.settings.auth === 'oauth' ? withOAuth(parts) : withoutOAuth(parts));
}

async function withOAuth(parts: DiagnoseParts): Promise<Diagnosis> {
  const resolved = await parts.upstream.resolve();
  if (!resolved.ok) return nothing([troubleIn('The upstream', resolved.failure)]);
  const upstream = resolved.value;
  const scope = scopeToAsk(undefined, scopesOf(upstream.server, parts.settings.scope));
  const screen = await screenTwo(parts, upstream, scope);
  return { upstream, scope, ...screen };
}

/** Sends a request to the authorization endpoint that nobody will ever answer. */
async function screenTwo(
  { pages, upstream: known, callbackUrl }: DiagnoseParts,
  upstream: Upstream,
  scope: string | undefined,
): Promise<Pick<Diagnosis, 'problems' | 'notes'>> {
  const { resource } = bindingTo(upstream, scope);
  const url = upstreamAuthorizationUrl(upstream, {
    redirectUri: callbackUrl(),
    state: 'doctor',
    challenge: codeChallengeOf('doctor'.repeat(8)),
    scope,
    resource,
  });
  const page = await pages.visit(url);
  if (!page.ok)
    return { problems: [troubleIn('The authorization endpoint', page.failure)], notes: [] };
  const refused = refusalIn(page.value, callbackUrl());
  if (refused === undefined) return { problems: [], notes: [] };
  const mends = isResourceRefusal(refused) && resource !== undefined && known.mayLeaveOutResource();
  const sentence = `The authorization endpoint refuses the request (${reasonOf(refused)})`;
  return mends
    ? { problems: [], notes: [`${sentence}; users are sent there once more without resource.`] }
    : { problems: [`${sentence}: ${remedyFor(refused, callbackUrl())}`], notes: [] };
}

/** An error on the way back (RFC 6749 §4.1.2.1), or an error page, which has no code of its own. */
function refusalIn(
  { status, location }: VisitedPage,
  callback: string,
): UpstreamFailure | undefined {
  if (location?.startsWith(callback)) {
    const { searchParams } = new URL(location);
    const error = searchParams.get('error');
    const description = searchParams.get('error_description') ?? undefined;
    return error === null ? undefined : refusal(error, description);
  }
  return status >= 400 ? refusal(`status_${status}`, undefined) : undefined;
}

function remedyFor(refused: UpstreamFailure, callback: string): string {
  const isScope = refused.kind === 'refused' && refused.error === 'invalid_scope';
  return isScope
    ? 'set --upstream-scope to scopes that it knows.'
    : `check that the client exists there, and that ${callback} is one of its callback URLs.`;
}

/** Where there is no authorization server, the MCP server's own answer is all there is to see. */
async function withoutOAuth({ ports, settings }: DiagnoseParts): Promise<Diagnosis> {
  const { resource, auth, limits } = settings;
  const probe = await ports.authorizationServer.probe(resource, limits.call);
  if (!probe.ok) return nothing([troubleIn('The MCP server', probe.failure)]);
  const { status } = probe.value;
  if (status < 400) return nothing([]);
  const refuses = status === 401 || status === 403;
  if (!refuses)
    return nothing([`The MCP server answers with status ${status}: check --upstream-rs.`]);
  return nothing([
    auth === 'static'
      ? `The MCP server does not accept the header (status ${status}): correct --upstream-header.`
      : `The MCP server wants a token (status ${status}): leave --upstream-auth out, or set it to static with a header.`,
  ]);
}

function nothing(problems: readonly string[]): Diagnosis {
  return { upstream: undefined, scope: undefined, problems, notes: [] };
}

function troubleIn(what: string, cause: UpstreamFailure): string {
  return cause.kind === 'unavailable'
    ? `${what} cannot be reached (${cause.reason}): check the address, the network, and HTTPS_PROXY.`
    : reasonOf(cause);
}
