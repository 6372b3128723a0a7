import type { ConfigurationFault, GatewayConfig } from './gateway-configuration.ts';
import { optionSpelling, type SettingKey, type Spelling, settings } from './settings.ts';
import { isLoopback } from './web-address.ts';

/** Applies the rules between settings, but none that reads an unsound setting. */
export type BrokenRules = (
  config: GatewayConfig,
  unsound: ReadonlySet<unknown>,
  spelling: Spelling,
) => readonly ConfigurationFault[];

interface Rule {
  readonly reads: readonly SettingKey[];
  readonly setting: SettingKey;
  /** The sentence when the rule is broken. */
  readonly fault: (config: GatewayConfig, spelling: Spelling) => string | undefined;
}

const rules: readonly Rule[] = [
  {
    reads: ['host', 'publicUrl'],
    setting: 'host',
    fault: ({ host, publicUrl }, { example }) =>
      isLoopback(host) || publicUrl !== undefined
        ? undefined
        : `"${host}" can be reached from other machines; say under which URL clients reach it, for example ${example('publicUrl')}.`,
  },
  {
    reads: ['upstreamAuthorizeEndpoint', 'upstreamTokenEndpoint'],
    setting: 'upstreamAuthorizeEndpoint',
    fault: (config, { name, example }) =>
      config.upstreamTokenEndpoint !== undefined && config.upstreamAuthorizeEndpoint === undefined
        ? `It is required beside ${name('upstreamTokenEndpoint')}; give both or neither, for example ${example('upstreamAuthorizeEndpoint')}.`
        : undefined,
  },
  {
    reads: ['upstreamAuthorizeEndpoint', 'upstreamTokenEndpoint'],
    setting: 'upstreamTokenEndpoint',
    fault: (config, { name, example }) =>
      config.upstreamAuthorizeEndpoint !== undefined && config.upstreamTokenEndpoint === undefined
        ? `It is required beside ${name('upstreamAuthorizeEndpoint')}; give both or neither, for example ${example('upstreamTokenEndpoint')}.`
        : undefined,
  },
  {
    reads: ['upstreamAuthorizeEndpoint', 'upstreamTokenEndpoint', 'upstreamClientId'],
    setting: 'upstreamClientId',
    fault: (config, { name, example }) =>
      hasEndpoints(config) && config.upstreamClientId === undefined
        ? `It is required beside ${name('upstreamAuthorizeEndpoint')}, because without discovery the gateway cannot register itself; give the client id you registered, for example ${example('upstreamClientId')}.`
        : undefined,
  },
  {
    reads: ['upstreamClientId', 'upstreamClientSecret'],
    setting: 'upstreamClientSecret',
    fault: (config, { name, example }) =>
      config.upstreamClientSecret !== undefined && config.upstreamClientId === undefined
        ? `A secret is of no use without ${name('upstreamClientId')}; give both or neither, for example ${example('upstreamClientId')}.`
        : undefined,
  },
  ...(['introspectionClientId', 'introspectionClientSecret'] as const).map(
    (setting): Rule => ({
      reads: ['introspectionClientId', 'introspectionClientSecret'],
      setting,
      fault: (config, { name, example }) => {
        const other = otherOf(setting);
        return config[setting] === undefined && config[other] !== undefined
          ? `It is required beside ${name(other)}; give both or neither, for example ${example(setting)}.`
          : undefined;
      },
    }),
  ),
  {
    reads: ['password', 'passwordHash'],
    setting: 'passwordHash',
    fault: (config, { name }) =>
      config.passwordHash !== undefined && config.password !== settings.password.default
        ? `A password and a hash of one are too much; take out ${name('password')}.`
        : undefined,
  },
  {
    reads: ['password', 'passwordHash', 'usersFile'],
    setting: 'usersFile',
    fault: (config, { name }) => {
      if (config.usersFile === undefined) return undefined;
      const other = config.passwordHash === undefined ? 'password' : 'passwordHash';
      return config[other] === settings[other].default
        ? undefined
        : `The file says who may sign in; put the user there and take out ${name(other)}.`;
    },
  },
  {
    reads: ['host', 'publicUrl', 'password', 'passwordHash', 'usersFile'],
    setting: 'password',
    fault: (config, { example }) =>
      hasDefaultPassword(config) && !staysOnThisMachine(config)
        ? `The default password is known to everyone, and others can reach this gateway at ${config.publicUrl ?? config.host}; set one of your own with ${example('password')}.`
        : undefined,
  },
];

function otherOf(setting: 'introspectionClientId' | 'introspectionClientSecret') {
  return setting === 'introspectionClientId'
    ? 'introspectionClientSecret'
    : 'introspectionClientId';
}

/** Every fault that only two or more settings together make. */
export const brokenRules: BrokenRules = (config, unsound, spelling) =>
  rules.flatMap(({ reads, setting, fault }) => {
    const message = reads.some((key) => unsound.has(key)) ? undefined : fault(config, spelling);
    return message === undefined ? [] : [{ setting, message }];
  });

/** What an operator should know although the gateway starts, a sentence each. */
export function configurationWarnings(
  config: GatewayConfig,
  spelling: Spelling = optionSpelling,
): string[] {
  const { name, example } = spelling;
  const warnings: string[] = [];
  if (hasDefaultPassword(config)) {
    warnings.push(
      `The default password is in use; set one of your own with ${example('password')}.`,
    );
  }
  if (config.publicUrl?.startsWith('http:') && !isLoopback(new URL(config.publicUrl).hostname)) {
    warnings.push(
      `${name('publicUrl')} is plain http: most clients refuse it, and passwords and tokens cross the network in the clear; put TLS in front and give the https:// URL.`,
    );
  }
  if (config.refreshTokenTtl <= config.accessTokenTtl) {
    warnings.push(
      `${name('refreshTokenTtl')} is not longer than ${name('accessTokenTtl')}, so clients have to sign in again each time an access token ends.`,
    );
  }
  return warnings;
}

/** Also where somebody has set it: what counts is that it is published. */
export function hasDefaultPassword(config: GatewayConfig): boolean {
  if (config.passwordHash !== undefined || config.usersFile !== undefined) return false;
  return config.password === settings.password.default;
}

function hasEndpoints(config: GatewayConfig): boolean {
  return (
    config.upstreamAuthorizeEndpoint !== undefined && config.upstreamTokenEndpoint !== undefined
  );
}

/** Both ways in count: what is listened on, and what a reverse proxy makes public. */
function staysOnThisMachine({ host, publicUrl }: GatewayConfig): boolean {
  const isPublic = publicUrl !== undefined && !isLoopback(new URL(publicUrl).hostname);
  return isLoopback(host) && !isPublic;
}
