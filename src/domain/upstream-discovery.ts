import { readBearerChallenge } from './bearer-challenge.ts';
import { isSameOrigin, type OutboundRule, outboundFault } from './outbound-rule.ts';
import { failure, type Result, success } from './result.ts';
import { measuredScopes, scopeTokens } from './scope.ts';
import type { UpstreamPreset } from './upstream-presets.ts';
import type { UpstreamResource, UpstreamServer } from './upstream-server.ts';

/** The members of protected resource metadata that the gateway reads (RFC 9728 §2). */
export interface ResourceDocument {
  readonly resource: string;
  readonly authorizationServers: readonly string[];
  readonly scopesSupported: readonly string[] | undefined;
  readonly documentation: string | undefined;
  readonly policy: string | undefined;
  readonly termsOfService: string | undefined;
}

/** The members of authorization server metadata that the gateway reads (RFC 8414 §2). */
export interface ServerDocument {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly registrationEndpoint: string | undefined;
  readonly revocationEndpoint: string | undefined;
  readonly authMethods: readonly string[] | undefined;
  readonly challengeMethods: readonly string[] | undefined;
  readonly scopesSupported: readonly string[] | undefined;
  readonly issuerInResponse: boolean;
  readonly acceptsDocuments: boolean;
}

/** What the MCP server answered to a request without a token. */
export interface ProbeAnswer {
  readonly status: number;
  /** Its WWW-Authenticate. */
  readonly challenge: string | undefined;
}

/** What follows from such an answer. */
export interface ProbeReading {
  readonly status: number;
  /** Where its metadata is, by its own word (RFC 9728 §5.1). */
  readonly metadataUrl: string | undefined;
  readonly scopes: readonly string[] | undefined;
}

/** Reads the answer to a request without a token. A metadata URL that must not be asked is not a metadata URL. */
export function readProbe(
  { status, challenge = '' }: ProbeAnswer,
  resource: string,
  rule: OutboundRule,
): ProbeReading {
  const said = status === 401 || status === 403 ? readBearerChallenge(challenge) : undefined;
  const url = said?.resourceMetadata;
  const usable =
    url !== undefined && (isSameOrigin(url, resource) || outboundFault(url, rule) === undefined);
  return {
    status,
    metadataUrl: usable ? url : undefined,
    scopes: measuredScopes(scopeTokens(said?.scope)),
  };
}

/** Where the metadata of a protected resource may be: with its path and query inserted, then at the root (RFC 9728 §3.1, MCP authorization). */
export function resourceMetadataUrls(resource: string): readonly string[] {
  const { origin, pathname, search } = new URL(resource);
  const root = `${origin}/.well-known/oauth-protected-resource`;
  const own = `${pathname.replace(/\/$/, '')}${search}`;
  return own === '' ? [root] : [`${root}${own}`, root];
}

/** Where the metadata of an authorization server may be, in the order of the MCP specification (RFC 8414 §3.1, OpenID Connect Discovery §4). */
export function serverMetadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const oauth = `${origin}/.well-known/oauth-authorization-server${path}`;
  const inserted = `${origin}/.well-known/openid-configuration${path}`;
  return path === ''
    ? [oauth, inserted]
    : [oauth, inserted, `${origin}${path}/.well-known/openid-configuration`];
}

/**
 * Whether resource metadata is about this upstream (RFC 9728 §3.3). Forgiven are one trailing slash (GitHub's own differs by one), and the
 * name of something on the same origin that the MCP server is part of (Slack names its origin).
 */
export function isAbout(document: ResourceDocument, resource: string): boolean {
  if (!URL.canParse(document.resource)) return false;
  const named = new URL(document.resource);
  const own = new URL(resource);
  if (named.origin !== own.origin || named.hash !== '') return false;
  const [parent, child] = [withoutSlash(named.pathname), withoutSlash(own.pathname)];
  if (parent === child) return named.search === own.search;
  return child.startsWith(`${parent}/`) && named.search === '';
}

function withoutSlash(path: string): string {
  return path.replace(/\/$/, '');
}

/** What the judgement of a server's document rests on, besides the document. */
export interface ServerContext {
  /** The issuer that was asked. */
  readonly issuer: string;
  readonly rule: OutboundRule;
  readonly preset: UpstreamPreset | undefined;
}

/** What the MCP server says about itself, by its challenge and its metadata. */
export function resourceOf(
  { scopes }: ProbeReading,
  metadata: ResourceDocument | undefined,
): UpstreamResource {
  return {
    resource: metadata?.resource,
    challengeScopes: scopes,
    resourceScopes: metadata?.scopesSupported,
    documentation: metadata?.documentation,
    policy: metadata?.policy,
    termsOfService: metadata?.termsOfService,
  };
}

/** A server as its own document describes it; what its resource says is not in it yet. */
export type DescribedServer = Omit<UpstreamServer, keyof UpstreamResource>;

/**
 * The server that a document describes, if it may be used: it must speak for the issuer that was asked (RFC 8414 §3.3; one trailing slash
 * is forgiven, as Google needs), have endpoints that may be asked, and offer S256 (MCP authorization, "Authorization Code Protection").
 */
export function serverOf(
  document: ServerDocument,
  context: ServerContext,
): Result<DescribedServer, string> {
  const { issuer, preset } = context;
  if (!speaksFor(document.issuer, context)) {
    return failure(
      `The metadata of ${issuer} names another issuer, ${document.issuer}: if that is the one to use, set --upstream-as to it.`,
    );
  }
  const fault = endpointFault(document, context);
  if (fault !== undefined) return failure(fault);
  const methods = document.challengeMethods ?? (preset?.silentPkce ? ['S256'] : []);
  if (!methods.includes('S256')) {
    return failure(
      `The authorization server ${issuer} does not offer PKCE with S256: if it has it all the same, name both endpoints by --upstream-authorize-endpoint and --upstream-token-endpoint.`,
    );
  }
  const { challengeMethods: _, ...server } = document;
  return success(server);
}

/** Whether a server that calls itself `name` is the one that was asked for. */
export function speaksFor(
  name: string,
  { issuer, preset }: Pick<ServerContext, 'issuer' | 'preset'>,
): boolean {
  if (withoutSlash(name) === withoutSlash(issuer)) return true;
  return preset?.issuers?.includes(name) ?? false;
}

function endpointFault(document: ServerDocument, { rule }: ServerContext): string | undefined {
  const endpoints = [
    ['authorization endpoint', document.authorizationEndpoint],
    ['token endpoint', document.tokenEndpoint],
    ['registration endpoint', document.registrationEndpoint],
    ['revocation endpoint', document.revocationEndpoint],
  ] as const;
  for (const [what, url] of endpoints) {
    const fault = url === undefined ? undefined : outboundFault(url, rule);
    if (fault !== undefined)
      return `The upstream's ${what} ${url} ${fault}, so it is not used: name both endpoints by --upstream-authorize-endpoint and --upstream-token-endpoint, or set --upstream-plain-http=allow where the network is private.`;
  }
  return undefined;
}

/** Where an MCP server of the 2025-03-26 specification has its endpoints if it has no metadata ("Fallbacks for Servers without Metadata Discovery"). */
export function legacyServer(resource: string): DescribedServer {
  const { origin } = new URL(resource);
  return {
    issuer: undefined,
    authorizationEndpoint: `${origin}/authorize`,
    tokenEndpoint: `${origin}/token`,
    registrationEndpoint: `${origin}/register`,
    revocationEndpoint: undefined,
    authMethods: undefined,
    scopesSupported: undefined,
    issuerInResponse: false,
    acceptsDocuments: false,
  };
}

/** What to tell an operator whose MCP server says nothing about where to get a token. */
export function silenceOf({ status }: ProbeReading, resource: string): string {
  if (status < 300) {
    return `${resource} answers without any token: set --upstream-auth=none, or --upstream-as if it wants one for some calls.`;
  }
  if (status === 404)
    return `There is no MCP server at ${resource} (status 404): check --upstream-rs.`;
  return `${resource} does not say which authorization server it trusts (status ${status}): set --upstream-as, or both endpoints.`;
}
