import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import type { RecordedAnswer } from './stand-in-internet.ts';

/** An upstream as it was met in the field: what it publishes and answers, and what the gateway has to make of it. */
export interface RecordedUpstream {
  readonly name: string;
  readonly settings: Partial<UpstreamSettings> & { readonly resource: string };
  /** Of the MCP server, to a request without a token. */
  readonly challenge: string | undefined;
  readonly documents: Readonly<Record<string, RecordedAnswer>>;
  /** Of the registration endpoint. */
  readonly registration?: RecordedAnswer;
  /** Of the token endpoint: to the code, then to the refresh. */
  readonly tokens: readonly RecordedAnswer[];
  readonly authorization: {
    readonly endpoint: string;
    /** What the query must hold; null: what it must not. */
    readonly query: Readonly<Record<string, string | null>>;
  };
  readonly tokenRequests: {
    readonly endpoint: string;
    readonly method: 'none' | 'client_secret_basic' | 'client_secret_post';
    /** What both forms must hold; null: what they must not. */
    readonly form?: Readonly<Record<string, string | null>>;
    /** What the form of the refresh must hold besides. */
    readonly refresh?: Readonly<Record<string, string | null>>;
  };
  /** What the client is told of the scope, and of the life. */
  readonly granted: { readonly scope?: string; readonly expiresIn?: number };
  /** Whether the upstream gives a refresh token: else the same token goes on. */
  readonly refreshes: boolean;
}

const configured = { clientId: 'configured-id', clientSecret: 'configured-secret' };
const unconfigured = { clientId: undefined, clientSecret: undefined };

function server(issuer: string, members: Readonly<Record<string, unknown>>): RecordedAnswer {
  return {
    body: {
      issuer,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      ...members,
    },
  };
}

function resource(url: string, issuer: string, scopes?: readonly string[]): RecordedAnswer {
  return { body: { resource: url, authorization_servers: [issuer], scopes_supported: scopes } };
}

/** A server that registers clients, and is ordinary in every way but those of `members`. */
function ordinary(
  name: string,
  origin: string,
  path: string,
  changed: Partial<RecordedUpstream> & {
    readonly members?: Readonly<Record<string, unknown>>;
  } = {},
): RecordedUpstream {
  const url = `${origin}${path}`;
  const { members, ...rest } = changed;
  return {
    name,
    settings: { ...unconfigured, resource: url },
    challenge: `Bearer realm="OAuth", resource_metadata="${origin}/.well-known/oauth-protected-resource${path}"`,
    documents: {
      [`${origin}/.well-known/oauth-protected-resource${path}`]: resource(url, origin),
      [`${origin}/.well-known/oauth-authorization-server`]: server(origin, {
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        registration_endpoint: `${origin}/register`,
        token_endpoint_auth_methods_supported: [
          'client_secret_basic',
          'client_secret_post',
          'none',
        ],
        ...members,
      }),
    },
    registration: {
      status: 201,
      body: {
        client_id: 'dynamic-id',
        client_secret: 'dynamic-secret',
        client_secret_expires_at: 0,
        token_endpoint_auth_method: 'client_secret_basic',
      },
    },
    tokens: [
      {
        body: {
          access_token: 'access-1',
          token_type: 'bearer',
          expires_in: 3600,
          refresh_token: 'refresh-1',
          scope: '',
        },
      },
      {
        body: {
          access_token: 'access-2',
          token_type: 'bearer',
          expires_in: 3600,
          refresh_token: 'refresh-2',
        },
      },
    ],
    authorization: {
      endpoint: `${origin}/authorize`,
      query: { client_id: 'dynamic-id', resource: url, scope: null },
    },
    tokenRequests: {
      endpoint: `${origin}/token`,
      method: 'client_secret_basic',
      form: { resource: url },
    },
    granted: { expiresIn: 3600 },
    refreshes: true,
    ...rest,
  };
}

/** Recorded by hand, from public threads and documentation. No token in here ever opened anything. */
export const recordedUpstreams: readonly RecordedUpstream[] = [
  {
    name: 'GitHub, an OAuth App',
    settings: { ...configured, resource: 'https://api.githubcopilot.com/mcp/' },
    challenge:
      'Bearer error="invalid_request", error_description="No access token was provided in this request", resource_metadata="https://api.githubcopilot.com/.well-known/oauth-protected-resource/mcp/"',
    documents: {
      'https://api.githubcopilot.com/.well-known/oauth-protected-resource/mcp': resource(
        'https://api.githubcopilot.com/mcp',
        'https://github.com/login/oauth',
        ['repo', 'read:org'],
      ),
      'https://github.com/.well-known/oauth-authorization-server/login/oauth': server(
        'https://github.com/login/oauth',
        {
          authorization_endpoint: 'https://github.com/login/oauth/authorize',
          token_endpoint: 'https://github.com/login/oauth/access_token',
        },
      ),
    },
    tokens: [
      {
        headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
        body: 'access_token=gho_16C7e42F292c&scope=repo%2Cread%3Aorg&token_type=bearer',
      },
    ],
    authorization: {
      endpoint: 'https://github.com/login/oauth/authorize',
      query: {
        client_id: 'configured-id',
        scope: 'repo read:org',
        resource: 'https://api.githubcopilot.com/mcp',
      },
    },
    tokenRequests: {
      endpoint: 'https://github.com/login/oauth/access_token',
      method: 'client_secret_basic',
    },
    granted: { scope: 'repo read:org', expiresIn: 3600 },
    refreshes: false,
  },
  {
    name: 'GitHub, a GitHub App with its endpoints named',
    settings: {
      ...configured,
      resource: 'https://api.githubcopilot.com/mcp/',
      authorizationEndpoint: 'https://github.com/login/oauth/authorize',
      tokenEndpoint: 'https://github.com/login/oauth/access_token',
    },
    challenge: undefined,
    documents: {},
    tokens: [
      {
        body: {
          access_token: 'ghu_1',
          expires_in: '28800',
          refresh_token: 'ghr_1',
          refresh_token_expires_in: 15_811_200,
          scope: '',
          token_type: 'bearer',
        },
      },
      { body: { access_token: 'ghu_2', expires_in: 28_800, refresh_token: 'ghr_2', scope: '' } },
    ],
    authorization: {
      endpoint: 'https://github.com/login/oauth/authorize',
      query: { scope: null },
    },
    tokenRequests: {
      endpoint: 'https://github.com/login/oauth/access_token',
      method: 'client_secret_basic',
    },
    granted: { expiresIn: 3600 },
    refreshes: true,
  },
  {
    name: 'Google',
    settings: { ...configured, resource: 'https://gmailmcp.googleapis.com/mcp/v1' },
    challenge: undefined,
    documents: {
      'https://gmailmcp.googleapis.com/.well-known/oauth-protected-resource/mcp/v1': resource(
        'https://gmailmcp.googleapis.com/mcp/v1',
        'https://accounts.google.com/',
        ['https://www.googleapis.com/auth/gmail.readonly'],
      ),
      'https://accounts.google.com/.well-known/openid-configuration': server(
        'https://accounts.google.com',
        {
          authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
          token_endpoint: 'https://oauth2.googleapis.com/token',
          scopes_supported: ['openid', 'email', 'profile'],
          token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
          code_challenge_methods_supported: ['plain', 'S256'],
        },
      ),
    },
    tokens: [
      {
        body: {
          access_token: 'ya29.a0',
          expires_in: 3599,
          refresh_token: '1//0g',
          scope: 'https://www.googleapis.com/auth/gmail.readonly',
          token_type: 'Bearer',
        },
      },
      {
        body: {
          access_token: 'ya29.a1',
          expires_in: 3599,
          scope: 'https://www.googleapis.com/auth/gmail.readonly',
          token_type: 'Bearer',
        },
      },
    ],
    authorization: {
      endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
      query: {
        access_type: 'offline',
        prompt: 'consent',
        scope: 'https://www.googleapis.com/auth/gmail.readonly',
      },
    },
    tokenRequests: {
      endpoint: 'https://oauth2.googleapis.com/token',
      method: 'client_secret_basic',
      refresh: { refresh_token: '1//0g' },
    },
    granted: { scope: 'https://www.googleapis.com/auth/gmail.readonly', expiresIn: 3599 },
    refreshes: true,
  },
  {
    name: 'Microsoft Entra',
    settings: {
      ...configured,
      resource: 'https://mcp.contoso.com/mcp',
      issuer: 'https://login.microsoftonline.com/7f58/v2.0',
      scope: 'api://app/access offline_access',
    },
    challenge: 'Bearer authorization_uri="https://login.microsoftonline.com/7f58"',
    documents: {
      'https://login.microsoftonline.com/7f58/v2.0/.well-known/openid-configuration': {
        body: {
          issuer: 'https://login.microsoftonline.com/7f58/v2.0',
          authorization_endpoint: 'https://login.microsoftonline.com/7f58/oauth2/v2.0/authorize',
          token_endpoint: 'https://login.microsoftonline.com/7f58/oauth2/v2.0/token',
          token_endpoint_auth_methods_supported: [
            'client_secret_post',
            'private_key_jwt',
            'client_secret_basic',
          ],
          scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
        },
      },
    },
    tokens: [
      {
        body: {
          token_type: 'Bearer',
          scope: 'api://app/access',
          expires_in: 4311,
          ext_expires_in: 4311,
          access_token: `eyJ0.${'x'.repeat(11_000)}.sig`,
          refresh_token: '1.AXkA',
        },
      },
      {
        body: {
          token_type: 'Bearer',
          scope: 'api://app/access',
          expires_in: 4100,
          access_token: 'eyJ0.y.sig',
          refresh_token: '1.AXkB',
        },
      },
    ],
    authorization: {
      endpoint: 'https://login.microsoftonline.com/7f58/oauth2/v2.0/authorize',
      query: { scope: 'api://app/access offline_access', resource: null },
    },
    tokenRequests: {
      endpoint: 'https://login.microsoftonline.com/7f58/oauth2/v2.0/token',
      method: 'client_secret_basic',
      form: { resource: null },
      refresh: { scope: 'api://app/access offline_access' },
    },
    granted: { scope: 'api://app/access', expiresIn: 3600 },
    refreshes: true,
  },
  ordinary('Notion', 'https://mcp.notion.com', '/mcp', {
    members: { client_id_metadata_document_supported: true },
  }),
  ordinary('Linear', 'https://mcp.linear.app', '/mcp', {
    members: { client_id_metadata_document_supported: true },
    tokens: [
      {
        body: {
          access_token: 'lin_1',
          token_type: 'Bearer',
          expires_in: 86_399,
          refresh_token: 'lin_r1',
          scope: 'read write',
        },
      },
      { body: { access_token: 'lin_2', token_type: 'Bearer', expires_in: 86_399 } },
    ],
    granted: { scope: 'read write', expiresIn: 3600 },
  }),
  ordinary('Atlassian', 'https://mcp.atlassian.com', '/v1/mcp', {
    challenge: undefined,
    documents: {
      'https://mcp.atlassian.com/.well-known/oauth-protected-resource/v1/mcp': resource(
        'https://mcp.atlassian.com/v1/mcp',
        'https://mcp.atlassian.com/',
      ),
      'https://mcp.atlassian.com/.well-known/oauth-authorization-server': server(
        'https://cf.mcp.atlassian.com',
        {
          authorization_endpoint: 'https://mcp.atlassian.com/authorize',
          token_endpoint: 'https://cf.mcp.atlassian.com/token',
          registration_endpoint: 'https://cf.mcp.atlassian.com/register',
          token_endpoint_auth_methods_supported: [
            'client_secret_basic',
            'client_secret_post',
            'none',
          ],
        },
      ),
    },
    tokenRequests: {
      endpoint: 'https://cf.mcp.atlassian.com/token',
      method: 'client_secret_basic',
    },
    tokens: [
      {
        body: {
          access_token: `a.${'x'.repeat(8000)}`,
          token_type: 'bearer',
          expires_in: 3300,
          refresh_token: 'r1',
        },
      },
      { body: { access_token: 'a2', token_type: 'bearer', expires_in: 3300, refresh_token: 'r2' } },
    ],
    granted: { expiresIn: 3300 },
  }),
  {
    name: 'Slack',
    settings: { ...configured, resource: 'https://mcp.slack.com/mcp' },
    challenge:
      'Bearer resource_metadata="https://mcp.slack.com/.well-known/oauth-protected-resource"',
    documents: {
      'https://mcp.slack.com/.well-known/oauth-protected-resource': resource(
        'https://mcp.slack.com',
        'https://mcp.slack.com',
        ['search:read.public', 'chat:write'],
      ),
      'https://mcp.slack.com/.well-known/oauth-authorization-server': server('https://slack.com', {
        authorization_endpoint: 'https://slack.com/oauth/v2_user/authorize',
        token_endpoint: 'https://slack.com/api/oauth.v2.user.access',
        token_endpoint_auth_methods_supported: ['client_secret_post'],
      }),
    },
    tokens: [
      {
        body: {
          ok: true,
          access_token: 'xoxe.xoxp-1',
          token_type: 'user',
          expires_in: 43_200,
          refresh_token: 'xoxe-1',
          authed_user: { id: 'U1' },
          team: { id: 'T1' },
        },
      },
      {
        body: {
          ok: true,
          access_token: 'xoxe.xoxp-2',
          token_type: 'user',
          expires_in: 43_200,
          refresh_token: 'xoxe-2',
        },
      },
    ],
    authorization: {
      endpoint: 'https://slack.com/oauth/v2_user/authorize',
      query: { scope: 'search:read.public chat:write', resource: 'https://mcp.slack.com' },
    },
    tokenRequests: {
      endpoint: 'https://slack.com/api/oauth.v2.user.access',
      method: 'client_secret_post',
    },
    granted: { scope: 'search:read.public chat:write', expiresIn: 3600 },
    refreshes: true,
  },
  ordinary('Figma', 'https://mcp.figma.com', '/mcp', {
    members: { token_endpoint_auth_methods_supported: ['none'] },
    registration: {
      status: 200,
      body: {
        client_id: 'dynamic-id',
        client_secret: 'unasked',
        token_endpoint_auth_method: 'none',
      },
    },
    tokenRequests: {
      endpoint: 'https://mcp.figma.com/token',
      method: 'client_secret_post',
      form: { client_secret: 'unasked' },
    },
  }),
  {
    ...ordinary('Asana', 'https://mcp.asana.com', '/v2/mcp'),
    settings: { ...configured, resource: 'https://mcp.asana.com/v2/mcp' },
    challenge:
      'Bearer resource_metadata="https://asana-mcp-server.workers.dev/.well-known/oauth-protected-resource/v2"',
    documents: {
      'https://asana-mcp-server.workers.dev/.well-known/oauth-protected-resource/v2': resource(
        'https://asana-mcp-server.workers.dev/v2/mcp',
        'https://app.asana.com',
      ),
      'https://mcp.asana.com/.well-known/oauth-protected-resource/v2/mcp': resource(
        'https://mcp.asana.com/v2/mcp',
        'https://app.asana.com',
      ),
      'https://app.asana.com/.well-known/oauth-authorization-server': server(
        'https://app.asana.com',
        {
          authorization_endpoint: 'https://app.asana.com/-/oauth_authorize',
          token_endpoint: 'https://app.asana.com/-/oauth_token',
          token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
        },
      ),
    },
    authorization: {
      endpoint: 'https://app.asana.com/-/oauth_authorize',
      query: { client_id: 'configured-id', resource: 'https://mcp.asana.com/v2/mcp' },
    },
    tokenRequests: {
      endpoint: 'https://app.asana.com/-/oauth_token',
      method: 'client_secret_basic',
    },
  },
  {
    ...ordinary('Sentry', 'https://mcp.sentry.dev', '/mcp'),
    settings: { ...unconfigured, resource: 'https://mcp.sentry.dev/mcp?agent=1' },
    documents: {
      'https://mcp.sentry.dev/.well-known/oauth-protected-resource/mcp?agent=1': resource(
        'https://mcp.sentry.dev/mcp?agent=1',
        'https://mcp.sentry.dev',
      ),
      'https://mcp.sentry.dev/.well-known/oauth-authorization-server': server(
        'https://mcp.sentry.dev',
        {
          authorization_endpoint: 'https://mcp.sentry.dev/oauth/authorize',
          token_endpoint: 'https://mcp.sentry.dev/oauth/token',
          registration_endpoint: 'https://mcp.sentry.dev/oauth/register',
        },
      ),
    },
    authorization: {
      endpoint: 'https://mcp.sentry.dev/oauth/authorize',
      query: { resource: 'https://mcp.sentry.dev/mcp?agent=1' },
    },
    tokenRequests: {
      endpoint: 'https://mcp.sentry.dev/oauth/token',
      method: 'client_secret_basic',
      form: { resource: 'https://mcp.sentry.dev/mcp?agent=1' },
    },
  },
  ordinary('Cloudflare', 'https://bindings.mcp.cloudflare.com', '/mcp'),
  ordinary('Stripe', 'https://mcp.stripe.com', '/'),
  {
    name: 'Auth0',
    settings: {
      ...configured,
      resource: 'https://mcp.example.com/mcp',
      authorizeParameters: { audience: 'https://mcp.example.com' },
      tokenParameters: { audience: 'https://mcp.example.com' },
    },
    challenge: 'Bearer',
    documents: {
      'https://mcp.example.com/.well-known/oauth-protected-resource/mcp': resource(
        'https://mcp.example.com/mcp',
        'https://tenant.eu.auth0.com/',
        ['read:things'],
      ),
      'https://tenant.eu.auth0.com/.well-known/openid-configuration': server(
        'https://tenant.eu.auth0.com/',
        {
          authorization_endpoint: 'https://tenant.eu.auth0.com/authorize',
          token_endpoint: 'https://tenant.eu.auth0.com/oauth/token',
          registration_endpoint: 'https://tenant.eu.auth0.com/oidc/register',
          scopes_supported: ['openid', 'profile', 'offline_access', 'email'],
          token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
          code_challenge_methods_supported: ['S256', 'plain'],
        },
      ),
    },
    tokens: [
      {
        body: {
          access_token: 'eyJ.a.1',
          refresh_token: 'v1.r',
          scope: 'read:things offline_access',
          expires_in: 86_400,
          token_type: 'Bearer',
        },
      },
      {
        body: {
          access_token: 'eyJ.a.2',
          scope: 'read:things offline_access',
          expires_in: 86_400,
          token_type: 'Bearer',
        },
      },
    ],
    authorization: {
      endpoint: 'https://tenant.eu.auth0.com/authorize',
      query: { audience: 'https://mcp.example.com', scope: 'read:things offline_access' },
    },
    tokenRequests: {
      endpoint: 'https://tenant.eu.auth0.com/oauth/token',
      method: 'client_secret_post',
      form: { audience: 'https://mcp.example.com' },
    },
    granted: { scope: 'read:things offline_access', expiresIn: 3600 },
    refreshes: true,
  },
  {
    ...ordinary('Okta', 'https://tenant.okta.com', '/oauth2/default'),
    settings: {
      ...configured,
      resource: 'https://mcp.example.com/mcp',
      issuer: 'https://tenant.okta.com/oauth2/default',
      scope: 'offline_access mcp',
    },
    challenge: undefined,
    documents: {
      'https://tenant.okta.com/.well-known/oauth-authorization-server/oauth2/default': server(
        'https://tenant.okta.com/oauth2/default',
        {
          authorization_endpoint: 'https://tenant.okta.com/oauth2/default/v1/authorize',
          token_endpoint: 'https://tenant.okta.com/oauth2/default/v1/token',
          registration_endpoint: 'https://tenant.okta.com/oauth2/v1/clients',
        },
      ),
    },
    authorization: {
      endpoint: 'https://tenant.okta.com/oauth2/default/v1/authorize',
      query: { scope: 'offline_access mcp' },
    },
    tokenRequests: {
      endpoint: 'https://tenant.okta.com/oauth2/default/v1/token',
      method: 'client_secret_basic',
    },
    granted: { scope: 'offline_access mcp', expiresIn: 3600 },
  },
  {
    ...ordinary('Keycloak', 'https://kc.example.com', '/realms/r'),
    settings: {
      ...configured,
      resource: 'https://mcp.example.com/mcp',
      issuer: 'https://kc.example.com/realms/r',
      resourceParameter: 'off',
    },
    challenge: undefined,
    documents: {
      'https://kc.example.com/realms/r/.well-known/openid-configuration': server(
        'https://kc.example.com/realms/r',
        {
          authorization_endpoint: 'https://kc.example.com/realms/r/protocol/openid-connect/auth',
          token_endpoint: 'https://kc.example.com/realms/r/protocol/openid-connect/token',
          registration_endpoint:
            'https://kc.example.com/realms/r/clients-registrations/openid-connect',
          authorization_response_iss_parameter_supported: true,
        },
      ),
    },
    authorization: {
      endpoint: 'https://kc.example.com/realms/r/protocol/openid-connect/auth',
      query: { resource: null },
    },
    tokenRequests: {
      endpoint: 'https://kc.example.com/realms/r/protocol/openid-connect/token',
      method: 'client_secret_basic',
      form: { resource: null },
    },
  },
  {
    ...ordinary('MediaWiki', 'https://wiki.example.org', '/mcp'),
    settings: { ...configured, resource: 'https://wiki.example.org/mcp' },
    authorization: {
      endpoint: 'https://wiki.example.org/authorize',
      query: { client_id: 'configured-id' },
    },
  },
  {
    ...ordinary('a server of 2025-03-26 with metadata', 'https://old.example.com', '/mcp'),
    challenge: 'Bearer',
    documents: {
      'https://old.example.com/.well-known/oauth-authorization-server': server(
        'https://old.example.com',
        {
          authorization_endpoint: 'https://old.example.com/authorize',
          token_endpoint: 'https://old.example.com/token',
          registration_endpoint: 'https://old.example.com/register',
        },
      ),
    },
  },
  {
    ...ordinary('a server of 2025-03-26 without any', 'https://older.example.com', '/mcp'),
    challenge: 'Bearer',
    documents: {},
  },
];
