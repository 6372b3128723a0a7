import type { UpstreamResourceServer } from '../../application/ports.ts';
import { type Connections, http1Connections, streamingOptions } from './connections.ts';
import { type FixedCredentials, requestHeaders, withCredentials } from './crossing-headers.ts';
import { Forwarding } from './forwarding.ts';
import { queryJoiner } from './joined-query.ts';

/** How the upstream MCP server is reached. */
export interface ResourceServerOptions {
  /** The URL as given: path and trailing slash count. */
  readonly url: string;
  /** Appended to the client's User-Agent. */
  readonly userAgent: string;
  /** Usual ones unless told. */
  readonly connections?: Connections;
  /** In place of every token, at an upstream that has no authorization server. */
  readonly credentials?: FixedCredentials | undefined;
  /** Names of request headers that cross besides the usual ones, in lower case. */
  readonly passHeaders?: readonly string[] | undefined;
}

/** The upstream MCP server over HTTP, with connections kept open. No total time limit: a tool call or an idle stream takes as long as it takes. */
export function httpResourceServer({
  url,
  userAgent,
  credentials,
  passHeaders,
  connections = http1Connections(new URL(url).origin, streamingOptions),
}: ResourceServerOptions): UpstreamResourceServer {
  const { origin, pathname, search } = new URL(url);
  const toUpstream = requestHeaders(userAgent, passHeaders);
  const headers =
    credentials === undefined
      ? toUpstream
      : (raw: readonly string[]) => withCredentials(toUpstream(raw, ''), credentials);
  const route = { connections, origin, headers };
  const joined = queryJoiner(search);
  return {
    forward(call, token, sink) {
      const path = pathname + joined(call.query);
      const sending = { call, token, path, body: call.body, before: 0 };
      const forwarding = new Forwarding(route, sending, sink);
      forwarding.send();
      return forwarding;
    },
    close: () => connections.close(),
  };
}
