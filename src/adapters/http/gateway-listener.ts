import type { RequestListener } from 'node:http';
import type { Ports } from '../../application/ports.ts';
import type { UseCases } from '../../application/use-cases.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import type { ClientDocument, ServerFeatures } from '../../domain/metadata.ts';
import type { OriginPolicy } from '../../domain/web-origin.ts';
import { crossOrigin } from './cross-origin.ts';
import { flowCookies } from './flow-cookie.ts';
import type { IntrospectionCaller } from './introspection-endpoint.ts';
import { router } from './router.ts';
import { routes } from './routes.ts';
import { serverFailure } from './server-failure.ts';
import { sessionCookie } from './session-cookie.ts';

/** What the endpoints have to know of the configuration. */
export interface ListenerSettings {
  /** Known once the gateway listens. */
  readonly address: () => GatewayAddress;
  readonly clientDocument: (() => ClientDocument) | undefined;
  /** The upstream MCP server, as the pages name it. */
  readonly upstreamHost: string;
  /** Whether the upstream has no users of its own, so that there is no screen 2. */
  readonly onlyScreen: boolean;
  /** Seconds. */
  readonly flowTtl: number;
  /** Seconds; zero: sign-ins are not remembered. */
  readonly sessionTtl: number;
  readonly origins: OriginPolicy;
  readonly introspection: IntrospectionCaller | undefined;
  readonly features: ServerFeatures;
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
  const { address, clientDocument, upstreamHost, onlyScreen, flowTtl } = settings;
  const crashed = serverFailure(events);
  const cookies = flowCookies(() => address().canonical, flowTtl, clock);
  const session = sessionCookie(() => address().canonical, settings.sessionTtl);
  const streams = new Set<() => void>();
  const table = routes({
    uses,
    address,
    clientDocument,
    login: { cookies, session, upstreamHost, onlyScreen, scopeToShow: uses.scopeToShow },
    crashed,
    streams,
    introspection: settings.introspection,
    features: settings.features,
  });
  const route = router(table, crossOrigin(settings.origins, address));
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
