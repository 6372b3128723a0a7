import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import type { RedisAddress } from '../../src/adapters/store/redis-address.ts';
import { eventually } from './eventually.ts';

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
  const own = mkdtempSync(join(folder, 'redis-'));
  const usual = ['--port', String(port), '--bind', '127.0.0.1', '--dir', own, '--save', ''];
  const start = () => startProcess(port, [...usual, ...options]);
  let child = await start();
  const kill = () => killed(child);
  return {
    port,
    dump: () => withClient(port, dumpOf),
    command: (...command) => withClient(port, (client) => client.sendCommand(command)),
    freeze: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    kill,
    restart: async () => {
      await kill();
      child = await start();
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

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  child.kill('SIGCONT');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function startProcess(port: number, options: readonly string[]): Promise<ChildProcess> {
  const child = spawn('redis-server', options, { stdio: 'ignore' });
  // A test that failed leaves it to the end of the process.
  child.unref();
  process.once('exit', () => child.kill('SIGKILL'));
  await answering(port);
  return child;
}

async function answering(port: number): Promise<void> {
  await eventually(
    () => withClient(port, (client) => client.sendCommand(['PING'])).catch(() => undefined),
    (answer) => answer !== undefined,
  );
}

/** Starts three masters and makes a cluster of them. */
export async function startCluster(folder: string): Promise<readonly RedisServer[]> {
  const nodes = await Promise.all(
    [1, 2, 3].map(async () => {
      const bus = ['--cluster-port', String(await freePort())];
      return startRedis(
        folder,
        '--cluster-enabled',
        'yes',
        '--cluster-node-timeout',
        '2000',
        ...bus,
      );
    }),
  );
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const options = ['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes'];
  const { status, stdout } = spawnSync('redis-cli', options, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`No cluster came to be: ${stdout}`);
  for (const node of nodes) {
    await eventually(
      async () => String(await node.command('CLUSTER', 'INFO')),
      (info) => info.includes('cluster_state:ok'),
    );
  }
  return nodes;
}

/** Starts a master, a replica of it, and a sentinel that knows them as `door` and acts on its own. */
export async function startSentinel(folder: string): Promise<{
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly port: number;
  stop(): Promise<void>;
}> {
  const master = await startRedis(folder);
  const replica = await startRedis(folder, '--replicaof', '127.0.0.1', String(master.port));
  await eventually(
    async () => String(await replica.command('INFO', 'replication')),
    (info) => info.includes('master_link_status:up'),
  );
  const port = await freePort();
  const file = join(folder, `sentinel-${port}.conf`);
  const settings = [
    `sentinel monitor door 127.0.0.1 ${master.port} 1`,
    'sentinel down-after-milliseconds door 500',
    'sentinel failover-timeout door 2000',
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  const options = [file, '--sentinel', '--port', String(port), '--bind', '127.0.0.1'];
  const sentinel = await startProcess(port, options);
  await eventually(
    async () =>
      String(await withClient(port, (client) => client.sendCommand(['INFO', 'sentinel']))),
    (info) => info.includes('slaves=1'),
  );
  const stop = async () => {
    await Promise.all([master.kill(), replica.kill(), killed(sentinel)]);
  };
  return { master, replica, port, stop };
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
