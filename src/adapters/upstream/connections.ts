import { Client, type Dispatcher, Pool } from 'undici';

/** Connections to the upstream's origin. A call takes one and gives it back when it is over, however it ended. */
export interface Connections {
  take(): Dispatcher;
  giveBack(connection: Dispatcher): void;
  /** Breaks off whatever is under way. */
  close(): Promise<void>;
}

/** How long an upstream may take, in milliseconds; 0 is as long as it likes. */
export interface Patience {
  readonly connect: number;
  readonly response: number;
}

/** Answers carry long tokens and cookies now and then: as much as we take ourselves. */
const maxHeaderSize = 64 * 1024;

function options({ connect, response }: Patience): Client.Options {
  return {
    connect: { timeout: connect },
    headersTimeout: response,
    bodyTimeout: 0, // a tool call or an idle stream takes as long as it takes
    maxHeaderSize,
  };
}

/**
 * HTTP/1.1 connections with one call at a time on each. The one that was used last is taken first: no search, and those that a burst
 * has left behind close by themselves.
 */
export function http1Connections(origin: string, patience: Patience): Connections {
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
    const client = new Client(origin, options(patience));
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
export function http2Connections(origin: string, patience: Patience): Connections {
  const pool = new Pool(origin, { ...options(patience), allowH2: true });
  return { take: () => pool, giveBack: () => {}, close: () => pool.destroy() };
}
