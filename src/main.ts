#!/usr/bin/env node
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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
import { runCommandLine } from './adapters/configuration/run.ts';
import { asksForDoctor, runDoctor } from './adapters/configuration/run-doctor.ts';
import { type StoreLocation, storeLocation } from './adapters/configuration/store-location.ts';
import { useCaseSettings } from './adapters/configuration/use-case-settings.ts';
import { gatewayListener } from './adapters/http/gateway-listener.ts';
import { type Gateway, gatewayServer } from './adapters/http/gateway-server.ts';
import { singleUser } from './adapters/sign-in/single-user.ts';
import { configuredStore } from './adapters/store/configured-store.ts';
import { eventLines } from './adapters/system/event-lines.ts';
import { keysFromFile } from './adapters/system/key-file.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemRandom } from './adapters/system/system-random.ts';
import type { SeenCall } from './adapters/upstream/http-call.ts';
import { type UpstreamAdapters, upstreamAdapters } from './adapters/upstream/upstream-adapters.ts';
import type { Ports } from './application/ports.ts';
import { doctor, useCases } from './application/use-cases.ts';
import { upstreamCallbackUrl } from './domain/gateway-address.ts';
import type { GatewayKeys } from './domain/grant-keys.ts';
import { seconds } from './domain/lifetime.ts';
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
  let port = config.port;
  const address = () => gatewayAddress(config, port);
  const clients = configuredClients(config);
  const clock = ports.clock ?? systemClock;
  const place = storeLocation(config.store, process.env);
  const random = ports.random ?? systemRandom;
  const keys = gatewayKeys(place, config.keyFile, random);
  const store = configuredStore(place, clock, { keys: [keys.current, ...keys.previous] });
  const upstream = upstreamOf(config, clock);
  const used: Ports = {
    clock,
    random,
    store,
    signIn: singleUser(config.username, config.password),
    clientDocuments: httpClientDocuments({
      insecure: config.allowInsecureClientMetadata === 'on',
      userAgent: `${name}/${version}`,
    }),
    assertions: joseAssertions,
    authorizationServer: upstream.authorizationServer,
    resourceServer: upstream.resourceServer,
    events: { emit: () => {} },
    ...ports,
  };
  const callbackUrl = () => upstreamCallbackUrl(address());
  const settings = useCaseSettings(config, callbackUrl, keys, upstream.publicKey, clients);
  const uses = useCases(used, settings);
  const listener = gatewayListener(
    uses,
    used,
    endpointSettings(config, address, upstream.publicKey),
  );
  return gatewayServer({
    listener,
    lookAtUpstream: uses.lookAtUpstream,
    host: config.host,
    port,
    url: () => address().canonical,
    opened: async () => (used.store === store ? store.open() : []),
    listening: (chosen) => {
      port = chosen;
      // Not before: who the gateway is at the upstream depends on its port.
      void uses.revocations.takeUp();
    },
    closed: () => {
      uses.revocations.stop();
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
    auth: config.upstreamAuth,
    callLimit: seconds(config.upstreamTimeout),
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
  const callbackUrl = () => upstreamCallbackUrl(gatewayAddress(config, config.port));
  const settings = useCaseSettings(config, callbackUrl, keys, upstream.publicKey, new Map());
  const diagnosis = await doctor(ports, settings, upstream.pages)();
  await Promise.all([upstream.close(), upstream.resourceServer.close()]);
  return doctorReport(config, diagnosis, seen);
}

/** With a sign-in of the embedder's own the password of the configuration opens nothing: its rules do not apply. */
function withoutPassword(options: GatewayOptions): GatewayOptions {
  return { ...options, password: Buffer.from(systemRandom.bytes(32)).toString('base64url') };
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
  const events = eventLines((line) => console.log(line));
  const start = (config: GatewayConfig) => createGateway(config, { events });
  process.exit(
    asksForDoctor(process.argv.slice(2))
      ? await runDoctor(process, examineUpstream, version)
      : await runCommandLine(process, start, version),
  );
}
