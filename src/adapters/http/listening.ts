import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { answerBrokenRequest } from './broken-request.ts';
import type { TlsPair } from './tls-files.ts';

/** How long a client may take to send its headers (milliseconds). */
const headersTimeout = 60_000;

/** And for the handshake of TLS before it. */
const handshakeTimeout = 20_000;

/** Where a gateway listens. */
export interface Listening {
  readonly addresses: readonly string[];
  readonly port: number;
  /** Shows another certificate to whoever connects from now on; only with TLS. */
  renew(pair: TlsPair): void;
  /** Takes no new connection, lets running requests finish for this long (milliseconds), and then ends them. */
  close(patience: number): Promise<void>;
}

/** Token pairs are long; two of 11 KB each still fit, and so does what proxies add. */
const maxHeaderSize = 64 * 1024;
/** Above the idle time of common load balancers (60 s), which would else reuse a connection that is just being closed. */
const keepAliveTimeout = 75_000;

/**
 * What a server allows its clients. No limit on the whole of a request: an upload to /mcp may take its time, and other bodies have a limit of
 * their own. Headers need one of theirs, since Node would take the smaller of the two.
 */
export const serverLimits: Pick<
  ServerOptions,
  'maxHeaderSize' | 'keepAliveTimeout' | 'requestTimeout' | 'headersTimeout'
> = { maxHeaderSize, keepAliveTimeout, requestTimeout: 0, headersTimeout };

/**
 * Listens on a host; `localhost` means 127.0.0.1 and, where this machine has one, ::1, on the same port. Rejects with the system's error,
 * and then listens on nothing.
 */
export async function listen(
  host: string,
  port: number,
  listener: RequestListener,
  tls?: TlsPair,
): Promise<Listening> {
  const make = () =>
    tls === undefined
      ? createServer(serverLimits, listener)
      : createTlsServer({ ...serverLimits, handshakeTimeout, ...tls }, listener);
  const servers =
    host === 'localhost' ? await listenOnLoopback(port, make) : [await listenOn(host, port, make)];
  const addresses = servers.map((server) => server.address() as AddressInfo);
  return {
    addresses: addresses.map(({ address }) => address),
    port: addresses[0]?.port ?? port,
    renew: (pair) => {
      for (const server of servers) if (server instanceof TlsServer) server.setSecureContext(pair);
    },
    close: async (patience) => {
      await Promise.all(servers.map((server) => closeServer(server, patience)));
    },
  };
}

type MakeServer = () => Server | TlsServer;

function listenOn(host: string, port: number, make: MakeServer): Promise<Server | TlsServer> {
  const server = make();
  if (server instanceof TlsServer) watchHandshakes(server);
  server.on('clientError', answerBrokenRequest);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

async function listenOnLoopback(
  port: number,
  make: MakeServer,
): Promise<readonly (Server | TlsServer)[]> {
  for (;;) {
    const first = await listenOn('127.0.0.1', port, make);
    const chosen = (first.address() as AddressInfo).port;
    try {
      return [first, await listenOn('::1', chosen, make)];
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (noIpv6.has(code)) return [first];
      first.close();
      // Any free port was asked for, and this one is free on one of the two only: another one, then.
      if (port !== 0 || code !== 'EADDRINUSE') throw error;
    }
  }
}

const noIpv6 = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);

/** Connections of each server with TLS, whose handshake `closeAllConnections` would wait for. */
const handshakes = new WeakMap<Server | TlsServer, Set<Duplex>>();

function watchHandshakes(server: TlsServer): void {
  const sockets = new Set<Duplex>();
  handshakes.set(server, sockets);
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
}

function closeServer(server: Server | TlsServer, patience: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.closeAllConnections();
      for (const socket of handshakes.get(server) ?? []) socket.destroy();
    }, patience);
    // A connection whose request ends from now on is not kept for a next one.
    server.keepAliveTimeout = 1;
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
