import { clientDocumentUrl } from '../../domain/metadata.ts';
import { presetFor } from '../../domain/upstream-presets.ts';
import type { ConfigurationFault, GatewayConfig } from './gateway-configuration.ts';
import { isRedisUrl } from './redis-url.ts';
import { optionSpelling, type SettingKey, type Spelling, settings } from './settings.ts';
import { clearTextFault, isLoopback } from './web-address.ts';

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
  ...(
    ['upstreamRs', 'upstreamAs', 'upstreamAuthorizeEndpoint', 'upstreamTokenEndpoint'] as const
  ).map(withoutClearText),
  {
    reads: ['host', 'publicUrl'],
    setting: 'host',
    fault: ({ host, publicUrl }, { example }) =>
      isLoopback(host) || publicUrl !== undefined
        ? undefined
        : `"${host}" can be reached from other machines; say under which URL clients reach it, for example ${example('publicUrl')}.`,
  },
  {
    reads: ['metricsAddress', 'workers'],
    setting: 'metricsAddress',
    fault: ({ metricsAddress, workers }, { example }) =>
      metricsAddress !== undefined && workers > 1
        ? `Each worker counts for itself, so a scrape would hear one of ${workers} by chance; leave it out, or run one process, for example ${example('workers', '1')}.`
        : undefined,
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
    reads: [
      'upstreamAuthorizeEndpoint',
      'upstreamTokenEndpoint',
      'upstreamClientId',
      'upstreamRegistration',
    ],
    setting: 'upstreamClientId',
    fault: (config, { name, example }) =>
      hasEndpoints(config) &&
      config.upstreamClientId === undefined &&
      config.upstreamRegistration !== 'document'
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
    reads: ['upstreamAuth', 'upstreamHeader', 'upstreamHeaderFile'],
    setting: 'upstreamHeader',
    fault: (config, { name, example }) => {
      const given = [config.upstreamHeader, config.upstreamHeaderFile].filter(Boolean).length;
      if (config.upstreamAuth !== 'static') {
        return given === 0
          ? undefined
          : `A header is only sent with ${example('upstreamAuth', 'static')}; set that, or take the header out.`;
      }
      if (given === 1) return undefined;
      return given === 0
        ? `It is required beside ${example('upstreamAuth', 'static')}, here or in ${name('upstreamHeaderFile')}, for example ${example('upstreamHeader')}.`
        : `It is given twice; keep it here or in ${name('upstreamHeaderFile')}.`;
    },
  },
  {
    reads: ['upstreamTokenAuthMethod', 'upstreamPrivateKeyFile'],
    setting: 'upstreamPrivateKeyFile',
    fault: (config, { example }) =>
      config.upstreamTokenAuthMethod === 'private_key_jwt' &&
      config.upstreamPrivateKeyFile === undefined
        ? `A key is required beside ${example('upstreamTokenAuthMethod', 'private_key_jwt')}, for example ${example('upstreamPrivateKeyFile')}.`
        : undefined,
  },
  {
    reads: ['upstreamPrivateKeyCert', 'upstreamPrivateKeyFile'],
    setting: 'upstreamPrivateKeyCert',
    fault: (config, { name, example }) =>
      config.upstreamPrivateKeyCert !== undefined && config.upstreamPrivateKeyFile === undefined
        ? `A certificate is of no use without ${name('upstreamPrivateKeyFile')}; give both or neither, for example ${example('upstreamPrivateKeyFile')}.`
        : undefined,
  },
  {
    reads: ['upstreamTokenAuthMethod', 'upstreamClientId', 'upstreamClientSecret'],
    setting: 'upstreamTokenAuthMethod',
    fault: (config, { example }) =>
      config.upstreamTokenAuthMethod?.startsWith('client_secret') &&
      config.upstreamClientId !== undefined &&
      config.upstreamClientSecret === undefined
        ? `This method needs the client's secret, for example ${example('upstreamClientSecret')}.`
        : undefined,
  },
  {
    reads: ['upstreamRegistration', 'publicUrl'],
    setting: 'upstreamRegistration',
    fault: ({ upstreamRegistration, publicUrl }, { example }) =>
      upstreamRegistration === 'document' && clientDocumentUrl(publicUrl) === undefined
        ? `The upstream has to read the document from outside, so a public https URL is required, for example ${example('publicUrl')}.`
        : undefined,
  },
  {
    reads: ['upstreamTokenAuthMethod', 'upstreamRegistration', 'upstreamClientId'],
    setting: 'upstreamTokenAuthMethod',
    fault: (config, { example }) =>
      config.upstreamTokenAuthMethod?.startsWith('client_secret') &&
      config.upstreamRegistration === 'document' &&
      config.upstreamClientId === undefined
        ? `A client document has no secret; choose private_key_jwt or none, or ${example('upstreamRegistration', 'dynamic')}.`
        : undefined,
  },
  together('upstreamClientCert', 'upstreamClientKey'),
  together('tlsCert', 'tlsKey'),
  {
    reads: ['host', 'publicUrl', 'password', 'passwordHash', 'usersFile'],
    setting: 'password',
    fault: (config, { example }) =>
      hasDefaultPassword(config) && !staysOnThisMachine(config)
        ? `The default password is known to everyone, and others can reach this gateway at ${config.publicUrl ?? config.host}; set one of your own with ${example('password')}.`
        : undefined,
  },
  {
    reads: ['store', 'keyFile'],
    setting: 'keyFile',
    fault: ({ store, keyFile }, { example }) =>
      isRedisUrl(store) && keyFile === undefined
        ? `With a store in Redis every gateway needs the same key, from a file; give one, for example ${example('keyFile')}.`
        : undefined,
  },
  {
    reads: ['store', 'workers'],
    setting: 'workers',
    fault: ({ store, workers }, { example }) =>
      workers > 1 && store === 'memory'
        ? `Several processes cannot share a store in memory; keep it on disk with ${example('store')}.`
        : undefined,
  },
];

/** Tokens must not cross a network in the clear, unless the operator says that the network is private. */
function withoutClearText(
  setting: 'upstreamRs' | 'upstreamAs' | 'upstreamAuthorizeEndpoint' | 'upstreamTokenEndpoint',
): Rule {
  return {
    reads: [setting, 'upstreamPlainHttp'],
    setting,
    fault: ({ [setting]: url, upstreamPlainHttp }, { example }) => {
      const fault =
        url === undefined || upstreamPlainHttp === 'allow' ? undefined : clearTextFault(url);
      return (
        fault && `${fault}, or set ${example('upstreamPlainHttp')} where the network is private.`
      );
    },
  };
}

/** A certificate and its key. */
function together(
  cert: 'upstreamClientCert' | 'tlsCert',
  key: 'upstreamClientKey' | 'tlsKey',
): Rule {
  return {
    reads: [cert, key],
    setting: cert,
    fault: (config, { name }) =>
      (config[cert] === undefined) === (config[key] === undefined)
        ? undefined
        : `A certificate and its key go together; give ${name(cert)} and ${name(key)}, or neither.`,
  };
}

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
  if (config.allowInsecureClientMetadata === 'on') {
    warnings.push(
      `${name('allowInsecureClientMetadata')} is on: any program on this machine can pass for a client, and strangers can make the gateway ask its loopback addresses; it is for tests only.`,
    );
  }
  if (config.upstreamPlainHttp === 'allow') {
    warnings.push(
      `${example('upstreamPlainHttp', 'allow')} lets tokens and client secrets cross the network in the clear; use it in a private network only.`,
    );
  }
  const byHand = clientByHand(config);
  if (byHand !== undefined) {
    warnings.push(
      `${byHand.name} wants a client registered by hand: register one with the upstream callback above and set ${name('upstreamClientId')}. ${byHand.hint}`,
    );
  }
  if (config.refreshTokenTtl <= config.accessTokenTtl) {
    warnings.push(
      `${name('refreshTokenTtl')} is not longer than ${name('accessTokenTtl')}, so clients have to sign in again each time an access token ends.`,
    );
  }
  if (config.store === 'memory') {
    warnings.push(
      `Everything is kept in memory: a restart logs everybody out; keep it on disk with ${example('store')}.`,
    );
  }
  return warnings;
}

/** Also where somebody has set it: what counts is that it is published. */
export function hasDefaultPassword(config: GatewayConfig): boolean {
  if (config.passwordHash !== undefined || config.usersFile !== undefined) return false;
  return config.password === settings.password.default;
}

/** The upstream where it is known that nobody will be able to sign in before its operator has registered the gateway. */
function clientByHand(config: GatewayConfig) {
  const { upstreamAuth, upstreamClientId, upstreamRegistration, upstreamAs, upstreamRs } = config;
  if (upstreamAuth !== 'oauth' || upstreamClientId !== undefined) return undefined;
  const preset = presetFor([upstreamAs, upstreamRs]);
  return upstreamRegistration === 'auto' && preset?.registration === 'manual' ? preset : undefined;
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
