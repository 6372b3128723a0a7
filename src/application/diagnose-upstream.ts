import { scopeToAsk } from '../domain/scope.ts';
import { scopesOf, type Upstream } from '../domain/upstream-server.ts';
import {
  diagnoseScreenTwo,
  diagnoseTokenEndpoint,
  type Findings,
  type PageVisitor,
  troubleIn,
  wellAndGood,
} from './diagnose-endpoints.ts';
import type { Ports } from './ports.ts';
import { type KnownUpstream, mannersAt } from './resolve-upstream.ts';
import type { UpstreamSettings } from './upstream-settings.ts';

/** How a sign-in at the upstream would go, as far as that can be said without a user. */
export interface Diagnosis extends Findings {
  /** Absent where there is none to be had, or where none is needed; without a client where there are no credentials. */
  readonly upstream: (Omit<Upstream, 'client'> & Partial<Pick<Upstream, 'client'>>) | undefined;
  /** What will be asked for when a client asks for nothing in particular. */
  readonly scope: string | undefined;
}

/** Walks everything that comes before and after a user. */
export type DiagnoseUpstream = () => Promise<Diagnosis>;

interface DiagnoseParts {
  readonly ports: Pick<Ports, 'authorizationServer'>;
  readonly settings: UpstreamSettings;
  readonly upstream: KnownUpstream;
  readonly pages: PageVisitor;
  readonly callbackUrl: () => string;
  readonly documentUrl: string | undefined;
}

/** The use case behind `doctor`. */
export function diagnoseUpstream(parts: DiagnoseParts): DiagnoseUpstream {
  return () => (parts.settings.auth === 'oauth' ? withOAuth(parts) : withoutOAuth(parts));
}

async function withOAuth(parts: DiagnoseParts): Promise<Diagnosis> {
  const { settings, upstream: known } = parts;
  const found = await known.server();
  if (!found.ok) return nothing([troubleIn('The upstream', found.failure)]);
  const server = found.value;
  const scope = scopeToAsk(undefined, scopesOf(server, settings.scope));
  const resolved = await known.resolve();
  const mcp = await mcpServer(parts);
  if (!resolved.ok) {
    const problems = [troubleIn('The registration endpoint', resolved.failure), ...mcp.problems];
    return { upstream: { server, manners: mannersAt(settings, server) }, scope, ...mcp, problems };
  }
  const upstream = resolved.value;
  const endpoints = {
    ...parts,
    mayLeaveOutResource: known.mayLeaveOutResource(),
    clientRemedy: clientRemedy(parts, upstream.client.clientId),
  };
  const looks = [
    mcp,
    await diagnoseScreenTwo(endpoints, upstream, scope),
    await diagnoseTokenEndpoint(endpoints, upstream, scope),
  ];
  return {
    upstream,
    scope,
    problems: looks.flatMap(({ problems }) => problems),
    notes: looks.flatMap(({ notes }) => notes),
  };
}

/** What an operator can do for a client that is not theirs. */
function clientRemedy(parts: DiagnoseParts, clientId: string): string | undefined {
  const { settings, documentUrl, callbackUrl } = parts;
  if (settings.clientId !== undefined) return undefined;
  return clientId === documentUrl
    ? `the gateway has to be running and reachable at ${clientId}, where its client document is; --upstream-registration=dynamic does without it.`
    : `the gateway registered this client just now, in vain: register one by hand with the callback URL ${callbackUrl()} and set --upstream-client-id.`;
}

/** The MCP server itself, where the way to its authorization server does not lead over it. */
async function mcpServer({ ports, settings }: DiagnoseParts): Promise<Findings> {
  const { resource, issuer, authorizationEndpoint, limits } = settings;
  if (issuer === undefined && authorizationEndpoint === undefined) return wellAndGood;
  const probe = await ports.authorizationServer.probe(resource, limits.call);
  if (!probe.ok) return { problems: [troubleIn('The MCP server', probe.failure)], notes: [] };
  const { status } = probe.value;
  if (status === 401 || status === 403) return wellAndGood;
  return status < 400
    ? {
        problems: [],
        notes: [`The MCP server answers without a token: --upstream-auth=none may be enough.`],
      }
    : { problems: [withStatus(status)], notes: [] };
}

/** Where there is no authorization server, the MCP server's own answer is all there is to see. */
async function withoutOAuth({ ports, settings }: DiagnoseParts): Promise<Diagnosis> {
  const { resource, auth, limits } = settings;
  const probe = await ports.authorizationServer.probe(resource, limits.call);
  if (!probe.ok) return nothing([troubleIn('The MCP server', probe.failure)]);
  const { status } = probe.value;
  if (status < 400) return nothing([]);
  const refuses = status === 401 || status === 403;
  if (!refuses) return nothing([withStatus(status)]);
  return nothing([
    auth === 'static'
      ? `The MCP server does not accept the header (status ${status}): correct --upstream-header.`
      : `The MCP server wants a token (status ${status}): leave --upstream-auth out, or set it to static with a header.`,
  ]);
}

function withStatus(status: number): string {
  return `The MCP server answers with status ${status}: check --upstream-rs.`;
}

function nothing(problems: readonly string[]): Diagnosis {
  return { upstream: undefined, scope: undefined, problems, notes: [] };
}
