import type { IncomingMessage, RequestListener } from 'node:http';
import type { Ports } from '../../application/ports.ts';
import { rateLimit } from '../../application/rate-limit.ts';
import type { UseCases } from '../../application/use-cases.ts';
import { type GatewayAddress, pathPrefix } from '../../domain/gateway-address.ts';
import type { ClientDocument, ServerFeatures } from '../../domain/metadata.ts';
import type { OriginPolicy } from '../../domain/web-origin.ts';
import { type CallLimits, callSlots } from './call-slots.ts';
import { crossOrigin } from './cross-origin.ts';
import { flowCookies } from './flow-cookie.ts';
import { callers } from './forwarding.ts';
import type { UpstreamHealth } from './health-endpoints.ts';
import { hostWatch } from './host-watch.ts';
import type { IntrospectionCaller } from './introspection-endpoint.ts';
import { type RequestNotes, requestIds, takeNotes } from './request-notes.ts';
import { restsOfBodies } from './rest-of-body.ts';
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
  /** Addresses and networks of the proxies in front. */
  readonly trustedProxies: readonly string[];
  readonly introspection: IntrospectionCaller | undefined;
  /** Seconds of silence on an event stream before a comment; 0: none. */
  readonly sseKeepalive: number;
  readonly features: ServerFeatures;
  /** How often one sender may come in a minute. */
  readonly perMinute: { readonly authorize: number; readonly token: number };
  /** How many calls to /mcp may be under way. */
  readonly calls: CallLimits;
  readonly upstreamHealth: () => UpstreamHealth;
}

/** The gateway as `node:http` sees it. */
export interface GatewayListener {
  readonly handler: RequestListener;
  /** What goes on at this moment: requests that are not answered whole, and streams of GET /mcp. */
  activity(): { readonly requests: number; readonly streams: number };
  /** Begins a stop: not ready any more, and the streams that would else go on for ever, those of GET /mcp, end. Clients reconnect. */
  drain(): void;
}

/** Wires the use cases to their endpoints. */
export function gatewayListener(
  uses: UseCases,
  { clock, random, store, events }: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>,
  settings: ListenerSettings,
): GatewayListener {
  const { address, clientDocument, upstreamHost, onlyScreen, flowTtl } = settings;
  const prefix = () => pathPrefix(address().canonical);
  const crashed = serverFailure(events);
  const cookies = flowCookies(() => address().canonical, flowTtl, clock);
  const session = sessionCookie(() => address().canonical, settings.sessionTtl);
  const streams = new Set<() => void>();
  const rests = restsOfBodies();
  let requests = 0;
  let isDraining = false;
  const over = (request: IncomingMessage, { leavesRest }: RequestNotes) => {
    requests -= 1;
    if (leavesRest) rests.follow(request);
  };
  const endStreams = () => {
    for (const end of streams) end();
  };
  const table = routes({
    uses,
    address,
    clientDocument,
    login: { cookies, session, upstreamHost, onlyScreen, scopeToShow: uses.scopeToShow, prefix },
    mcp: {
      crashed,
      streams,
      slots: callSlots(settings.calls),
      sseKeepalive: settings.sseKeepalive,
    },
    introspection: settings.introspection,
    features: settings.features,
    limits: {
      authorize: rateLimit({ clock, store }, 'authorize', settings.perMinute.authorize),
      token: rateLimit({ clock, store }, 'token', settings.perMinute.token),
    },
    health: { store, isDraining: () => isDraining, upstream: settings.upstreamHealth, events },
  });
  const callerOf = callers(settings.trustedProxies);
  const watchHost = hostWatch(address, events);
  const nextId = requestIds(random.bytes(4));
  const route = router(table, crossOrigin(settings.origins, address), prefix);
  return {
    handler: (request, response) => {
      // The way back may fail at any time; what it means is seen at the request's other events.
      response.on('error', ignored);
      requests += 1;
      const caller = callerOf(request);
      const id = caller.requestId ?? nextId();
      const notes = takeNotes(request, response, id, caller, events, over);
      if (isDraining) response.setHeader('Connection', 'close');
      try {
        route(request, response)?.catch((error: unknown) => crashed(response, error));
      } catch (error) {
        crashed(response, error);
      }
      if (!notes.quiet) watchHost(caller.host);
      if (isDraining) endStreams(); // one may have begun just now
    },
    activity: () => ({ requests, streams: streams.size }),
    drain: () => {
      isDraining = true;
      endStreams();
      rests.end();
    },
  };
}

function ignored(): void {}
