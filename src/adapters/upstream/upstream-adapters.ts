import type { PageVisitor } from '../../application/diagnose-endpoints.ts';
import type {
  Clock,
  UpstreamAuthorizationServer,
  UpstreamResourceServer,
} from '../../application/ports.ts';
import type { Seconds } from '../../domain/lifetime.ts';
import type { PublicKey } from '../../domain/metadata.ts';
import { httpAuthorizationServer } from './authorization-server.ts';
import { httpCaller, type SeenCall } from './http-call.ts';
import { type OutboundOptions, outboundDispatcher, streamingConnections } from './outbound.ts';
import { pageVisitor } from './page-visitor.ts';
import { httpResourceServer } from './resource-server.ts';
import { signingKey } from './signing-key.ts';

/** What the two sides of an upstream are made of. */
export interface UpstreamAdapterOptions extends OutboundOptions {
  /** The MCP server's URL, as given. */
  readonly url: string;
  /** Further URLs that the operator named, of its authorization server. */
  readonly configured?: readonly string[];
  readonly auth: 'oauth' | 'none' | 'static';
  /** What is sent in place of a token, with `static`. */
  readonly header: readonly [string, string] | undefined;
  /** PEM or JWK, for `private_key_jwt`. */
  readonly privateKey: string | undefined;
  /** PEM; what the upstream knows that key by. */
  readonly privateKeyCert?: string | undefined;
  readonly callLimit: Seconds;
  /** What the MCP server is spoken to in. */
  readonly http?: '1.1' | '2';
  /** Seconds to the first header of its answer; 0 is as long as it takes. */
  readonly responseTimeout?: number;
  /** Names of request headers that cross besides the usual ones, in lower case. */
  readonly passHeaders?: readonly string[] | undefined;
  readonly userAgent: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly watch?: ((seen: SeenCall) => void) | undefined;
}

/** Both sides of an upstream over HTTP. */
export interface UpstreamAdapters {
  readonly authorizationServer: UpstreamAuthorizationServer;
  readonly resourceServer: UpstreamResourceServer;
  readonly pages: PageVisitor;
  /** Of the key that the gateway signs with, where it has one. */
  readonly publicKey: PublicKey | undefined;
  /** Ends the connections of the OAuth side; the other side has a `close` of its own. */
  close(): Promise<void>;
}

/** Connects to an upstream; nothing is asked yet. Throws where the private key is none. */
export function upstreamAdapters(options: UpstreamAdapterOptions): UpstreamAdapters {
  const { url, auth, header, privateKey, callLimit, userAgent, clock, watch } = options;
  const key = privateKey === undefined ? undefined : signingKey(privateKey, options.privateKeyCert);
  const dispatcher = outboundDispatcher(options, [url, ...(options.configured ?? [])]);
  const call = httpCaller({ dispatcher, userAgent, watch });
  const credentials = auth === 'oauth' ? undefined : { header };
  return {
    authorizationServer: httpAuthorizationServer({ clock, call, callLimit, key, header }),
    pages: pageVisitor(call, callLimit),
    resourceServer: httpResourceServer({
      url,
      userAgent,
      credentials,
      passHeaders: options.passHeaders,
      connections: streamingConnections({ ...options, origin: new URL(url).origin }),
    }),
    publicKey: key?.publicKey,
    close: () => dispatcher.destroy(),
  };
}
