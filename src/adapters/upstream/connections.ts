import { Client, type Dispatcher, Pool } from 'undici';

/** Connections to the upstream's origin. A call takes one and gives it back when it is over, however it ended. */
export interface Connections {
  take(): Dispatcher;
  giveBack(connection: Dispatcher): void;
  /** Breaks off whatever is under way. */
  close(): Promise<void>;
}

/** How connections are made and how long they may take: undici's own options, which all its dispatchers share. */
export type ConnectionOptions = Pick<
  Client.Options,
  'connect' | 'headersTimeout' | 'bodyTimeout' | 'maxHeaderSize'
>;

/** For connections to an MCP server: time only to connect (milliseconds), none for an answer or a silence. */
export const streamingOptions: ConnectionOptions & { readonly connect: object } = {
  connect: { timeout: 10_000 },
  headersTimeout: 0,
  bodyTimeout: 0,
  maxHeaderSize: 64 * 1024,
};

/**
 * HTTP/1.1 connections with one call at a time on each. The one that was used last is taken first: no search, and those that a burst
 * has left behind close by themselves.
 */
export function http1Connections(origin: string, options: ConnectionOptions): Connections {
  const free: Client[] = [];
  const all = new Set<Client>();
  return {
    take: () => free.pop() ?? open(),
    giveBack: (client) => free.push(client as Client),
    close: async () => {
      await Promise.all([...all].map((client) => client.destroy()));
    },
  };

  function open(): Client {
    const client = new Client(origin, options);
    const forget = (): void => {
      const index = free.indexOf(client);
      if (index < 0) return; // in use: it connects again by itself if its call is still waiting
      free.splice(index, 1);
      all.delete(client);
    };
    client.on('disconnect', forget).on('connectionError', forget);
    all.add(client);
    return client;
  }
}

/** HTTP/2 where the upstream offers it (RFC 9113 §3.2), else HTTP/1.1. */
export function http2Connections(origin: string, options: ConnectionOptions): Connections {
  return sharedConnections(new Pool(origin, { ...options, allowH2: true }));
}

/** The connections that a dispatcher keeps by itself: it takes any number of calls. */
export function sharedConnections(dispatcher: Dispatcher): Connections {
  return { take: () => dispatcher, giveBack: () => {}, close: () => dispatcher.destroy() };
}
