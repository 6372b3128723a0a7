#!/usr/bin/env node
import { readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endpointSettings } from './adapters/configuration/endpoint-settings.ts';
import {
  type GatewayConfig,
  type GatewayOptions,
  gatewayAddress,
  parseConfiguration,
} from './adapters/configuration/gateway-configuration.ts';
import { type Program, runCommandLine } from './adapters/configuration/run.ts';
import { useCaseSettings } from './adapters/configuration/use-case-settings.ts';
import { gatewayListener } from './adapters/http/gateway-listener.ts';
import { type Gateway, gatewayServer } from './adapters/http/gateway-server.ts';
import { hashedUsers } from './adapters/sign-in/hashed-users.ts';
import { hashPassword } from './adapters/sign-in/scrypt.ts';
import { singleUser } from './adapters/sign-in/single-user.ts';
import { usersFile as readUsersFile } from './adapters/sign-in/users-file.ts';
import { memoryStore } from './adapters/store/memory.ts';
import { systemClock } from './adapters/system/system-clock.ts';
import { systemRandom } from './adapters/system/system-random.ts';
import { httpAuthorizationServer } from './adapters/upstream/authorization-server.ts';
import { httpResourceServer } from './adapters/upstream/resource-server.ts';
import type { Events } from './application/events.ts';
import type { Ports } from './application/ports.ts';
import { useCases } from './application/use-cases.ts';
import { upstreamCallbackUrl } from './domain/gateway-address.ts';
import { readPasswordHash } from './domain/password-hash.ts';
import { sealingKey } from './domain/sealing.ts';

export type {
  GatewayConfig,
  GatewayOptions,
} from './adapters/configuration/gateway-configuration.ts';
export { ConfigurationError } from './adapters/configuration/gateway-configuration.ts';
export type { Gateway } from './adapters/http/gateway-server.ts';
export type { GatewayEvent } from './application/events.ts';
export type { Ports } from './application/ports.ts';

/**
 * Wires a gateway; nothing is listened on yet. Any port can be replaced: clock, store, sign-in, upstream and the rest. Throws a
 * `ConfigurationError` that lists every fault. Gateways share nothing: several can live in one process.
 */
export function createGateway(options: GatewayOptions, ports: Partial<Ports> = {}): Gateway {
  const config = parseConfiguration(ports.signIn ? withoutPassword(options) : options);
  let port = config.port;
  const address = () => gatewayAddress(config, port);
  const clock = ports.clock ?? systemClock;
  const events = ports.events ?? { emit: () => {} };
  const used: Ports = {
    clock,
    random: systemRandom,
    store: memoryStore(clock),
    signIn: signIn(config, events),
    authorizationServer: httpAuthorizationServer(),
    resourceServer: httpResourceServer({ url: config.upstreamRs, userAgent: `${name}/${version}` }),
    ...ports,
    events,
  };
  const keys = { current: sealingKey(used.random.bytes(32)), previous: [] };
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
    listening: (chosen) => {
      port = chosen;
    },
    closed: () => Promise.all([used.resourceServer.close(), used.store.close()]),
  });
}

function signIn({ username, password, passwordHash, usersFile }: GatewayConfig, events: Events) {
  if (usersFile !== undefined) return hashedUsers(readUsersFile(usersFile, events));
  const hash = passwordHash && readPasswordHash(passwordHash);
  return hash ? hashedUsers(() => new Map([[username, hash]])) : singleUser(username, password);
}

/** With a sign-in of the embedder's own the password of the configuration opens nothing: its rules do not apply. */
function withoutPassword(options: GatewayOptions): GatewayOptions {
  const password = Buffer.from(systemRandom.bytes(32)).toString('base64url');
  return { ...options, password, passwordHash: undefined, usersFile: undefined };
}

const { name, version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { readonly name: string; readonly version: string };

// npm starts this file through a symlink, so both sides are resolved before they are compared.
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const program: Program = {
    version,
    createGateway: (config, events) => createGateway(config, events && { events }),
    hashPassword,
    openLog: async ({ logLevel: level }, format) => {
      const { openLog } = await import('./adapters/log/log.ts');
      return openLog({ format, level });
    },
  };
  process.exit(await runCommandLine(process, program));
}
