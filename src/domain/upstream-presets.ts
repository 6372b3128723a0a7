/**
 * What is known of an upstream before it is asked: defaults where it departs from the specifications, and nothing more. Each is
 * overridden by the operator's flags.
 */
export interface UpstreamPreset {
  readonly name: string;
  /** Of the MCP server or of its authorization server; subdomains included. */
  readonly hosts: readonly string[];
  /** Added to authorization requests. */
  readonly authorizeParameters?: Readonly<Record<string, string>>;
  /** `off`: `resource` (RFC 8707) is not sent. */
  readonly resource?: 'off';
  /** The scope is repeated with every refresh. */
  readonly scopeOnRefresh?: true;
  /** How the gateway says who it is, where the upstream lists more than what works. */
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post';
  /** `manual`: there is no other way; `dynamic`: other ways fail later. */
  readonly registration?: 'manual' | 'dynamic';
  /** PKCE works although the metadata does not say so. */
  readonly silentPkce?: true;
  /** Further issuers that its metadata is known to name instead of its own. */
  readonly issuers?: readonly string[];
  /** `off`: a token is not revoked, since that would end the user's other grants too. */
  readonly revocation?: 'off';
  /** Further token types that are bearer tokens. */
  readonly tokenTypes?: readonly string[];
  /** What a person has to do there, as a sentence. */
  readonly hint?: string;
  readonly reason: string;
  readonly source: string;
}

/** One row per upstream that departs from the specifications. docs/upstreams.md has a recipe for each. */
export const upstreamPresets: readonly UpstreamPreset[] = [
  {
    name: 'GitHub',
    hosts: ['github.com', 'githubcopilot.com'],
    registration: 'manual',
    hint: 'Register an OAuth App or a GitHub App at github.com/settings/developers.',
    reason: 'There is no dynamic registration, and a secret is required.',
    source: 'github/github-mcp-server docs/host-integration.md',
  },
  {
    name: 'Google',
    hosts: ['accounts.google.com', 'googleapis.com'],
    authorizeParameters: { access_type: 'offline', prompt: 'consent' },
    registration: 'manual',
    revocation: 'off',
    hint: 'Make an OAuth client of the type "Web application" at console.cloud.google.com.',
    reason:
      'Without access_type=offline and a consent there is no refresh token; revoking one token ends all of the user.',
    source: 'PrefectHQ/fastmcp#2438, home-assistant/core#180546',
  },
  {
    name: 'Microsoft Entra',
    hosts: [
      'login.microsoftonline.com',
      'login.microsoftonline.us',
      'login.partner.microsoftonline.cn',
    ],
    resource: 'off',
    scopeOnRefresh: true,
    registration: 'manual',
    silentPkce: true,
    hint: 'Make an app registration at entra.microsoft.com, and name its scope by --upstream-scope="api://ID/NAME offline_access".',
    reason:
      'resource is refused (AADSTS901002, AADSTS9010010), a refresh without scope too (AADSTS90009), and the metadata is silent about PKCE.',
    source: 'PrefectHQ/fastmcp#2116, modelcontextprotocol/csharp-sdk#1587',
  },
  {
    name: 'Slack',
    hosts: ['slack.com'],
    registration: 'manual',
    issuers: ['https://slack.com', 'https://mcp.slack.com'],
    tokenTypes: ['user'],
    hint: 'Make a Slack app at api.slack.com/apps, and add the callback URL under "OAuth & Permissions".',
    reason:
      'There is no dynamic registration, the metadata of mcp.slack.com has named slack.com as its issuer, and its tokens are of the type "user".',
    source: 'slackapi/slack-skills-plugin#7, NousResearch/hermes-agent#111964',
  },
  {
    name: 'Figma',
    hosts: ['figma.com'],
    authMethod: 'client_secret_post',
    hint: 'Figma registers only clients whose name is on its list: set --upstream-client-name to one that Figma gave you, or register by hand.',
    reason: 'A secret is given although none was asked for, and only taken in the form.',
    source: 'github/copilot-cli#4906, NousResearch/hermes-agent#73141',
  },
  {
    name: 'Auth0',
    hosts: ['auth0.com'],
    hint: 'Auth0 issues tokens for an API by audience: set --upstream-authorize-param=audience=API and --upstream-token-param=audience=API.',
    reason: 'resource is ignored unless the tenant turned its compatibility profile on.',
    source: 'danny-avila/LibreChat#13401',
  },
  {
    name: 'Notion',
    hosts: ['notion.com'],
    registration: 'dynamic',
    reason:
      'A refresh token is bound to the very client that registered, and reuse ends its whole family: one lasting registration.',
    source: 'makenotion/notion-cookbook#1',
  },
  {
    name: 'Linear',
    hosts: ['linear.app'],
    registration: 'dynamic',
    authMethod: 'client_secret_basic',
    reason: 'Tokens of public clients, and of those named by a document, are refused at /mcp.',
    source: 'opengeni#297, opengeni#298, anthropics/claude-code#85236',
  },
  {
    name: 'Atlassian',
    hosts: ['atlassian.com'],
    registration: 'dynamic',
    issuers: ['https://cf.mcp.atlassian.com', 'https://auth.atlassian.com'],
    reason: 'The metadata names an issuer other than the one that it is found under.',
    source: 'atlassian/atlassian-mcp-server#205',
  },
];

/** The row for an upstream, by the hosts of its URLs; the first URL that has one counts. */
export function presetFor(urls: readonly (string | undefined)[]): UpstreamPreset | undefined {
  for (const url of urls) {
    const found = upstreamPresets.find(({ hosts }) => hosts.some((host) => isUnder(url, host)));
    if (found !== undefined) return found;
  }
  return undefined;
}

function isUnder(url: string | undefined, host: string): boolean {
  if (url === undefined || !URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return hostname === host || hostname.endsWith(`.${host}`);
}
