import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createClient } from '@redis/client';
import type { RedisAddress } from '../../src/adapters/store/redis-address.ts';

/** A real Redis of the machine's, that a test may kill. */
export interface RedisServer {
  readonly port: number;
  /** Its whole dump: every key and every value, as text. */
  dump(): Promise<string>;
  command(...command: readonly string[]): Promise<unknown>;
  /** Stops the process as it stands; it answers nobody until it is resumed. */
  freeze(): void;
  resume(): void;
  /** Ends it at once, and its data with it. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  restart(): Promise<void>;
}

/** Why the tests of a group with Redis are skipped, or false. In CI they are not: there it has to be installed. */
export const withoutRedis: string | false =
  spawnSync('redis-server', ['--version']).status === 0 || process.env.CI === 'true'
    ? false
    : 'redis-server is not installed';

/** Starts a Redis on a free port of the loopback. It must be killed at the end. */
export async function startRedis(
  folder: string,
  ...options: readonly string[]
): Promise<RedisServer> {
  const port = await freePort();
  const start = () => startProcess(folder, port, options);
  let process = await start();
  const kill = async () => {
    if (process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGCONT');
    process.kill('SIGKILL');
    await once(process, 'exit');
  };
  return {
    port,
    dump: () => withClient(port, dumpOf),
    command: (...command) => withClient(port, (client) => client.sendCommand(command)),
    freeze: () => process.kill('SIGSTOP'),
    resume: () => process.kill('SIGCONT'),
    kill,
    restart: async () => {
      await kill();
      process = await start();
    },
  };
}

/** The address of a server that was started here. */
export function redisAt(port: number, more: Partial<RedisAddress> = {}): RedisAddress {
  return {
    topology: 'single',
    hosts: [{ host: '127.0.0.1', port }],
    tls: false,
    username: undefined,
    password: undefined,
    database: 0,
    service: undefined,
    prefix: 'test:',
    ...more,
  };
}

/** A port that was free a moment ago: `redis-server` cannot choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function startProcess(
  folder: string,
  port: number,
  options: readonly string[],
): Promise<ChildProcess> {
  const child = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...options],
    { stdio: 'ignore' },
  );
  await answering(port);
  return child;
}

async function answering(port: number): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await withClient(port, (client) => client.sendCommand(['PING']));
      return;
    } catch (error) {
      if (tries > 200) throw error;
      await wait(20);
    }
  }
}

interface Client {
  sendCommand(command: readonly string[]): Promise<unknown>;
}

async function withClient<Answer>(
  port: number,
  use: (client: Client) => Promise<Answer>,
): Promise<Answer> {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use({ sendCommand: (command) => client.sendCommand(command) });
  } finally {
    client.destroy();
  }
}

async function dumpOf(client: Client): Promise<string> {
  const keys = (await client.sendCommand(['KEYS', '*'])) as readonly string[];
  const values = await Promise.all(keys.map((key) => client.sendCommand(['GET', key])));
  return keys.map((key, place) => `${key} ${values[place]}`).join('\n');
}
