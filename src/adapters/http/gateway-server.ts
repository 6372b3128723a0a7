import type { RequestListener } from 'node:http';
import type { GatewayListener } from './gateway-listener.ts';
import { type Listening, listen } from './listening.ts';

/** A gateway that can be put on a port, or into a server that is there already. */
export interface Gateway {
  /**
   * Opens the store and starts to listen, once; rejects with the system's error (`code`) or `StoreUnavailable` where that is not possible. The
   * warnings are what an operator should know of the store, a sentence each.
   */
  listen(): Promise<{
    readonly addresses: readonly string[];
    readonly port: number;
    readonly warnings: readonly string[];
  }>;
  /**
   * Looks for the upstream now instead of at the first sign-in, and tells what it finds as an event: `upstream_found`, or `upstream_failed`
   * with what to do. Never rejects for what it finds.
   */
  lookAtUpstream(): Promise<void>;
  /** Stops: no new connections, streams end, running requests finish. */
  close(): Promise<void>;
  /** Its base URL without a trailing slash; with port 0 it is known once the gateway listens. */
  readonly url: string;
  /** The whole gateway as a plain `node:http` listener. */
  readonly handler: RequestListener;
}

/** What a gateway needs to be put on a port. */
export interface ServerParts {
  readonly listener: GatewayListener;
  readonly lookAtUpstream: () => Promise<void>;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly url: () => string;
  /** Opens what is behind the listener. */
  readonly opened: () => Promise<readonly string[]>;
  /** Told which port it is, before the first request. */
  readonly listening: (port: number) => void;
  /** Closes what is behind the listener, once no request runs any more. */
  readonly closed: () => Promise<unknown>;
}

/** How long running requests may still take at a stop (milliseconds). */
const patience = 5000;

/** Puts a listener on a port. */
export function gatewayServer(parts: ServerParts): Gateway {
  const { listener, lookAtUpstream, host, port, url, opened, listening, closed } = parts;
  let running: Listening | undefined;
  return {
    listen: async () => {
      if (running !== undefined) throw new Error('The gateway listens already.');
      const warnings = await opened();
      running = await listen(host, port, listener.handler);
      listening(running.port);
      return { addresses: running.addresses, port: running.port, warnings };
    },
    lookAtUpstream,
    close: async () => {
      listener.endStreams();
      await running?.close(patience);
      await closed();
    },
    get url() {
      return url();
    },
    handler: listener.handler,
  };
}
