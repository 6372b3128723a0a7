import type { Scope, UpstreamScopes } from './scope.ts';

/** The upstream's authorization server, as far as it is known: from the configuration, or from its metadata (RFC 8414 §2). */
export interface UpstreamServer {
  /** Absent where the operator named the endpoints: nothing is known of the server then. */
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
  /** The protected resource, exactly as its metadata spells it, to be sent as `resource` (RFC 8707 §2); absent: not sent. */
  readonly resource: string | undefined;
  /** What the resource's own metadata says it needs. */
  readonly resourceScopes: readonly string[] | undefined;
}

/** How the gateway proves at the upstream's token endpoint who it is. */
export interface UpstreamClient {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly method: 'none' | 'client_secret_basic' | 'client_secret_post';
}

/** A server and the gateway's credentials there. */
export interface Upstream {
  readonly server: UpstreamServer;
  readonly client: UpstreamClient;
}

/** The method for a client, chosen from what the server lists (RFC 8414 §2: an absent list means Basic). */
export function authMethodFor(
  secret: string | undefined,
  listed: readonly string[] | undefined,
): UpstreamClient['method'] {
  if (secret === undefined) return 'none';
  const post = listed !== undefined && !listed.includes('client_secret_basic');
  return post && listed.includes('client_secret_post')
    ? 'client_secret_post'
    : 'client_secret_basic';
}

/** What the gateway says about one authorization at the upstream. */
export interface UpstreamAuthorization {
  readonly redirectUri: string;
  readonly state: string;
  readonly challenge: string;
  readonly scope: string | undefined;
}

/** The URL of screen 2: the upstream's own sign-in and consent (RFC 6749 §4.1.1, RFC 7636 §4.3). */
export function upstreamAuthorizationUrl(
  { server, client }: Upstream,
  authorization: UpstreamAuthorization,
): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: authorization.redirectUri,
    state: authorization.state,
    code_challenge: authorization.challenge,
    code_challenge_method: 'S256',
  });
  if (authorization.scope !== undefined) query.set('scope', authorization.scope);
  if (server.resource !== undefined) query.set('resource', server.resource);
  const endpoint = server.authorizationEndpoint;
  return `${endpoint}${endpoint.includes('?') ? '&' : '?'}${query}`;
}

/** The form fields of a token request that carry what both grant types share (RFC 8707 §2.2). */
export function tokenRequest(
  { server }: Upstream,
  fields: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return server.resource === undefined ? fields : { ...fields, resource: server.resource };
}

/**
 * Whether an authorization response may be this server's (RFC 9207 §2.4): its `iss`, where one is sent, must be the server's issuer, and must be
 * sent where the server says that it sends it. Of a server whose endpoints the operator named the issuer is not known.
 */
export function isIssuerOf(server: UpstreamServer, presented: string | undefined): boolean {
  if (server.issuer === undefined) return true;
  return presented === undefined ? !server.issuerInResponse : presented === server.issuer;
}

/** What is known of a server's scopes, and of those its resource needs. */
export function scopesOf(server: UpstreamServer, configured: Scope | undefined): UpstreamScopes {
  return {
    configured,
    supported: server.scopesSupported ?? server.resourceScopes,
    demanded: server.resourceScopes,
  };
}
