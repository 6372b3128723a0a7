import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent } from 'undici';

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

/**
 * Connections for the MCP server: no limit on how long an answer or a silence takes. `undefined` where nothing is special about them. With
 * fixed credentials these take the place of every token: one header, or none at all.
 */
export function streamingDispatcher(
  options: OutboundOptions,
  credentials: FixedCredentials | undefined,
): Dispatcher | undefined {
  const { httpProxy, httpsProxy } = proxies(options.environment);
  const tls = upstreamTls(options);
  const special = httpProxy ?? httpsProxy ?? Object.keys(tls)[0] ?? credentials;
  if (special === undefined) return undefined;
  const dispatcher = dispatcherWith(options, {
    connect: { timeout: 10_000, ...tls },
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 64 * 1024,
  });
  return credentials === undefined
    ? dispatcher
    : dispatcher.compose(withCredentials(credentials.header));
}

/** What the gateway sends an upstream that has no authorization server. */
export interface FixedCredentials {
  readonly header: readonly [string, string] | undefined;
}

/** Names and values alternate in the headers of a call. */
function withCredentials(
  header: readonly [string, string] | undefined,
): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const given = options.headers as readonly string[];
    const headers: string[] = [];
    for (let index = 0; index + 1 < given.length; index += 2) {
      const [name = '', value = ''] = given.slice(index, index + 2);
      const replaced = [header?.[0].toLowerCase(), 'authorization'].includes(name.toLowerCase());
      if (!replaced) headers.push(name, value);
    }
    return dispatch({ ...options, headers: header ? [...headers, ...header] : headers }, handler);
  };
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
