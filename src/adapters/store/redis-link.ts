import type { BasicPooledClientSideCache, RedisArgument } from '@redis/client';
import type { RedisAddress, RedisHost } from './redis-address.ts';

/** Connections to the server or servers of one store, made and lost together. */
export interface RedisLink {
  /** Sends a command about one key to the server that has it; never queued while there is no connection. */
  send(key: string, command: readonly string[]): Promise<unknown>;
  /** A way to each server that holds keys. */
  servers(): Promise<readonly ((command: readonly string[]) => Promise<unknown>)[]>;
  /** Drops the connections at once. */
  destroy(): void;
}

/** Hears which keys have changed, from whatever connection they were read over. */
export interface Invalidations {
  invalidate(key: string): void;
  forget(): void;
}

/** Whether an error is a server's answer, and no trouble on the way to it. The library is loaded only where it is used: its classes are known by name. */
export function isErrorReply(error: unknown): error is Error {
  return (
    error instanceof Error && /^(ErrorReply|SimpleError|BlobError)$/.test(error.constructor.name)
  );
}

/** Longer than a server next door ever takes, shorter than anybody waits (milliseconds). */
const connectTimeout = 2000;

type Module = typeof import('@redis/client');

/** Connects; rejects where that is not possible now. Loads `@redis/client`, and only here. */
export async function redisLink(
  address: RedisAddress,
  invalidations: Invalidations,
): Promise<RedisLink> {
  const module = await import('@redis/client');
  const feed = invalidationFeed(module, invalidations);
  switch (address.topology) {
    case 'single':
      return singleLink(module, address, feed);
    case 'cluster':
      return clusterLink(module, address, feed);
    case 'sentinel':
      return sentinelLink(module, address, feed);
  }
}

/**
 * The library's own cache costs a look-up several copies; all that is taken of it is its way of turning tracking on for every connection of
 * every topology, and of telling what the servers say.
 */
function invalidationFeed(
  { BasicPooledClientSideCache: Base }: Module,
  invalidations: Invalidations,
): BasicPooledClientSideCache {
  class Feed extends Base {
    override invalidate(key: RedisArgument | null): void {
      if (key === null) invalidations.forget();
      else invalidations.invalidate(String(key));
    }
    override clear(): void {
      invalidations.forget();
    }
    override onError(): void {
      invalidations.forget();
    }
    override onClose(): void {
      invalidations.forget();
    }
  }
  return new Feed();
}

function clientOptions({ username, password }: RedisAddress) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    // A command that waits for a connection would be carried out long after it was given up.
    disableOfflineQueue: true,
  };
}

const socketOptions = {
  connectTimeout,
  reconnectStrategy: (retries: number) => Math.min(20 * 2 ** retries, 500),
};

/** Who was never connected learns at once why not; a connection that is lost is made again and again. */
function reconnectOnce(isConnected: () => boolean) {
  return (retries: number) => isConnected() && socketOptions.reconnectStrategy(retries);
}

function tlsOption({ tls }: RedisAddress): { tls: true } | Record<string, never> {
  return tls ? { tls: true } : {};
}

async function singleLink(
  { createClient }: Module,
  address: RedisAddress,
  feed: BasicPooledClientSideCache,
): Promise<RedisLink> {
  const [host] = address.hosts;
  let wasConnected = false;
  const options = { connectTimeout, reconnectStrategy: reconnectOnce(() => wasConnected) };
  const socket =
    host === undefined || 'path' in host
      ? { ...options, path: host?.path ?? '', tls: false as const }
      : { ...options, ...host, ...tlsOption(address) };
  const client = createClient({
    ...clientOptions(address),
    RESP: 3,
    database: address.database,
    socket,
    clientSideCache: feed,
  });
  client.once('ready', () => {
    wasConnected = true;
  });
  const trouble = lastTrouble(client);
  await connected(client.connect(), () => client.destroy(), trouble);
  const send = (command: readonly string[]) => client.sendCommand(command);
  return {
    send: (_key, command) => send(command),
    servers: async () => [send],
    destroy: () => client.destroy(),
  };
}

async function clusterLink(
  { createCluster }: Module,
  address: RedisAddress,
  feed: BasicPooledClientSideCache,
): Promise<RedisLink> {
  const socket = { ...socketOptions, ...tlsOption(address) };
  const cluster = createCluster({
    rootNodes: tcpHosts(address.hosts).map((host) => ({
      ...clientOptions(address),
      socket: { ...socket, ...host },
    })),
    defaults: { ...clientOptions(address), socket },
    RESP: 3,
    clientSideCache: feed,
    topologyRefreshOnReconnectionAttemptStrategy: 500,
  });
  const trouble = lastTrouble(cluster);
  await connected(cluster.connect(), () => cluster.destroy(), trouble);
  return {
    send: (key, command) => cluster.sendCommand(key, false, [...command]),
    servers: () =>
      Promise.all(
        cluster.masters.map(async (master) => {
          const client = await cluster.nodeClient(master);
          return (command: readonly string[]) => client.sendCommand(command);
        }),
      ),
    destroy: () => cluster.destroy(),
  };
}

async function sentinelLink(
  { createSentinel }: Module,
  address: RedisAddress,
  feed: BasicPooledClientSideCache,
): Promise<RedisLink> {
  const socket = { ...socketOptions, ...tlsOption(address) };
  const sentinel = createSentinel({
    name: address.service ?? '',
    sentinelRootNodes: [...tcpHosts(address.hosts)],
    nodeClientOptions: { ...clientOptions(address), database: address.database, socket },
    sentinelClientOptions: { socket },
    RESP: 3,
    clientSideCache: feed,
    scanInterval: 1000,
  });
  const trouble = lastTrouble(sentinel);
  await connected(sentinel.connect(), () => sentinel.destroy(), trouble);
  const send = (command: readonly string[]) => sentinel.sendCommand(false, [...command]);
  return {
    send: (_key, command) => send(command),
    servers: async () => [send],
    destroy: () => sentinel.destroy(),
  };
}

function tcpHosts(hosts: readonly RedisHost[]) {
  return hosts.flatMap((host) => ('path' in host ? [] : [host]));
}

/**
 * Whoever sends a command learns that it failed, so that nobody else need hear of it; but an `error` event that is not heard ends the process,
 * and the last one says why there is no first connection.
 */
function lastTrouble(client: {
  on(event: 'error', listener: (error: unknown) => void): unknown;
}): () => unknown {
  let last: unknown = new Error('no answer');
  client.on('error', (error) => {
    last = error;
  });
  return () => last;
}

/** A client whose first connection is not made in time would go on trying for ever. */
async function connected(
  connecting: Promise<unknown>,
  giveUp: () => unknown,
  trouble: () => unknown,
): Promise<void> {
  connecting.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(trouble()), connectTimeout + 500);
  });
  try {
    await Promise.race([connecting, late]);
  } catch (error) {
    // It may never have come to be: then there is nothing to give up, which is no second failure.
    await Promise.resolve()
      .then(giveUp)
      .catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
