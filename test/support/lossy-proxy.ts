import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';

/** A way to a server on the loopback that can lose answers. */
export interface LossyProxy {
  readonly port: number;
  /** Passes the next request that holds this text on to the server, and then breaks the connection instead of passing the answer back. */
  loseAnswerTo(text: string): void;
  close(): Promise<void>;
}

/** Starts one in front of a port. */
export async function startLossyProxy(target: number): Promise<LossyProxy> {
  const sockets = new Set<Socket>();
  let doomed: string | undefined;
  const server = createServer((client) => {
    const upstream = createConnection({ host: '127.0.0.1', port: target });
    let isBroken = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.on('data', (chunk) => {
      if (doomed !== undefined && chunk.includes(doomed)) {
        doomed = undefined;
        isBroken = true;
      }
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (isBroken) end();
      else client.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    loseAnswerTo: (text) => {
      doomed = text;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
