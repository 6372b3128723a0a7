#!/usr/bin/env node
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { askAdmin } from './adapters/admin/ask-admin.ts';
import { type ConfiguredClients, readClientsFile } from './adapters/clients/clients-file.ts';
import { httpClientDocuments } from './adapters/clients/http-client-documents.ts';
import { joseAssertions } from './adapters/clients/jose-assertions.ts';
import { type DoctorReport, doctorReport } from './adapters/configuration/doctor-report.ts';
import { endpointSettings } from './adapters/configuration/endpoint-settings.ts';
import {
  ConfigurationError,
  type GatewayConfig,
  type GatewayOptions,
  gatewayAddress,
  parseConfiguration,
} from './adapters/configuration/gateway-configuration.ts';
import { fileContents } from './adapters/configuration/named-files.ts';
import { type Program, runCommandLine } from './adapters/configuration/run.ts';
import { asksForDoctor, runDoctor } from './adapters/configuration/run-doctor.ts';
import { asksForGrants, runGrants } from './adapters/configuration/run-grants.ts';
import { asksForHealthcheck, runHealthcheck } from './adapters/configuration/run-healthcheck.ts';
import { type StoreLocation, storeLocation } from './adapters/configuration/store-location.ts';
import { useCaseSettings } from './adapters/configuration/use-case-settings.ts';
import { listenAddress } from './adapters/configuration/web-address.ts';
import { askHealth } from './adapters/http/ask-health.ts';
import { type GatewayListener, gatewayListener } from './adapters/http/gateway-listener.ts';
import { type Beside, type Gateway, gatewayServer } from './adapters/http/gateway-server.ts';
import { type TlsFiles, tlsFiles } from './adapters/http/tls-files.ts';
import { upstreamHealth } from './adapters/http/upstream-health.ts';
import { hashedUsers } from './adapters/sign-in/hashed-users.ts';
import { hashPassword } from './adapters/sign-in/scrypt.ts';
import { singleUser } from './adapters/sign-in/single-user.ts';
import { usersFile as readUsersFile } from './adapters/sign-in/users-file.ts';
import { configuredStore } from './adapters/store/configured-store.ts';
import { keysFromFile } from './adapters/system/key-file.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemRandom } from './adapters/system/system-random.ts';
import type { SeenCall } from './adapters/upstream/http-call.ts';
import { type UpstreamAdapters, upstreamAdapters } from './adapters/upstream/upstream-adapters.ts';
import { type Events, toAll } from './application/events.ts';
import type { Ports } from './application/ports.ts';
import { doctor, type UseCases, useCases } from './application/use-cases.ts';
import type { GatewayKeys } from './domain/grant-keys.ts';
import { seconds } from './domain/lifetime.ts';
import { readPasswordHash } from './domain/password-hash.ts';
import { sealingKey } from './domain/sealing.ts';

export type { DoctorReport } from './adapters/configuration/doctor-report.ts';
export type {
  GatewayConfig,
  GatewayOptions,
} from './adapters/configuration/gateway-configuration.ts';
export type { Gateway } from './adapters/http/gateway-server.ts';
export type { GatewayEvent } from './application/events.ts';
export type {
  ClientAssertions,
  ClientDocuments,
  Clock,
  Ports,
  Random,
  Records,
  SignIn,
  Store,
  UpstreamAuthorizationServer,
  UpstreamResourceServer,
  Version,
  Versioned,
  WriteOutcome,
} from './application/ports.ts';
export { StoreUnavailable } from './application/ports.ts';
export { subject } from './domain/grant.ts';
export { epochSeconds } from './domain/lifetime.ts';
export { ConfigurationError };

/**
 * Wires a gateway; nothing is listened on yet. Any port can be replaced: clock, store, sign-in, upstream and the rest. Throws a
 * `ConfigurationError` that lists every fault. Gateways share nothing: several can live in one process.
 */
export function createGateway(options: GatewayOptions, ports: Partial<Ports> = {}): Gateway {
  const config = parseConfiguration(ports.signIn ? withoutPassword(options) : options);
  let known = gatewayAddress(config, config.port);
  const address = () => known;
  const clients = configuredClients(config);
  const clock = ports.clock ?? systemClock;
  const place = storeLocation(config.store, process.env);
  const random = ports.random ?? systemRandom;
  const keys = gatewayKeys(place, config.keyFile, random);
  const store = configuredStore(place, clock, {
    keys: [keys.current, ...keys.previous],
    unreadable: (kind, count) => events.emit({ type: 'records_unreadable', kind, count }),
  });
  const health = upstreamHealth();
  const ears = [health.events, ...(ports.events ? [ports.events] : [])];
  const events = toAll(ears);
  const upstream = upstreamOf(config, clock);
  const used: Ports = {
    clock,
    random,
    store,
    signIn: signIn(config, events),
    clientDocuments: httpClientDocuments({
      insecure: config.allowInsecureClientMetadata === 'on',
      userAgent: `${name}/${version}`,
    }),
    assertions: joseAssertions,
    authorizationServer: upstream.authorizationServer,
    resourceServer: upstream.resourceServer,
    ...ports,
    events,
  };
  const settings = useCaseSettings(config, address, keys, upstream.publicKey, clients);
  const uses = useCases(used, settings);
  const listener = gatewayListener(uses, used, {
    ...endpointSettings(config, address, upstream.publicKey),
    upstreamHealth: health.state,
  });
  return gatewayServer({
    listener,
    lookAtUpstream: uses.lookAtUpstream,
    host: config.host,
    patience: config.shutdownTimeout,
    tls: tlsOf(config, events),
    port: config.port,
    url: () => address().canonical,
    opened: async () => (used.store === store ? store.open() : []),
    beside: [
      ...(config.metricsAddress === undefined
        ? []
        : [
            async () => {
              const figures = await openMetrics(config, listener.activity);
              ears.push(figures.counting);
              return figures.listener;
            },
          ]),
      ...(config.adminSocket === undefined ? [] : [() => openAdmin(config, uses)]),
    ],
    listening: (port) => {
      known = gatewayAddress(config, port);
      // Not before: who the gateway is at the upstream depends on its port.
      void uses.revocations.takeUp();
    },
    closed: async () => {
      uses.revocations.stop();
      await uses.renewals.stop();
      return Promise.all([upstream.close(), used.resourceServer.close(), used.store.close()]);
    },
  });
}

/** The key that seals what is kept: from its file, or as mortal as the memory it is kept in. */
function gatewayKeys(
  place: StoreLocation,
  keyFile: string | undefined,
  random: Ports['random'],
): GatewayKeys {
  const path = keyFile ?? (place.type === 'disk' ? `${place.path}.key` : undefined);
  if (path === undefined) return { current: sealingKey(random.bytes(32)), previous: [] };
  const keys = keysFromFile(path, place.type === 'disk' ? 'make' : 'refuse');
  if (!keys.ok) throw new ConfigurationError([{ setting: 'keyFile', message: keys.failure }]);
  return keys.value;
}

function tlsOf({ tlsCert, tlsKey }: GatewayConfig, events: Events): TlsFiles | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return usable('tlsCert', () => tlsFiles(tlsCert, tlsKey, events));
}

/** What cannot be read of a file is a fault of the setting that names it. */
function usable<Content>(setting: 'tlsCert' | 'usersFile', read: () => Content): Content {
  try {
    return read();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ConfigurationError([{ setting, message }]);
  }
}

/** Loaded only where it is asked for. */
async function openMetrics(
  { metricsAddress = '' }: GatewayConfig,
  activity: GatewayListener['activity'],
) {
  const { metrics } = await import('./adapters/metrics/metrics.ts');
  const { listenForMetrics } = await import('./adapters/metrics/metrics-listener.ts');
  const counting = metrics(version, activity);
  const address = listenAddress(metricsAddress) ?? { host: '127.0.0.1', port: 0 };
  try {
    return { counting, listener: await listenForMetrics(counting, address) };
  } catch (error) {
    throw unusable('metricsAddress', error, 'choose another, for example 127.0.0.1:9465.');
  }
}

async function openAdmin(
  { adminSocket = '' }: GatewayConfig,
  { administer }: UseCases,
): Promise<Beside> {
  const { listenForAdmin } = await import('./adapters/admin/admin-listener.ts');
  try {
    return await listenForAdmin(administer, adminSocket);
  } catch (error) {
    throw unusable('adminSocket', error, 'choose another path, in a folder that exists.');
  }
}

function unusable(
  setting: 'adminSocket' | 'metricsAddress',
  error: unknown,
  remedy: string,
): ConfigurationError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ConfigurationError([
    { setting, message: `It cannot be listened on (${reason}); ${remedy}` },
  ]);
}

function signIn({ username, password, passwordHash, usersFile }: GatewayConfig, events: Events) {
  if (usersFile !== undefined) {
    return hashedUsers(usable('usersFile', () => readUsersFile(usersFile, events)));
  }
  const hash = passwordHash && readPasswordHash(passwordHash);
  return hash ? hashedUsers(() => new Map([[username, hash]])) : singleUser(username, password);
}

function configuredClients({ clientsFile }: GatewayConfig): ConfiguredClients {
  const read = clientsFile === undefined ? undefined : readClientsFile(clientsFile);
  if (read === undefined) return new Map();
  if (read.ok) return read.value;
  throw new ConfigurationError(
    read.failure.map((message) => ({ setting: 'clientsFile', message })),
  );
}

function upstreamOf(
  config: GatewayConfig,
  clock: Ports['clock'],
  watch?: (seen: SeenCall) => void,
): UpstreamAdapters {
  return upstreamAdapters({
    ...fileContents(config),
    url: config.upstreamRs,
    configured: [
      config.upstreamAs,
      config.upstreamAuthorizeEndpoint,
      config.upstreamTokenEndpoint,
    ].filter((named) => named !== undefined),
    auth: config.upstreamAuth,
    callLimit: seconds(config.upstreamTimeout),
    http: config.upstreamHttp,
    responseTimeout: config.upstreamResponseTimeout,
    passHeaders: config.upstreamPassHeaders,
    userAgent: `${name}/${version}`,
    environment: process.env,
    clock,
    watch,
  });
}

/** Walks everything at the upstream that comes before and after a user, and reports. */
export async function examineUpstream(options: GatewayOptions): Promise<DoctorReport> {
  const config = parseConfiguration(withoutPassword(options));
  const seen: SeenCall[] = [];
  const upstream = upstreamOf(config, systemClock, (call) => seen.push(call));
  const ports = {
    clock: systemClock,
    random: systemRandom,
    store: configuredStore({ type: 'memory' }, systemClock, {}),
    authorizationServer: upstream.authorizationServer,
    events: { emit: () => {} },
  };
  const keys = { current: sealingKey(systemRandom.bytes(32)), previous: [] };
  const address = gatewayAddress(config, config.port);
  const settings = useCaseSettings(config, () => address, keys, upstream.publicKey, new Map());
  const diagnosis = await doctor(ports, settings, upstream.pages)();
  await Promise.all([upstream.close(), upstream.resourceServer.close()]);
  return doctorReport(config, diagnosis, seen);
}

/** With a sign-in of the embedder's own the password of the configuration opens nothing: its rules do not apply. */
function withoutPassword(options: GatewayOptions): GatewayOptions {
  const password = Buffer.from(systemRandom.bytes(32)).toString('base64url');
  return { ...options, password, passwordHash: undefined, usersFile: undefined };
}

/** npm starts this file through a symlink; whoever imports it may have been started from no file at all. */
function isStarted(script: string | undefined): boolean {
  return (
    script !== undefined &&
    existsSync(script) &&
    realpathSync(script) === fileURLToPath(import.meta.url)
  );
}

const { name, version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { readonly name: string; readonly version: string };

if (isStarted(process.argv[1])) {
  // A reader of our lines that goes away takes nobody's tokens along.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const program: Program = {
    version,
    createGateway: (config, events) => createGateway(config, events && { events }),
    hashPassword,
    openLog: async ({ logLevel: level }, format) => {
      const { openLog } = await import('./adapters/log/log.ts');
      return openLog({ format, level });
    },
  };
  const argv = process.argv.slice(2);
  const run = () => {
    if (asksForDoctor(argv)) return runDoctor(process, examineUpstream, version);
    if (asksForGrants(argv)) return runGrants(process, askAdmin);
    if (asksForHealthcheck(argv)) return runHealthcheck(process, askHealth);
    return runCommandLine(process, program);
  };
  process.exit(await run());
}
