import { measuredScopes, noStepUp, type Scope, type StepUp, type UpstreamScopes } from './scope.ts';
import type { UpstreamClient } from './upstream-client.ts';

/** What the upstream's MCP server says about itself, each part as far as it says so (RFC 9728 §2). */
export interface UpstreamResource {
  /** Its identifier, exactly as its metadata spells it. */
  readonly resource: string | undefined;
  /** What the challenge to a request without a token asks for (RFC 6750 §3). */
  readonly challengeScopes: readonly string[] | undefined;
  /** The `scopes_supported` of its metadata. */
  readonly resourceScopes: readonly string[] | undefined;
  /** Pages for people: `resource_documentation`, `resource_policy_uri`, `resource_tos_uri`. */
  readonly documentation: string | undefined;
  readonly policy: string | undefined;
  readonly termsOfService: string | undefined;
}

/** An MCP server that says nothing. */
export const silentResource: UpstreamResource = {
  resource: undefined,
  challengeScopes: undefined,
  resourceScopes: undefined,
  documentation: undefined,
  policy: undefined,
  termsOfService: undefined,
};

/**
 * The upstream's authorization server, as far as it is known: from the configuration, or from its metadata (RFC 8414 §2); with what the
 * resource says that it protects.
 */
export interface UpstreamServer extends UpstreamResource {
  /** Absent where the operator named the endpoints, or where there is no metadata: nothing is known of the server then. */
  readonly issuer: string | undefined;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly registrationEndpoint: string | undefined;
  /** Where its tokens can be revoked (RFC 7009). */
  readonly revocationEndpoint: string | undefined;
  readonly authMethods: readonly string[] | undefined;
  readonly scopesSupported: readonly string[] | undefined;
  /** Whether it puts `iss` into its authorization responses (RFC 9207 §3). */
  readonly issuerInResponse: boolean;
  /** Whether it takes the URL of a document for a client id (`client_id_metadata_document_supported`). */
  readonly acceptsDocuments: boolean;
}

/** How requests to one upstream differ from those to another. */
export interface UpstreamManners {
  /** Sent as `resource` (RFC 8707 §2), the same at both endpoints; absent: not sent. */
  readonly resource: string | undefined;
  readonly authorizeParameters: Readonly<Record<string, string>>;
  readonly tokenParameters: Readonly<Record<string, string>>;
  /** Whether a refresh repeats the scope. */
  readonly scopeOnRefresh: boolean;
  /** Types of tokens that are bearer tokens, in small letters. */
  readonly tokenTypes: readonly string[];
  /** Whether the end of a grant is told to its revocation endpoint (RFC 7009). */
  readonly revokes: boolean;
}

/** A server, the gateway's credentials there, and how to talk to it. */
export interface Upstream {
  readonly server: UpstreamServer;
  readonly client: UpstreamClient;
  readonly manners: UpstreamManners;
}

/** The name that credentials and tokens are bound to: those of one server never go to another (RFC 9700 §4.4). */
export function serverName({ issuer, tokenEndpoint }: UpstreamServer): string {
  return issuer ?? tokenEndpoint;
}

/**
 * The names under which a server's credentials may be kept, today's first: that of its token endpoint from before it published another, and
 * with one trailing slash more or less (Google's differs from one document to the next).
 */
export function serverNames({ issuer, tokenEndpoint }: UpstreamServer): [string, ...string[]] {
  if (issuer === undefined) return [tokenEndpoint];
  const otherwise = issuer.endsWith('/') ? issuer.slice(0, -1) : `${issuer}/`;
  return [issuer, otherwise, tokenEndpoint];
}

/**
 * Whether an authorization response may be this server's (RFC 9207 §2.4, MCP authorization): its `iss`, where one is sent, must be the
 * server's issuer, and must be sent where the server says that it sends it. Of a server without a known issuer nothing can be said.
 */
export function isIssuerOf(server: UpstreamServer, presented: string | undefined): boolean {
  if (server.issuer === undefined) return true;
  return presented === undefined ? !server.issuerInResponse : presented === server.issuer;
}

/** What the resource asks for when nobody says otherwise (MCP authorization, "Scope Selection Strategy"). */
export function scopesDemanded(resource: UpstreamResource): readonly string[] | undefined {
  return resource.challengeScopes ?? resource.resourceScopes;
}

/**
 * What a client is registered for: all that may be asked for later. Strict servers grant nothing beyond it, neither what a resource
 * asks for in the middle of its work nor what a client wants of the server itself (`openid`).
 */
export function scopesToRegister(server: UpstreamServer): readonly string[] | undefined {
  const { challengeScopes = [], resourceScopes = [], scopesSupported = [] } = server;
  const all = [...new Set([...challengeScopes, ...resourceScopes, ...scopesSupported])];
  return measuredScopes(all) ?? scopesDemanded(server);
}

/** What is known of a server's scopes, and of those its resource needs. */
export function scopesOf(
  server: UpstreamServer,
  configured: Scope | undefined,
  stepUp: StepUp = noStepUp,
): UpstreamScopes {
  const { scopesSupported, resourceScopes, challengeScopes } = server;
  return {
    configured,
    supported: scopesSupported ?? resourceScopes,
    demanded: scopesDemanded(server),
    elsewhere: [...(resourceScopes ?? []), ...(challengeScopes ?? [])],
    stepUp,
  };
}
