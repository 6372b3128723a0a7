import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';

/** A server on a loopback port. */
export interface LoopbackServer {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly origin: string;
  /** Stops listening and cuts every connection: whoever connects is refused. */
  goDown(): Promise<void>;
  /** Listens again, on the same port and with all that it remembers. */
  comeUp(): Promise<void>;
  /** Ends it. */
  close(): Promise<void>;
}

/** Starts a server on 127.0.0.1; without a port the system chooses one. */
export async function startLoopbackServer(
  listener: RequestListener,
  wanted = 0,
): Promise<LoopbackServer> {
  const server = createServer(listener);
  const listenOn = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listenOn(wanted);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : wanted;
  const goDown = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    // An open event stream would keep it waiting for ever.
    server.closeAllConnections();
    await closed;
  };
  return {
    origin: `http://127.0.0.1:${port}`,
    goDown,
    comeUp: async () => {
      if (!server.listening) await listenOn(port);
    },
    close: goDown,
  };
}

/** A request's body, whole; for servers that only tests talk to. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
