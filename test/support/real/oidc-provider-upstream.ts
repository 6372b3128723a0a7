import './quiet-oidc-provider.ts';

import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import Provider, { type ClientMetadata, type Configuration, errors } from 'oidc-provider';
import { z } from 'zod';
import { type AccessTokenClaims, jwtClaims, opaqueClaims, watchTokens } from './issued-tokens.ts';
import { listenOnLoopback } from './loopback.ts';

/** How the upstream authorization server behaves; each has a default that a strict, modern server would choose. */
export interface OidcProviderOptions {
  /** Seconds an access token lives; default 3600. A function is asked anew for every token. */
  readonly accessTokenTtl?: number | (() => number);
  /** Seconds a refresh token lives; default two weeks. */
  readonly refreshTokenTtl?: number;
  /** Only a token asked for with `resource` can be a JWT; without one oidc-provider always issues opaque ones. */
  readonly accessTokenFormat?: 'opaque' | 'jwt';
  /**
   * Which values of `resource` (RFC 8707) are good: `any` (default), `ignored` (the server does not know the
   * parameter), or a rule; what the rule refuses is answered with `invalid_target`.
   */
  readonly resources?: 'any' | 'ignored' | ((resource: string) => boolean);
  /** What a client that names no `resource` gets a token for; default: for nothing in particular, without `aud`. */
  readonly defaultResource?: () => string | undefined;
  /** Scopes of the resource, beside `openid` and `offline_access`; default `mcp`. */
  readonly scopes?: readonly string[];
  /**
   * What a client gets that asks for no scope (RFC 6749 §3.3); default: all of `scopes`. With `''` it is left to
   * oidc-provider, which lets the user sign in and then answers `access_denied`.
   */
  readonly defaultScope?: string;
  /** Clients that exist from the start. */
  readonly clients?: readonly ClientMetadata[];
  /** Whether clients may register themselves (RFC 7591); default true. */
  readonly registration?: boolean;
  /** Awaited before the provider sees a token request: holds an answer back as long as a test wants. */
  readonly beforeTokenRequest?: () => Promise<void> | void;
}

/** A token request as it arrived, with the answer it got. */
export interface TokenRequest {
  readonly grantType: string;
  /** The form as sent, secrets included. */
  readonly form: URLSearchParams;
  /** How the client said who it is. */
  readonly clientAuthentication: 'client_secret_basic' | 'client_secret_post' | 'none';
  readonly status: number;
  /** The OAuth error of a refusal. */
  readonly error: string | undefined;
}

/** A running oidc-provider. */
export interface OidcProviderUpstream {
  readonly issuer: string;
  /** The same string as the issuer. */
  readonly url: string;
  readonly endpoints: Readonly<
    Record<'authorization' | 'token' | 'registration' | 'revocation' | 'introspection', string>
  >;
  /** Every token request in the order of its answers. */
  readonly tokenRequests: readonly TokenRequest[];
  /** The query of every request to the authorization endpoint. */
  readonly authorizationRequests: readonly URLSearchParams[];
  /** The metadata of every client that registered itself, as granted. */
  readonly registrations: readonly ClientMetadata[];
  /** How many token requests of this grant type came, whatever the answer; all, without a type. */
  countTokenRequests(grantType?: string): number;
  /** The claims of a living token; false for any other string, or for a token made for another audience. */
  verifyAccessToken(token: string, audience?: string): Promise<AccessTokenClaims | false>;
  /** Ends all access tokens issued so far, long before the `expires_in` that was announced. Refresh tokens stay. */
  expireAccessTokens(): Promise<void>;
  /** Ends all grants: access tokens are dead and a refresh is `invalid_grant`, as when a user revokes an app. */
  revokeGrants(): Promise<void>;
  /** Stops and cuts all connections. */
  close(): Promise<void>;
  /** After `close`: the same server on the same port, tokens and clients as they were. */
  reopen(): Promise<void>;
}

const defaultScopes = ['mcp'];

const tokenExchange = z.object({
  body: z.record(z.string(), z.string()).catch({}),
  answer: z.object({ error: z.string().optional() }).catch({ error: undefined }),
});

/**
 * Starts a real oidc-provider on a loopback port: PKCE S256 for everyone, dynamic registration, refresh tokens that
 * rotate (a used one kills its grant), revocation, introspection, metadata under both well-known names, `iss` in
 * authorization responses. Its pages take any login and any password.
 */
export async function startOidcProvider(
  options: OidcProviderOptions = {},
): Promise<OidcProviderUpstream> {
  const server = createServer();
  const { origin: issuer, close, reopen } = await listenOnLoopback(server);
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const provider = new Provider(issuer, configuration(options, key.privateKey));

  const registrations: ClientMetadata[] = [];
  provider.on('registration_create.success', (_, client) => registrations.push(client.metadata()));
  const authorizationRequests: URLSearchParams[] = [];
  const tokenRequests: TokenRequest[] = [];
  provider.use(async (context, next) => {
    if (context.path === '/auth') {
      authorizationRequests.push(new URLSearchParams(context.search));
      const scope = options.defaultScope ?? (options.scopes ?? defaultScopes).join(' ');
      if (context.query.scope === undefined && scope !== '')
        context.query = { ...context.query, scope };
    }
    if (context.path !== '/token' || context.method !== 'POST') return next();
    await options.beforeTokenRequest?.();
    await next();
    const { body, answer } = tokenExchange.parse({
      body: context.oidc.body,
      answer: context.body,
    });
    tokenRequests.push({
      grantType: body.grant_type ?? '',
      form: new URLSearchParams(body),
      clientAuthentication: clientAuthentication(context.get('authorization'), body),
      status: context.status,
      error: answer.error,
    });
  });
  const tokens = watchTokens(provider);
  server.on('request', provider.callback());

  return {
    issuer,
    url: issuer,
    endpoints: {
      authorization: `${issuer}/auth`,
      token: `${issuer}/token`,
      registration: `${issuer}/reg`,
      revocation: `${issuer}/token/revocation`,
      introspection: `${issuer}/token/introspection`,
    },
    tokenRequests,
    authorizationRequests,
    registrations,
    countTokenRequests: (grantType) =>
      tokenRequests.filter((seen) => grantType === undefined || seen.grantType === grantType)
        .length,
    verifyAccessToken: async (token, audience) => {
      const claims = token.includes('.')
        ? jwtClaims(token, key.publicKey, tokens.isEnded)
        : await opaqueClaims(provider, token);
      if (claims === undefined) return false;
      return audience === undefined || claims.aud === audience ? claims : false;
    },
    expireAccessTokens: tokens.expire,
    revokeGrants: tokens.revokeGrants,
    close,
    reopen,
  };
}

function configuration(options: OidcProviderOptions, signingKey: KeyObject): Configuration {
  const { accessTokenTtl = 3600, resources = 'any', scopes = defaultScopes } = options;
  const ttl = typeof accessTokenTtl === 'function' ? accessTokenTtl : () => accessTokenTtl;
  return {
    clients: [...(options.clients ?? [])],
    clientDefaults: {
      // Clients that say nothing about grant types would otherwise never get a refresh token.
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
    },
    scopes: ['openid', 'offline_access', ...scopes],
    jwks: { keys: [{ ...signingKey.export({ format: 'jwk' }), kty: 'EC', use: 'sig' }] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    cookies: { keys: ['a key that signs cookies in tests'] },
    pkce: { required: () => true },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    clientBasedCORS: () => true,
    rotateRefreshToken: true,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    // Otherwise tokens without `offline_access` would end with the browser's session.
    expiresWithSession: () => false,
    ttl: {
      AccessToken: ttl,
      RefreshToken: options.refreshTokenTtl ?? 14 * 24 * 3600,
      Grant: 14 * 24 * 3600,
      Session: 3600,
      Interaction: 3600,
      IdToken: 3600,
    },
    features: {
      devInteractions: { enabled: true },
      registration: { enabled: options.registration ?? true },
      revocation: {
        enabled: true,
        allowedPolicy: (_, client, token) => token.clientId === client.clientId,
      },
      introspection: { enabled: true, allowedPolicy: () => true },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: resources !== 'ignored',
        defaultResource: (_, __, oneOf) => oneOf ?? options.defaultResource?.(),
        // A token request without `resource` is for the one granted, also with `openid` (RFC 8707 §2.2).
        useGrantedResource: () => true,
        getResourceServerInfo: (_, resource) => {
          if (typeof resources === 'function' && !resources(resource)) {
            throw new errors.InvalidTarget();
          }
          return {
            scope: scopes.join(' '),
            audience: resource,
            accessTokenTTL: ttl(),
            accessTokenFormat: options.accessTokenFormat ?? 'opaque',
          };
        },
      },
    },
  };
}

function clientAuthentication(
  header: string,
  body: Readonly<Record<string, string>>,
): TokenRequest['clientAuthentication'] {
  if (/^basic /i.test(header)) return 'client_secret_basic';
  return body.client_secret === undefined ? 'none' : 'client_secret_post';
}
