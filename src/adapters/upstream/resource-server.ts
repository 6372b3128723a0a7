import type { UpstreamResourceServer } from '../../application/ports.ts';
import { http1Connections, http2Connections } from './connections.ts';
import { Forwarding } from './forwarding.ts';

/** How the upstream MCP server is reached. */
export interface ResourceServerOptions {
  /** The URL as given: path and trailing slash count. */
  readonly url: string;
  /** Appended to the client's User-Agent. */
  readonly userAgent: string;
  /** HTTP/1.1, or HTTP/2 where the upstream offers it. */
  readonly http?: '1.1' | '2';
  /** How long a connection may take to come about (milliseconds). */
  readonly connectTimeout?: number;
  /** How long an answer may take to its first header (milliseconds); 0 is as long as it likes. */
  readonly responseTimeout?: number;
}

/** The upstream MCP server over HTTP, with connections kept open. No total time limit: a tool call or an idle stream takes as long as it takes. */
export function httpResourceServer({
  url,
  userAgent,
  http = '1.1',
  connectTimeout = 10_000,
  responseTimeout = 0,
}: ResourceServerOptions): UpstreamResourceServer {
  const { origin, pathname, search } = new URL(url);
  const patience = { connect: connectTimeout, response: responseTimeout };
  const open = http === '2' ? http2Connections : http1Connections;
  const connections = open(origin, patience);
  const route = { connections, origin, userAgent };
  return {
    forward(call, token, sink) {
      const path = pathname + joined(search, call.query);
      const sending = { call, token, path, body: call.body, before: 0 };
      const forwarding = new Forwarding(route, sending, sink);
      forwarding.send();
      return forwarding;
    },
    close: () => connections.close(),
  };
}

/** The query of the upstream's URL, and that of the call behind it. */
function joined(own: string, query: string): string {
  if (own === '' || query === '') return own + query;
  return `${own}&${query.slice(1)}`;
}
