import type { GatewayAddress } from '../../domain/gateway-address.ts';
import type { UpstreamAuthMethod } from '../../domain/upstream-client.ts';
import { brokenRules } from './configuration-rules.ts';
import { configurationSchema } from './configuration-schema.ts';
import { nearestName, suggestion } from './nearest-name.ts';
import { optionSpelling, type Spelling, settingRows } from './settings.ts';
import { httpOrigin, isLoopback } from './web-address.ts';

/** The settings of one gateway, complete and checked. All times are whole seconds. */
export interface GatewayConfig {
  /** 0 lets the system choose; `canonicalUrl` then needs the port that was chosen. */
  readonly port: number;
  /** A name or an address, IPv6 without brackets; `localhost` means 127.0.0.1 and ::1. */
  readonly host: string;
  /** The URL under which clients reach the gateway, perhaps with a path, without a trailing slash. */
  readonly publicUrl: string | undefined;
  /** PEM files of certificate and key; absent where the gateway listens without TLS. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Addresses and networks of the proxies in front, separated by single spaces; nobody else's forwarding headers count. */
  readonly trustedProxy: string | undefined;
  /** The upstream's MCP endpoint exactly as given: path and trailing slash matter. */
  readonly upstreamRs: string;
  /** The upstream's issuer exactly as given; absent where it is discovered. */
  readonly upstreamAs: string | undefined;
  /** Absent where the gateway registers itself at the upstream. */
  readonly upstreamClientId: string | undefined;
  /** Absent for a public client. */
  readonly upstreamClientSecret: string | undefined;
  /** Given together with the token endpoint, or absent where both are discovered. */
  readonly upstreamAuthorizeEndpoint: string | undefined;
  /** Given together with the authorization endpoint, or absent where both are discovered. */
  readonly upstreamTokenEndpoint: string | undefined;
  /** Scopes separated by single spaces; absent where the client's request decides. */
  readonly upstreamScope: string | undefined;
  /** Whether the upstream has an authorization server; `static`: it takes one fixed header instead. */
  readonly upstreamAuth: 'oauth' | 'none' | 'static';
  /** That header, as `Name: value`. */
  readonly upstreamHeader: string | undefined;
  /** A file that holds it. */
  readonly upstreamHeaderFile: string | undefined;
  /** Absent where it follows from what the upstream says. */
  readonly upstreamTokenAuthMethod: UpstreamAuthMethod | undefined;
  /** A file with a private key, PEM or JWK, for `private_key_jwt`. */
  readonly upstreamPrivateKeyFile: string | undefined;
  /** A file with the certificate that the upstream knows that key by. */
  readonly upstreamPrivateKeyCert: string | undefined;
  /** How the gateway gets a client id where none is configured. */
  readonly upstreamRegistration: 'auto' | 'document' | 'dynamic';
  /** What the gateway calls itself when it registers. */
  readonly upstreamClientName: string | undefined;
  /** What is sent as `resource` (RFC 8707): `auto`, `off`, or a value. */
  readonly upstreamResource: string;
  /** Further parameters of authorization requests. */
  readonly upstreamAuthorizeParam: Readonly<Record<string, string>> | undefined;
  /** Further parameters of token requests. */
  readonly upstreamTokenParam: Readonly<Record<string, string>> | undefined;
  /** Whether the upstream may be reached without TLS beyond this machine. */
  readonly upstreamPlainHttp: 'refuse' | 'allow';
  /** A file with certificates (PEM) of authorities to trust, besides those that Node.js trusts. */
  readonly upstreamCa: string | undefined;
  /** A file with the gateway's own certificate (PEM), for upstreams that ask for one. */
  readonly upstreamClientCert: string | undefined;
  /** A file with that certificate's private key (PEM). */
  readonly upstreamClientKey: string | undefined;
  /** The most that one OAuth call to the upstream may take. */
  readonly upstreamTimeout: number;
  /** The most that a whole discovery may take. */
  readonly discoveryTimeout: number;
  /** Until the first header of an answer from the MCP server; 0 is as long as it takes. */
  readonly upstreamResponseTimeout: number;
  /** What is spoken to the MCP server; 2 only where it offers it. */
  readonly upstreamHttp: '1.1' | '2';
  /** Names of a client's request headers that reach the MCP server besides the usual ones, in lower case. */
  readonly upstreamPassHeaders: readonly string[] | undefined;
  /** Silence on an event stream before a comment goes to the client; 0 is none. */
  readonly sseKeepalive: number;
  /** Whether the end of a grant is told to the upstream; `auto`: not where it is known that revoking one token ends a user's other grants. */
  readonly upstreamRevocation: 'auto' | 'on' | 'off';
  /** Who may sign in. */
  readonly username: string;
  /** What they prove it with, unless a hash or a file of users says so. */
  readonly password: string;
  /** The hash of the password, in PHC form; the password itself is then not needed. */
  readonly passwordHash: string | undefined;
  /** A file of `name:hash` lines: who may sign in, instead of the one user above. */
  readonly usersFile: string | undefined;
  /** How long a browser stays signed in; 0: every flow asks for the password. */
  readonly session: number;
  /** Whether clients may register themselves (RFC 7591). */
  readonly dynamicRegistration: Switch;
  /** How many registrations one address may make a minute. */
  readonly registrationsPerMinute: number;
  /** How often one address may begin an authorization in a minute, and ask for tokens. */
  readonly authorizationsPerMinute: number;
  readonly tokenRequestsPerMinute: number;
  /** The JSON file of the clients that the operator lets in; absent where there are none. */
  readonly clientsFile: string | undefined;
  /** Whether a client id may be the URL of a Client ID Metadata Document. */
  readonly clientMetadataDocuments: Switch;
  /** Host names, `*.` before one for those below it; absent where all are admitted. */
  readonly clientMetadataDomains: readonly string[] | undefined;
  /** Whether such documents may be on loopback over http, for tests. */
  readonly allowInsecureClientMetadata: Switch;
  /** Life of an access token. */
  readonly accessTokenTtl: number;
  /** Life of a refresh token. */
  readonly refreshTokenTtl: number;
  /** Life of a grant, however often it is refreshed; 0: no end but that of its last refresh token. */
  readonly grantTtl: number;
  /** Life of an authorization code. */
  readonly codeTtl: number;
  /** Life of an authorization flow, from /authorize to the upstream's return. */
  readonly flowTtl: number;
  /** How long after its access token's end a used refresh token stays good; 0 is strict rotation. */
  readonly refreshGrace: number;
  /** How long tokens are accepted past their announced end. */
  readonly clockSkew: number;
  /** Whether the client's tokens carry the upstream's, or only stand for them. */
  readonly tokenFormat: 'pair' | 'opaque';
  /** Web origins that browser clients may come from, separated by single spaces; `*` for any. */
  readonly allowedOrigins: string | undefined;
  /** Who may introspect tokens; absent where nobody may. */
  readonly introspectionClientId: string | undefined;
  readonly introspectionClientSecret: string | undefined;
  /** Where everything is kept that outlives a request: `memory`, `disk`, a path, or the URL of a Redis. */
  readonly store: string;
  /** Absent where the key is made beside the store on disk, or ends with the process. */
  readonly keyFile: string | undefined;
  /** How many processes the command line starts; a gateway that is embedded is one. */
  readonly workers: number;
  /** How many logins may wait for somebody to sign in: begun from one address, and all. */
  readonly flowsPerAddress: number;
  readonly maxFlows: number;
  /** How many calls to /mcp, streams among them, may be under way: of one grant, and of all. */
  readonly callsPerGrant: number;
  readonly maxCalls: number;
  /** How log lines are written; `auto` is text on a terminal and JSON elsewhere. */
  readonly logFormat: 'auto' | 'text' | 'json';
  /** The least that is worth a line. */
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** `host:port` where /metrics is; absent where nowhere. */
  readonly metricsAddress: string | undefined;
  /** The path of the socket that `grants` asks; absent where there is none. */
  readonly adminSocket: string | undefined;
  /** How long running requests may still take at a stop. */
  readonly shutdownTimeout: number;
}

/**
 * What an embedder passes: the settings of `GatewayConfig`, of which only `upstreamRs` is required.
 * Numbers may be text, so that environment variables can be passed as they are.
 */
export type GatewayOptions = {
  readonly [Key in keyof GatewayConfig]?: Given<GatewayConfig[Key]> | undefined;
} & { readonly upstreamRs: string };

/** A setting that is on or off; `true` and `false` may be given for them. */
export type Switch = 'on' | 'off';

type Given<Value> = Value extends number | Readonly<Record<string, string>>
  ? Value | string
  : Value extends Switch
    ? Switch | boolean
    : Value extends readonly string[]
      ? readonly string[] | string
      : Value;

/** One thing that is wrong: the setting's key as given, and how to mend it, as a sentence. */
export interface ConfigurationFault {
  readonly setting: string;
  readonly message: string;
}

/** A configuration that cannot be used. It lists every fault, and no secret. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** In the order of the settings; never empty. */
  readonly faults: readonly ConfigurationFault[];

  constructor(faults: readonly ConfigurationFault[]) {
    super(faults.map(({ setting, message }) => `${setting}: ${message}`).join('\n'));
    this.faults = faults;
  }
}

/** What came out of checking a configuration: the configuration, or every fault in it. */
export type CheckedConfiguration =
  | { readonly ok: true; readonly value: GatewayConfig }
  | { readonly ok: false; readonly failure: readonly ConfigurationFault[] };

/** Checks and completes an embedder's options; throws a `ConfigurationError` that lists every fault. */
export function parseConfiguration(options: unknown): GatewayConfig {
  const checked = checkConfiguration(inMemoryUnlessTold(options), optionSpelling);
  if (!checked.ok) throw new ConfigurationError(checked.failure);
  return checked.value;
}

/** A program that embeds a gateway did not ask for a file in its user's folders. */
function inMemoryUnlessTold(options: unknown): unknown {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return options;
  const { store } = options as { readonly store?: unknown };
  return { ...options, store: store ?? 'memory' };
}

/** Checks and completes options; sentences name settings in the given spelling. */
export function checkConfiguration(options: unknown, spelling: Spelling): CheckedConfiguration {
  const parsed = configurationSchema(spelling, brokenRules).safeParse(options);
  if (parsed.success) return { ok: true, value: parsed.data };
  const faults = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map(unknownKey)
      : [{ setting: issue.path.map(String).join('.') || 'configuration', message: issue.message }],
  );
  return { ok: false, failure: faults.sort((left, right) => place(left) - place(right)) };
}

/**
 * The URL everything is announced under, without a trailing slash: the public URL, or the host as
 * named with the port the gateway listens on.
 */
export function canonicalUrl(config: GatewayConfig, listeningPort: number): string {
  const scheme = config.tlsCert === undefined ? 'http' : 'https';
  return config.publicUrl ?? httpOrigin(config.host, listeningPort, scheme);
}

/** How clients reach the gateway: on a loopback bind by any loopback name, unless a public URL is set. */
export function gatewayAddress(config: GatewayConfig, listeningPort: number): GatewayAddress {
  return {
    canonical: canonicalUrl(config, listeningPort),
    mirrored: config.publicUrl === undefined && isLoopback(config.host),
  };
}

/** The URL to paste into an MCP client. */
export function mcpUrl(config: GatewayConfig, listeningPort: number): string {
  return `${canonicalUrl(config, listeningPort)}/mcp`;
}

/** The redirect URI to register at the upstream. */
export function upstreamCallbackUrl(config: GatewayConfig, listeningPort: number): string {
  return `${canonicalUrl(config, listeningPort)}/upstream/callback`;
}

const keys: readonly string[] = settingRows.map((row) => row.key);

function unknownKey(key: string): ConfigurationFault {
  const ending = suggestion(nearestName(key, keys), `; the settings are ${keys.join(', ')}.`);
  return { setting: key, message: `There is no such setting${ending}` };
}

/** Unknown keys come last. */
function place(fault: ConfigurationFault): number {
  const index = keys.indexOf(fault.setting);
  return index === -1 ? keys.length : index;
}
