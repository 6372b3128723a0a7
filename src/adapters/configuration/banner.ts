import { type GatewayConfig, mcpUrl, upstreamCallbackUrl } from './gateway-configuration.ts';
import { describeSource, type Sources } from './sources.ts';
import { httpOrigin, listenAddress, withoutQuery } from './web-address.ts';

/** What the start of a gateway tells its operator. */
export interface BannerFacts {
  readonly version: string;
  readonly config: GatewayConfig;
  readonly sources: Sources;
  /** The addresses that are listened on, without port. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** The kind of store, in words. */
  readonly store: string;
  readonly warnings: readonly string[];
}

/** The lines of the start: what to paste, what to register, what to know. No secret is in them. */
export function banner(facts: BannerFacts): string[] {
  const lines = [
    ...factsOf(facts),
    ...facts.warnings.map((warning): [string, string] => ['warning', warning]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length)) + 2;
  return lines.map(([name, value]) => `${`${name}:`.padEnd(width)}${value}`);
}

/** The same, but the warnings, as fields of one line for programs. */
export function bannerFields(facts: BannerFacts): Readonly<Record<string, string>> {
  const fields = factsOf(facts).map(([name, value]) => [
    name === 'mcp-oauth-gateway' ? 'version' : name.toLowerCase().replaceAll(/[ -]/g, '_'),
    value.replace(/ \([^)]*\)$/, ''),
  ]);
  return Object.fromEntries(fields);
}

function factsOf(facts: BannerFacts): [string, string][] {
  const { config, port } = facts;
  const addresses = facts.addresses.map((address) => endpoint(address, port)).join(', ');
  return [
    ['mcp-oauth-gateway', facts.version],
    ['listening on', addresses + (config.tlsCert === undefined ? '' : ' (TLS)')],
    ['MCP URL', `${mcpUrl(config, port)} (paste this into your MCP client)`],
    [
      'upstream callback',
      `${upstreamCallbackUrl(config, port)} (register this redirect URI at the upstream)`,
    ],
    ['upstream', withoutQuery(config.upstreamRs)],
    ['authorization server', authorizationServer(config)],
    ['upstream client', upstreamClient(config)],
    ['sign-in', signIn(facts)],
    ['store', facts.store],
    ...metrics(config),
  ];
}

function metrics({ metricsAddress }: GatewayConfig): [string, string][] {
  const address = metricsAddress === undefined ? undefined : listenAddress(metricsAddress);
  return address === undefined
    ? []
    : [['metrics', `${httpOrigin(address.host, address.port)}/metrics`]];
}

function signIn({ config, sources }: BannerFacts): string {
  const { usersFile, passwordHash, username } = config;
  if (usersFile !== undefined) return `users of ${usersFile}`;
  const key = passwordHash === undefined ? 'password' : 'passwordHash';
  return `user ${username}, password: ${describeSource(key, sources)}`;
}

function endpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function authorizationServer(config: GatewayConfig): string {
  if (config.upstreamAuth !== 'oauth') return 'none: users see the gateway alone';
  if (config.upstreamAuthorizeEndpoint !== undefined) {
    return `${withoutQuery(config.upstreamAuthorizeEndpoint)} (as configured)`;
  }
  return config.upstreamAs ?? 'found at the first sign-in';
}

function upstreamClient(config: GatewayConfig): string {
  if (config.upstreamAuth === 'none') return 'none: the MCP server wants no token';
  if (config.upstreamAuth === 'static') return 'none: a fixed header in place of a token, set';
  if (config.upstreamClientId === undefined) return 'registered at the first sign-in';
  const secret = config.upstreamClientSecret === undefined ? 'none' : 'set';
  return `${config.upstreamClientId}, secret: ${secret}`;
}
