import { upstreamAuthMethods } from '../../domain/upstream-client.ts';
import type { GatewayConfig } from './gateway-configuration.ts';

/** The name of a setting in an options object. */
export type SettingKey = keyof GatewayConfig;

/** The headings of `--help`, in the order they are printed. */
export type SettingGroup =
  | 'Listening'
  | 'Upstream'
  | 'Upstream client'
  | 'Upstream requests'
  | 'Upstream network'
  | 'Sign-in'
  | 'Clients'
  | 'Tokens'
  | 'Programs'
  | 'State'
  | 'Limits'
  | 'Operation';

interface Row<Key extends SettingKey> {
  readonly key: Key;
  readonly group: SettingGroup;
  /** One line for `--help` and the documentation, without a full stop. */
  readonly description: string;
  /** A value that would be accepted, for the sentence that says how to mend a missing one. */
  readonly example: string;
  /** Command lines are visible to every user of the machine, so some settings have no flag. */
  readonly environmentOnly?: true;
}

/** A setting that is a whole number within bounds (both included). */
export interface NumberSetting<Key extends SettingKey = SettingKey> extends Row<Key> {
  readonly kind: 'port' | 'seconds' | 'count';
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

/** A setting that is text; what text is accepted, the schema says. */
export interface TextSetting<Key extends SettingKey = SettingKey> extends Row<Key> {
  readonly kind:
    | 'host'
    | 'url'
    | 'text'
    | 'secret'
    | 'list'
    | 'choice'
    | 'switch'
    | 'names'
    | 'parameters'
    | 'file';
  readonly default: string | undefined;
  readonly required?: true;
  /** Whether the flag may be given several times. */
  readonly repeatable?: true;
  /** What a choice is between. */
  readonly choices?: readonly string[];
}

/** One row of the table of settings. */
export type Setting = NumberSetting | TextSetting;

type Table = {
  readonly [Key in SettingKey]: GatewayConfig[Key] extends number
    ? NumberSetting<Key>
    : TextSetting<Key>;
};

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * Every setting there is: flags, environment names, keys of a configuration file, `--help`, the
 * documentation, defaults and bounds all come from here.
 */
export const settings: Table = {
  port: {
    key: 'port',
    group: 'Listening',
    kind: 'port',
    default: 8002,
    min: 0,
    max: 65_535,
    description: 'Port to listen on (0: any free one)',
    example: '8002',
  },
  host: {
    key: 'host',
    group: 'Listening',
    kind: 'host',
    default: 'localhost',
    description: 'Name or address to listen on (localhost: 127.0.0.1 and ::1)',
    example: 'localhost',
  },
  publicUrl: {
    key: 'publicUrl',
    group: 'Listening',
    kind: 'url',
    default: undefined,
    description: 'URL clients reach the gateway under (a path too)',
    example: 'https://mcp.example.com',
  },
  tlsCert: {
    key: 'tlsCert',
    group: 'Listening',
    kind: 'file',
    default: undefined,
    description: 'Certificate (PEM, with chain) to listen with TLS',
    example: '/etc/tls/mcp.example.com.crt',
  },
  tlsKey: {
    key: 'tlsKey',
    group: 'Listening',
    kind: 'file',
    default: undefined,
    description: 'Its key; both are read again when they change',
    example: '/etc/tls/mcp.example.com.key',
  },
  trustedProxy: {
    key: 'trustedProxy',
    group: 'Listening',
    kind: 'list',
    default: undefined,
    description: 'Proxies whose forwarding headers count',
    example: '10.0.0.0/8',
  },
  upstreamRs: {
    key: 'upstreamRs',
    group: 'Upstream',
    kind: 'url',
    default: undefined,
    required: true,
    description: 'URL of the MCP server, used exactly as written',
    example: 'https://api.githubcopilot.com/mcp/',
  },
  upstreamAs: {
    key: 'upstreamAs',
    group: 'Upstream',
    kind: 'url',
    default: undefined,
    description: 'Its authorization server, if not discovered',
    example: 'https://auth.example.com',
  },
  upstreamClientId: {
    key: 'upstreamClientId',
    group: 'Upstream client',
    kind: 'text',
    default: undefined,
    description: 'Client id (without one it registers itself)',
    example: 'Iv1.0123456789abcdef',
  },
  upstreamClientSecret: {
    key: 'upstreamClientSecret',
    group: 'Upstream client',
    kind: 'secret',
    default: undefined,
    description: 'Client secret; safer from the environment',
    example: 'SECRET',
  },
  upstreamAuthorizeEndpoint: {
    key: 'upstreamAuthorizeEndpoint',
    group: 'Upstream',
    kind: 'url',
    default: undefined,
    description: 'Authorization endpoint, if not discovered',
    example: 'https://github.com/login/oauth/authorize',
  },
  upstreamTokenEndpoint: {
    key: 'upstreamTokenEndpoint',
    group: 'Upstream',
    kind: 'url',
    default: undefined,
    description: 'Token endpoint, if not discovered',
    example: 'https://github.com/login/oauth/access_token',
  },
  upstreamScope: {
    key: 'upstreamScope',
    group: 'Upstream requests',
    kind: 'list',
    default: undefined,
    description: 'Scopes to ask the upstream for, space-separated',
    example: '"repo read:user"',
  },
  upstreamAuth: {
    key: 'upstreamAuth',
    group: 'Upstream',
    kind: 'choice',
    default: 'oauth',
    choices: ['oauth', 'none', 'static'],
    description: 'oauth, none (no token) or static (a header)',
    example: 'none',
  },
  upstreamHeader: {
    key: 'upstreamHeader',
    group: 'Upstream',
    kind: 'secret',
    default: undefined,
    description: 'That header; safer from a file',
    example: '"Authorization: Bearer TOKEN"',
  },
  upstreamHeaderFile: {
    key: 'upstreamHeaderFile',
    group: 'Upstream',
    kind: 'file',
    default: undefined,
    description: 'File with that header',
    example: '/run/secrets/upstream-header',
  },
  upstreamTokenAuthMethod: {
    key: 'upstreamTokenAuthMethod',
    group: 'Upstream client',
    kind: 'choice',
    default: undefined,
    choices: upstreamAuthMethods,
    description: 'Method, if not as the upstream lists',
    example: 'client_secret_post',
  },
  upstreamPrivateKeyFile: {
    key: 'upstreamPrivateKeyFile',
    group: 'Upstream client',
    kind: 'file',
    default: undefined,
    description: 'File with a key (PEM or JWK) to sign with',
    example: '/run/secrets/upstream-key.pem',
  },
  upstreamPrivateKeyCert: {
    key: 'upstreamPrivateKeyCert',
    group: 'Upstream client',
    kind: 'file',
    default: undefined,
    description: 'File with its certificate (PEM), if it is known by it',
    example: '/etc/gateway/upstream-key.crt',
  },
  upstreamRegistration: {
    key: 'upstreamRegistration',
    group: 'Upstream client',
    kind: 'choice',
    default: 'auto',
    choices: ['auto', 'document', 'dynamic'],
    description: 'auto, document or dynamic',
    example: 'dynamic',
  },
  upstreamClientName: {
    key: 'upstreamClientName',
    group: 'Upstream client',
    kind: 'text',
    default: undefined,
    description: 'Its name when it registers itself',
    example: '"Our gateway"',
  },
  upstreamResource: {
    key: 'upstreamResource',
    group: 'Upstream requests',
    kind: 'text',
    default: 'auto',
    description: 'The resource parameter: auto, off, or its value',
    example: 'off',
  },
  upstreamAuthorizeParam: {
    key: 'upstreamAuthorizeParam',
    group: 'Upstream requests',
    kind: 'parameters',
    repeatable: true,
    default: undefined,
    description: 'Added to authorization requests; repeatable',
    example: 'access_type=offline',
  },
  upstreamTokenParam: {
    key: 'upstreamTokenParam',
    group: 'Upstream requests',
    kind: 'parameters',
    repeatable: true,
    default: undefined,
    description: 'Added to token requests; repeatable',
    example: 'audience=https%3A%2F%2Fapi.example.com',
  },
  upstreamPlainHttp: {
    key: 'upstreamPlainHttp',
    group: 'Upstream network',
    kind: 'choice',
    default: 'refuse',
    choices: ['refuse', 'allow'],
    description: 'refuse, or allow it beyond this machine',
    example: 'allow',
  },
  upstreamCa: {
    key: 'upstreamCa',
    group: 'Upstream network',
    kind: 'file',
    default: undefined,
    description: 'File with authorities to trust too (PEM)',
    example: '/etc/ssl/our-ca.pem',
  },
  upstreamClientCert: {
    key: 'upstreamClientCert',
    group: 'Upstream network',
    kind: 'file',
    default: undefined,
    description: 'File with a TLS certificate of its own (PEM)',
    example: '/run/secrets/gateway.crt',
  },
  upstreamClientKey: {
    key: 'upstreamClientKey',
    group: 'Upstream network',
    kind: 'file',
    default: undefined,
    description: 'File with the key to it (PEM)',
    example: '/run/secrets/gateway.key',
  },
  upstreamTimeout: {
    key: 'upstreamTimeout',
    group: 'Upstream network',
    kind: 'seconds',
    default: 10,
    min: 1,
    max: minute,
    description: 'Most that one OAuth call may take, in seconds',
    example: '10',
  },
  discoveryTimeout: {
    key: 'discoveryTimeout',
    group: 'Upstream network',
    kind: 'seconds',
    default: 20,
    min: 1,
    max: 5 * minute,
    description: 'Most that a whole discovery may take, in seconds',
    example: '20',
  },
  upstreamResponseTimeout: {
    key: 'upstreamResponseTimeout',
    group: 'Upstream',
    kind: 'seconds',
    default: 0,
    min: 0,
    max: day,
    description: 'Time for the first header of an answer (0: any)',
    example: '60',
  },
  upstreamHttp: {
    key: 'upstreamHttp',
    group: 'Upstream',
    kind: 'choice',
    default: '1.1',
    description: '1.1 (faster), or 2 where the MCP server offers it',
    example: '2',
  },
  upstreamPassHeaders: {
    key: 'upstreamPassHeaders',
    group: 'Upstream',
    kind: 'names',
    repeatable: true,
    default: undefined,
    description: 'Request headers that cross besides the usual ones',
    example: 'X-Forwarded-For,X-MCP-Toolsets',
  },
  sseKeepalive: {
    key: 'sseKeepalive',
    group: 'Upstream',
    kind: 'seconds',
    default: 0,
    min: 0,
    max: hour,
    description: 'Comment on event streams silent for so long (0: none)',
    example: '25',
  },
  upstreamRevocation: {
    key: 'upstreamRevocation',
    group: 'Upstream',
    kind: 'choice',
    default: 'auto',
    description: 'Revoke ended grants there too (auto, on, off); auto: unless it would end more',
    example: 'off',
  },
  username: {
    key: 'username',
    group: 'Sign-in',
    kind: 'text',
    default: 'gateway_user',
    environmentOnly: true,
    description: 'User name of the sign-in page',
    example: 'gateway_user',
  },
  password: {
    key: 'password',
    group: 'Sign-in',
    kind: 'secret',
    default: 'gateway_pass',
    environmentOnly: true,
    description: 'Its password (the default only works on loopback)',
    example: 'PASSWORD',
  },
  passwordHash: {
    key: 'passwordHash',
    group: 'Sign-in',
    kind: 'secret',
    default: undefined,
    environmentOnly: true,
    description: 'Or its hash, as hash-password prints it',
    example: "'$scrypt$ln=15,r=8,p=3$SALT$HASH'",
  },
  usersFile: {
    key: 'usersFile',
    group: 'Sign-in',
    kind: 'file',
    default: undefined,
    description: 'Or a file of NAME:HASH lines, read again when it changes',
    example: '/etc/mcp-oauth-gateway/users',
  },
  session: {
    key: 'session',
    group: 'Sign-in',
    kind: 'seconds',
    default: 0,
    min: 0,
    max: 30 * day,
    description: 'Seconds a browser stays signed in (0: not)',
    example: '28800',
  },
  dynamicRegistration: {
    key: 'dynamicRegistration',
    group: 'Clients',
    kind: 'switch',
    default: 'on',
    description: 'Whether clients may register themselves (on, off)',
    example: 'off',
  },
  registrationsPerMinute: {
    key: 'registrationsPerMinute',
    group: 'Clients',
    kind: 'count',
    default: 120,
    min: 1,
    max: 1_000_000,
    description: 'How many registrations one address may make a minute',
    example: '120',
  },
  authorizationsPerMinute: {
    key: 'authorizationsPerMinute',
    group: 'Clients',
    kind: 'count',
    default: 600,
    min: 1,
    max: 1_000_000,
    description: 'How many logins one address may begin a minute',
    example: '600',
  },
  tokenRequestsPerMinute: {
    key: 'tokenRequestsPerMinute',
    group: 'Clients',
    kind: 'count',
    default: 1200,
    min: 1,
    max: 1_000_000,
    description: 'How many token requests one address may make a minute',
    example: '1200',
  },
  clientsFile: {
    key: 'clientsFile',
    group: 'Clients',
    kind: 'text',
    default: undefined,
    description: 'JSON file of the clients that you let in yourself',
    example: '/etc/mcp-oauth-gateway/clients.json',
  },
  clientMetadataDocuments: {
    key: 'clientMetadataDocuments',
    group: 'Clients',
    kind: 'switch',
    default: 'on',
    description: 'Whether a client id may be the URL of its metadata (on, off)',
    example: 'off',
  },
  clientMetadataDomains: {
    key: 'clientMetadataDomains',
    group: 'Clients',
    kind: 'names',
    repeatable: true,
    default: undefined,
    description: 'Hosts whose clients are admitted by such URLs (absent: all)',
    example: 'claude.ai,*.example.com',
  },
  allowInsecureClientMetadata: {
    key: 'allowInsecureClientMetadata',
    group: 'Clients',
    kind: 'switch',
    default: 'off',
    description: 'For tests: such URLs on loopback too, and there over http',
    example: 'on',
  },
  accessTokenTtl: {
    key: 'accessTokenTtl',
    group: 'Tokens',
    kind: 'seconds',
    default: hour,
    min: 1,
    max: 30 * day,
    description: 'Life of an access token',
    example: '3600',
  },
  refreshTokenTtl: {
    key: 'refreshTokenTtl',
    group: 'Tokens',
    kind: 'seconds',
    default: 30 * day,
    min: 1,
    max: 3650 * day,
    description: 'Life of a refresh token; then users sign in again',
    example: '2592000',
  },
  grantTtl: {
    key: 'grantTtl',
    group: 'Tokens',
    kind: 'seconds',
    default: 0,
    min: 0,
    max: 3650 * day,
    description: 'Life of a grant however often it is refreshed (0: no end)',
    example: '7776000',
  },
  codeTtl: {
    key: 'codeTtl',
    group: 'Tokens',
    kind: 'seconds',
    default: minute,
    min: 1,
    // RFC 6749 §4.1.2: at most ten minutes.
    max: 10 * minute,
    description: 'Life of an authorization code',
    example: '60',
  },
  flowTtl: {
    key: 'flowTtl',
    group: 'Tokens',
    kind: 'seconds',
    default: 15 * minute,
    min: 1,
    max: day,
    description: 'Time for the whole sign-in, both screens',
    example: '900',
  },
  refreshGrace: {
    key: 'refreshGrace',
    group: 'Tokens',
    kind: 'seconds',
    default: 10 * minute,
    min: 0,
    max: 7 * day,
    description: 'How long a used refresh token stays good (0: strict)',
    example: '600',
  },
  clockSkew: {
    key: 'clockSkew',
    group: 'Tokens',
    kind: 'seconds',
    default: minute,
    min: 0,
    max: 10 * minute,
    description: 'How long tokens are accepted past their end',
    example: '60',
  },
  tokenFormat: {
    key: 'tokenFormat',
    group: 'Tokens',
    kind: 'choice',
    default: 'pair',
    choices: ['pair', 'opaque'],
    description: 'pair (holds the upstream token) or opaque (it stays here)',
    example: 'pair',
  },
  allowedOrigins: {
    key: 'allowedOrigins',
    group: 'Programs',
    kind: 'list',
    default: undefined,
    description: 'Web origins of browser clients (*: any)',
    example: 'https://inspector.example.com',
  },
  introspectionClientId: {
    key: 'introspectionClientId',
    group: 'Programs',
    kind: 'text',
    default: undefined,
    description: 'Who may ask /introspect about tokens',
    example: 'resource-server',
  },
  introspectionClientSecret: {
    key: 'introspectionClientSecret',
    group: 'Programs',
    kind: 'secret',
    default: undefined,
    description: 'Its secret; safer from the environment',
    example: 'SECRET',
  },
  store: {
    key: 'store',
    group: 'State',
    kind: 'text',
    default: 'disk',
    description: 'disk (a file in your state folder), a path, redis://..., or memory',
    example: 'disk',
  },
  keyFile: {
    key: 'keyFile',
    group: 'State',
    kind: 'text',
    default: undefined,
    description: 'Keys that seal it (with disk made beside the store)',
    example: '/etc/mcp-oauth-gateway/key',
  },
  workers: {
    key: 'workers',
    group: 'State',
    kind: 'count',
    default: 1,
    min: 1,
    max: 256,
    description: 'Processes that share the port and the store',
    example: '4',
  },
  flowsPerAddress: {
    key: 'flowsPerAddress',
    group: 'Limits',
    kind: 'count',
    default: 500,
    min: 1,
    max: 1_000_000,
    description: 'Logins of one address that wait for a sign-in',
    example: '500',
  },
  maxFlows: {
    key: 'maxFlows',
    group: 'Limits',
    kind: 'count',
    default: 5000,
    min: 1,
    max: 1_000_000,
    description: 'Logins of all that wait for a sign-in',
    example: '5000',
  },
  callsPerGrant: {
    key: 'callsPerGrant',
    group: 'Limits',
    kind: 'count',
    default: 100,
    min: 1,
    max: 1_000_000,
    description: 'Calls and streams of one grant at a time',
    example: '100',
  },
  maxCalls: {
    key: 'maxCalls',
    group: 'Limits',
    kind: 'count',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    description: 'Calls and streams of all at a time',
    example: '10000',
  },
  logFormat: {
    key: 'logFormat',
    group: 'Operation',
    kind: 'choice',
    default: 'auto',
    description: 'Log lines as text or json (auto: text on a terminal)',
    example: 'json',
  },
  logLevel: {
    key: 'logLevel',
    group: 'Operation',
    kind: 'choice',
    default: 'info',
    description: 'debug, info, warn, error or silent',
    example: 'debug',
  },
  metricsAddress: {
    key: 'metricsAddress',
    group: 'Operation',
    kind: 'text',
    default: undefined,
    description: 'Address of /metrics for Prometheus, off the public port',
    example: '127.0.0.1:9464',
  },
  adminSocket: {
    key: 'adminSocket',
    group: 'Operation',
    kind: 'text',
    default: undefined,
    description: 'Socket (a path) for the command grants',
    example: '/run/mcp-oauth-gateway/admin.sock',
  },
  shutdownTimeout: {
    key: 'shutdownTimeout',
    group: 'Operation',
    kind: 'seconds',
    default: 25,
    min: 0,
    max: hour,
    description: 'Seconds that running requests have at a stop',
    example: '25',
  },
};

/** The rows of the table, in the order of `--help`. */
export const settingRows: readonly Setting[] = Object.values(settings);

/** The flag of a setting, without dashes: `upstreamRs` is `upstream-rs`. */
export function flagName(key: SettingKey): string {
  return key.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}

/** What every environment name of the gateway begins with. */
export const environmentPrefix = 'MCP_GATEWAY_';

/** The environment name of a setting: `upstreamRs` is `MCP_GATEWAY_UPSTREAM_RS`. */
export function environmentName(key: SettingKey): string {
  return environmentPrefix + flagName(key).replaceAll('-', '_').toUpperCase();
}

/** The flag of the file that holds a secret, without dashes: `upstream-client-secret-file`. */
export function fileFlagName(key: SettingKey): string {
  return `${flagName(key)}-file`;
}

/** The environment name of the file that holds a secret: `MCP_GATEWAY_PASSWORD_FILE`. */
export function fileEnvironmentName(key: SettingKey): string {
  return `${environmentName(key)}_FILE`;
}

/** The secrets that can be given as a file which holds them; a setting of its own may say the same. */
export const secretRows: readonly Setting[] = settingRows.filter(
  ({ key, kind }) => kind === 'secret' && !(`${key}File` in settings),
);

/** How a sentence names a setting: an embedder knows its key, an operator its flag or variable. */
export interface Spelling {
  readonly name: (key: SettingKey) => string;
  /** The setting with a value, ready to be copied. */
  readonly example: (key: SettingKey, value?: string) => string;
}

/** Spells settings as keys of an options object. */
export const optionSpelling: Spelling = {
  name: (key) => key,
  example: (key, value = settings[key].example) => `${key}: '${value.replaceAll('"', '')}'`,
};
