import type { RequestListener } from 'node:http';
import type { GatewayListener } from './gateway-listener.ts';
import { type Listening, listen } from './listening.ts';
import type { TlsFiles } from './tls-files.ts';

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
    /** Where Prometheus asks; absent where metrics are off. */
    readonly metricsUrl: string | undefined;
  }>;
  /**
   * Looks for the upstream now instead of at the first sign-in, and tells what it finds as an event: `upstream_found`, or `upstream_failed`
   * with what to do. Never rejects for what it finds.
   */
  lookAtUpstream(): Promise<void>;
  /** Looks at once at the files of TLS, which are otherwise looked at every few seconds. */
  reload(): void;
  /** Stops: not ready, no new connections, streams end, running requests finish within the time of the configuration. */
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
  readonly tls: TlsFiles | undefined;
  readonly url: () => string;
  /** Opens what is behind the listener. */
  readonly opened: () => Promise<readonly string[]>;
  /** What is beside the listener: each opened before its first request, and closed after the last one. */
  readonly beside: readonly (() => Promise<Beside>)[];
  /** Told which port it is, before the first request. */
  readonly listening: (port: number) => void;
  /** How long running requests may still take at a stop (seconds). */
  readonly patience: number;
  /** Closes what is behind the listener, once no request runs any more. */
  readonly closed: () => Promise<unknown>;
}

/** Milliseconds; certificates are renewed days before they end. */
const lookEvery = 10_000;

/** Something that is open as long as the gateway is. */
export interface Beside {
  /** Where its figures are, if it has some. */
  readonly metricsUrl?: string;
  close(): Promise<void>;
}

/** Puts a listener on a port. */
export function gatewayServer(parts: ServerParts): Gateway {
  const { listener, lookAtUpstream, host, port, tls, url, opened, beside, patience } = parts;
  const { listening, closed } = parts;
  let running: Listening | undefined;
  let looking: NodeJS.Timeout | undefined;
  const reload = () => {
    const pair = tls?.renewed();
    if (pair !== undefined) running?.renew(pair);
  };
  let open: Beside[] = [];
  const closeBeside = async () => {
    const closing = open;
    open = [];
    await Promise.all(closing.map((each) => each.close()));
  };
  return {
    listen: async () => {
      if (running !== undefined) throw new Error('The gateway listens already.');
      let warnings: readonly string[];
      try {
        warnings = await opened();
        for (const each of beside) open.push(await each());
        running = await listen(host, port, listener.handler, tls?.current);
      } catch (error) {
        await closeBeside();
        throw error;
      }
      listening(running.port);
      if (tls !== undefined) looking = setInterval(reload, lookEvery).unref();
      const metricsUrl = open.find((each) => each.metricsUrl !== undefined)?.metricsUrl;
      return { addresses: running.addresses, port: running.port, warnings, metricsUrl };
    },
    lookAtUpstream,
    reload,
    close: async () => {
      clearInterval(looking);
      const stopped = running?.close(patience * 1000);
      listener.drain();
      await stopped;
      await closeBeside();
      await closed();
    },
    get url() {
      return url();
    },
    handler: listener.handler,
  };
}
