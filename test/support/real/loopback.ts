import { once } from 'node:events';
import type { Server } from 'node:http';

/** A server that listens on 127.0.0.1, on a port that the system chose. */
export interface Listening {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly origin: string;
  /** Stops listening and cuts every open connection, streams included. */
  close(): Promise<void>;
  /** Listens again on the same port, with all that the server still remembers: the end of an outage. */
  reopen(): Promise<void>;
}

/** Binds the server to a free loopback port and waits until it accepts connections. */
export async function listenOnLoopback(server: Server): Promise<Listening> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      // An open event stream would keep `close` waiting for ever.
      server.closeAllConnections();
      await closed;
    },
    reopen: async () => {
      server.listen(address.port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
}
