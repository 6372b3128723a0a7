import type { RateLimit } from '../../application/rate-limit.ts';
import type { UseCases } from '../../application/use-cases.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import {
  type ClientDocument,
  clientDocumentPath,
  type ServerFeatures,
} from '../../domain/metadata.ts';
import { authorizeEndpoint } from './authorize-endpoint.ts';
import { type HealthParts, livenessEndpoint, readinessEndpoint } from './health-endpoints.ts';
import { homeEndpoint } from './home-endpoint.ts';
import { type IntrospectionCaller, introspectionEndpoint } from './introspection-endpoint.ts';
import { limited } from './limited.ts';
import { type LoginContext, loginCallbackEndpoint, loginEndpoint } from './login-endpoint.ts';
import { mcpEndpoint } from './mcp-endpoint.ts';
import {
  clientDocumentEndpoint,
  resourceMetadataEndpoint,
  serverMetadataEndpoint,
} from './metadata-endpoint.ts';
import { registrationEndpoint } from './registration-endpoint.ts';
import type { McpContext } from './response-sink.ts';
import { revocationEndpoint } from './revocation-endpoint.ts';
import type { Route } from './router.ts';
import { tokenEndpoint } from './token-endpoint.ts';
import { upstreamCallbackEndpoint } from './upstream-callback-endpoint.ts';

/** Everything the endpoints are made of. */
export interface RouteParts {
  readonly uses: UseCases;
  readonly address: () => GatewayAddress;
  /** The gateway as a client of its upstream; absent where no upstream could read it. */
  readonly clientDocument: (() => ClientDocument) | undefined;
  readonly login: LoginContext;
  readonly mcp: Omit<McpContext, 'address' | 'home' | 'demanded'>;
  /** Absent: nobody may introspect. */
  readonly introspection: IntrospectionCaller | undefined;
  readonly features: ServerFeatures;
  readonly health: HealthParts;
  readonly limits: RequestLimits;
}

/** How often one sender may come. */
export interface RequestLimits {
  readonly authorize: RateLimit;
  /** For /token and /revoke together. */
  readonly token: RateLimit;
}

/** The whole surface of the gateway, a row per endpoint. */
export function routes(parts: RouteParts): readonly Route[] {
  const { uses, address, clientDocument, login, introspection, features, limits } = parts;
  const live = livenessEndpoint();
  const ready = readinessEndpoint(parts.health);
  const wellKnown = '/.well-known/oauth-protected-resource';
  const home = homeEndpoint(address, login);
  const { words, demanded } = uses.resource;
  const metadata = (form: '' | '/mcp' | '/mcp/') => resourceMetadataEndpoint(form, address, words);
  const mcp = mcpEndpoint(uses.relay, { ...parts.mcp, address, home, demanded });
  return [
    { methods: ['GET', 'POST', 'DELETE'], path: '/mcp', handle: mcp },
    { methods: ['GET', 'POST', 'DELETE'], path: '/mcp/', handle: mcp },
    {
      methods: ['POST'],
      path: '/token',
      handle: limited(limits.token, tokenEndpoint(uses, address)),
    },
    {
      methods: ['GET', 'POST'],
      path: '/authorize',
      handle: limited(limits.authorize, authorizeEndpoint(uses.begin, address)),
    },
    { methods: ['GET'], path: '/login', handle: loginEndpoint(uses.openLogin, login) },
    {
      methods: ['POST'],
      path: '/login/callback',
      handle: loginCallbackEndpoint(uses.submitSignIn, login),
    },
    {
      methods: ['GET'],
      path: '/upstream/callback',
      handle: upstreamCallbackEndpoint(uses.returnFromUpstream, login.cookies),
    },
    {
      methods: ['POST'],
      path: '/revoke',
      handle: limited(limits.token, revocationEndpoint(uses, address)),
    },
    ...(introspection === undefined
      ? []
      : [
          {
            methods: ['POST'],
            path: '/introspect',
            handle: introspectionEndpoint(uses.introspect, introspection, address),
          },
        ]),
    { methods: ['POST'], path: '/register', handle: registrationEndpoint(uses.register) },
    { methods: ['GET'], path: wellKnown, handle: metadata('') },
    {
      methods: ['GET'],
      path: `${wellKnown}/mcp`,
      handle: metadata('/mcp'),
    },
    {
      methods: ['GET'],
      path: `${wellKnown}/mcp/`,
      handle: metadata('/mcp/'),
    },
    {
      methods: ['GET'],
      path: '/.well-known/oauth-authorization-server',
      handle: serverMetadataEndpoint(address, features),
    },
    ...(clientDocument
      ? [
          {
            methods: ['GET'],
            path: clientDocumentPath,
            handle: clientDocumentEndpoint(clientDocument),
          },
        ]
      : []),
    { methods: ['GET'], path: '/', handle: home },
    // Under the names that other programs have for them, too.
    ...['/healthz', '/health', '/ping'].map(
      (path): Route => ({ methods: ['GET'], path, handle: live }),
    ),
    ...['/readyz', '/ready'].map((path): Route => ({ methods: ['GET'], path, handle: ready })),
  ];
}
