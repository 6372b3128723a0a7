import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { Agent, Dispatcher, EnvHttpProxyAgent } from 'undici';
import { isLoopbackUrl, isSameOrigin } from '../../domain/outbound-rule.ts';
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
  /** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, in capitals or not; `NODE_EXTRA_CA_CERTS`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The TLS side of connections to the upstream. */
export interface UpstreamTls {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

/** What goes into the TLS options of a connection. */
export function upstreamTls({
  ca,
  clientCert,
  clientKey,
  environment,
}: OutboundOptions): UpstreamTls {
  return {
    // An own list takes the place of what Node.js trusts.
    ...(ca !== undefined && { ca: [...rootCertificates, ...extraCertificates(environment), ca] }),
    ...(clientCert !== undefined && { cert: clientCert }),
    ...(clientKey !== undefined && { key: clientKey }),
  };
}

/** Of a file that it cannot read Node.js warns at its start, and goes on. */
function extraCertificates({ NODE_EXTRA_CA_CERTS: path }: OutboundOptions['environment']) {
  try {
    return path ? [readFileSync(path, 'utf8')] : [];
  } catch {
    return [];
  }
}

/**
 * Connections for the calls of an OAuth client; through a proxy where the environment names one, but never to this machine. The client
 * certificate says who the operator is: only servers of these URLs see it, since the others are a stranger's word.
 */
export function outboundDispatcher(
  options: OutboundOptions,
  configured: readonly string[],
): Dispatcher {
  const known = callsBy(options);
  if (options.clientCert === undefined) return known;
  const strange = callsBy({ ...options, clientCert: undefined, clientKey: undefined });
  const isConfigured = (origin: string) => configured.some((url) => isSameOrigin(url, origin));
  return new ByOrigin((origin) => (isConfigured(origin) ? known : strange), [known, strange]);
}

function callsBy(options: OutboundOptions): Dispatcher {
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
  const streaming = {
    ...streamingOptions,
    connect: { ...streamingOptions.connect, ...upstreamTls(options) },
    headersTimeout: responseTimeout * 1000,
  };
  if (proxies(options.environment) !== undefined && !isLoopbackUrl(origin)) {
    return sharedConnections(dispatcherWith(options, { ...streaming, allowH2: http === '2' }));
  }
  return http === '2' ? http2Connections(origin, streaming) : http1Connections(origin, streaming);
}

function dispatcherWith(options: OutboundOptions, agent: Agent.Options): Dispatcher {
  const named = proxies(options.environment);
  const direct = new Agent(agent);
  if (named === undefined) return direct;
  const proxied = new EnvHttpProxyAgent({ ...agent, ...named, requestTls: upstreamTls(options) });
  return new ByOrigin((origin) => (isLoopbackUrl(origin) ? direct : proxied), [direct, proxied]);
}

/** Sends each request by the dispatcher that its origin calls for. */
class ByOrigin extends Dispatcher {
  readonly #choose: (origin: string) => Dispatcher;
  readonly #all: readonly Dispatcher[];

  constructor(choose: (origin: string) => Dispatcher, all: readonly Dispatcher[]) {
    super();
    this.#choose = choose;
    this.#all = all;
  }

  override dispatch(...[options, handler]: Parameters<Dispatcher['dispatch']>): boolean {
    return this.#choose(String(options.origin)).dispatch(options, handler);
  }

  override async destroy(): Promise<void> {
    await Promise.all(this.#all.map((each) => each.destroy()));
  }
}

/** Every member is there: undici would look into the environment of the process for one that is not. */
interface Proxies {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  readonly noProxy: string;
}

/** The proxies that an environment names; `undefined` where none is to be asked. Throws where a name stands for no proxy. */
function proxies(environment: OutboundOptions['environment']): Proxies | undefined {
  const noProxy = environment.no_proxy || environment.NO_PROXY || '';
  const httpProxy = proxyIn(environment, 'http_proxy');
  const httpsProxy = proxyIn(environment, 'https_proxy');
  const isNone = httpProxy === '' && httpsProxy === '';
  // undici knows the star only where it stands alone.
  if (isNone || noProxy.split(/[,\s]/).includes('*')) return undefined;
  return { httpProxy, httpsProxy, noProxy };
}

/** The value may hold a password: it is not repeated. */
function proxyIn(environment: OutboundOptions['environment'], variable: string): string {
  const name = environment[variable] ? variable : variable.toUpperCase();
  const value = environment[name] ?? '';
  if (value === '' || (/^https?:\/\//i.test(value) && URL.canParse(value))) return value;
  throw new Error(
    `${name} is not the URL of a proxy; give one that begins with http:// or https://, for example ${name}=http://proxy.example:3128`,
  );
}
