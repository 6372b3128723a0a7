#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endpointSettings } from './adapters/configuration/endpoint-settings.ts';
import {
  ConfigurationError,
  type GatewayConfig,
  type GatewayOptions,
  gatewayAddress,
  parseConfiguration,
} from './adapters/configuration/gateway-configuration.ts';
import { runCommandLine } from './adapters/configuration/run.ts';
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
import { httpAuthorizationServer } from './adapters/upstream/authorization-server.ts';
import { httpResourceServer } from './adapters/upstream/resource-server.ts';
import type { Ports } from './application/ports.ts';
import { useCases } from './application/use-cases.ts';
import { upstreamCallbackUrl } from './domain/gateway-address.ts';
import type { GatewayKeys } from './domain/grant-keys.ts';
import { sealingKey } from './domain/sealing.ts';

export type {
  GatewayConfig,
  GatewayOptions,
} from './adapters/configuration/gateway-configuration.ts';
export type { Gateway } from './adapters/http/gateway-server.ts';
export type { GatewayEvent } from './application/events.ts';
export { type Ports, StoreUnavailable } from './application/ports.ts';
export { ConfigurationError };

/**
 * Wires a gateway; nothing is listened on yet. Any port can be replaced: clock, store, sign-in, upstream and the rest. Throws a
 * `ConfigurationError` that lists every fault. Gateways share nothing: several can live in one process.
 */
export function createGateway(options: GatewayOptions, ports: Partial<Ports> = {}): Gateway {
  const config = parseConfiguration(ports.signIn ? withoutPassword(options) : options);
  let port = config.port;
  const address = () => gatewayAddress(config, port);
  const clock = ports.clock ?? systemClock;
  const place = storeLocation(config.store, process.env);
  const random = ports.random ?? systemRandom;
  const keys = gatewayKeys(place, config.keyFile, random);
  const store = configuredStore(place, clock, { keys: [keys.current, ...keys.previous] });
  const used: Ports = {
    clock,
    random,
    store,
    signIn: singleUser(config.username, config.password),
    authorizationServer: httpAuthorizationServer(),
    resourceServer: httpResourceServer({ url: config.upstreamRs, userAgent: `${name}/${version}` }),
    events: { emit: () => {} },
    ...ports,
  };
  const settings = useCaseSettings(config, () => upstreamCallbackUrl(address()), keys);
  const listener = gatewayListener(
    useCases(used, settings),
    used,
    endpointSettings(config, address),
  );
  return gatewayServer({
    listener,
    host: config.host,
    port,
    url: () => address().canonical,
    opened: async () => (used.store === store ? store.open() : []),
    listening: (chosen) => {
      port = chosen;
    },
    closed: () => Promise.all([used.resourceServer.close(), used.store.close()]),
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

/** With a sign-in of the embedder's own the password of the configuration opens nothing: its rules do not apply. */
function withoutPassword(options: GatewayOptions): GatewayOptions {
  return { ...options, password: Buffer.from(systemRandom.bytes(32)).toString('base64url') };
}

const { name, version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { readonly name: string; readonly version: string };

// npm starts this file through a symlink, so both sides are resolved before they are compared.
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const events = eventLines((line) => console.log(line));
  const start = (config: GatewayConfig) => createGateway(config, { events });
  process.exit(await runCommandLine(process, start, version));
}
