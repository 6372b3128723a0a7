import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';
import {
  type Connections,
  http1Connections,
  http2Connections,
  sharedConnections,
  streamingOptions,
} from './connections.ts';

/** How the gateway reaches out, from the operator's configuration. */
export interface OutboundOptions {
  /** PEM; trusted besides what Node.js trusts. */
  readonly ca: string | undefined;
  /** PEM, both or neither. */
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in capitals or not. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The TLS side of connections to the upstream. */
export interface UpstreamTls {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

/** What goes into the TLS options of a connection. */
export function upstreamTls({ ca, clientCert, clientKey }: OutboundOptions): UpstreamTls {
  return {
    // An own list takes the place of the built-in one.
    ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
    ...(clientCert !== undefined && { cert: clientCert }),
    ...(clientKey !== undefined && { key: clientKey }),
  };
}

/** Connections for the calls of an OAuth client; through a proxy where the environment names one, but never to this machine. */
export function outboundDispatcher(options: OutboundOptions): Dispatcher {
  return dispatcherWith(options, { connect: { timeout: 10_000, ...upstreamTls(options) } });
}

/** How the MCP server is spoken to. */
export interface StreamingOptions extends OutboundOptions {
  readonly origin: string;
  /** 2: where it is offered. */
  readonly http?: '1.1' | '2';
  /** Seconds to the first header of an answer; 0 is as long as it takes. */
  readonly responseTimeout?: number;
}

/** Connections for the MCP server: no limit on how long an answer or a silence takes, unless one is set for the first header. */
export function streamingConnections(options: StreamingOptions): Connections {
  const { origin, http = '1.1', responseTimeout = 0 } = options;
  const { httpProxy, httpsProxy } = proxies(options.environment);
  const streaming = {
    ...streamingOptions,
    connect: { ...streamingOptions.connect, ...upstreamTls(options) },
    headersTimeout: responseTimeout * 1000,
  };
  if (httpProxy !== undefined || httpsProxy !== undefined) {
    return sharedConnections(dispatcherWith(options, { ...streaming, allowH2: http === '2' }));
  }
  return http === '2' ? http2Connections(origin, streaming) : http1Connections(origin, streaming);
}

function dispatcherWith(options: OutboundOptions, agent: Agent.Options): Dispatcher {
  const { httpProxy, httpsProxy, noProxy } = proxies(options.environment);
  if (httpProxy === undefined && httpsProxy === undefined) return new Agent(agent);
  return new EnvHttpProxyAgent({
    ...agent,
    // Not left out: undici would look into the environment of the process.
    httpProxy: httpProxy ?? '',
    httpsProxy: httpsProxy ?? '',
    noProxy: [noProxy, 'localhost', '127.0.0.1', '::1'].filter(Boolean).join(','),
    requestTls: upstreamTls(options),
  });
}

function proxies(environment: OutboundOptions['environment']) {
  const read = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined;
  return {
    httpProxy: read('http_proxy'),
    httpsProxy: read('https_proxy'),
    noProxy: read('no_proxy'),
  };
}
