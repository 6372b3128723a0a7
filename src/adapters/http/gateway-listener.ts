import type { RequestListener } from 'node:http';
import type { Ports } from '../../application/ports.ts';
import type { UseCases } from '../../application/use-cases.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import { flowCookies } from './flow-cookie.ts';
import { router } from './router.ts';
import { routes } from './routes.ts';
import { serverFailure } from './server-failure.ts';

/** What the endpoints have to know of the configuration. */
export interface ListenerSettings {
  /** Known once the gateway listens. */
  readonly address: () => GatewayAddress;
  /** The upstream MCP server, as the pages name it. */
  readonly upstreamHost: string;
  readonly upstreamScope: string | undefined;
  /** Seconds. */
  readonly flowTtl: number;
  /** Seconds of silence on an event stream before a comment; 0: none. */
  readonly sseKeepalive: number;
}

/** The gateway as `node:http` sees it. */
export interface GatewayListener {
  readonly handler: RequestListener;
  /** Ends the streams that would else go on for ever: those of GET /mcp. Clients reconnect. */
  endStreams(): void;
}

/** Wires the use cases to their endpoints. */
export function gatewayListener(
  uses: UseCases,
  { clock, events }: Pick<Ports, 'clock' | 'events'>,
  settings: ListenerSettings,
): GatewayListener {
  const { address, upstreamHost, upstreamScope, flowTtl, sseKeepalive } = settings;
  const crashed = serverFailure(events);
  const cookies = flowCookies(() => address().canonical, flowTtl, clock);
  const streams = new Set<() => void>();
  const table = routes({
    uses,
    address,
    login: { cookies, upstreamHost, scope: upstreamScope },
    mcp: { crashed, streams, sseKeepalive },
  });
  const route = router(table);
  return {
    handler: (request, response) => {
      // The way back may fail at any time; what it means is seen at the request's other events.
      response.on('error', () => {});
      try {
        route(request, response)?.catch((error: unknown) => crashed(response, error));
      } catch (error) {
        crashed(response, error);
      }
    },
    endStreams: () => {
      for (const end of streams) end();
    },
  };
}
