import type { UseCases } from '../../application/use-cases.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import {
  type ClientDocument,
  clientDocumentPath,
  type ServerFeatures,
} from '../../domain/metadata.ts';
import { authorizeEndpoint } from './authorize-endpoint.ts';
import { homeEndpoint } from './home-endpoint.ts';
import { type IntrospectionCaller, introspectionEndpoint } from './introspection-endpoint.ts';
import { type LoginContext, loginCallbackEndpoint, loginEndpoint } from './login-endpoint.ts';
import { type Crashed, mcpEndpoint, type OpenStreams } from './mcp-endpoint.ts';
import {
  clientDocumentEndpoint,
  resourceMetadataEndpoint,
  serverMetadataEndpoint,
} from './metadata-endpoint.ts';
import { registrationEndpoint } from './registration-endpoint.ts';
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
  readonly crashed: Crashed;
  readonly streams: OpenStreams;
  /** Absent: nobody may introspect. */
  readonly introspection: IntrospectionCaller | undefined;
  readonly features: ServerFeatures;
}

/** The whole surface of the gateway, a row per endpoint. */
export function routes(parts: RouteParts): readonly Route[] {
  const { uses, address, clientDocument, login, crashed, streams, introspection, features } = parts;
  const wellKnown = '/.well-known/oauth-protected-resource';
  const home = homeEndpoint(address, login);
  const { words, demanded } = uses.resource;
  const metadata = (form: '' | '/mcp' | '/mcp/') => resourceMetadataEndpoint(form, address, words);
  const mcp = mcpEndpoint(uses.relay, { address, crashed, streams, home, demanded });
  return [
    { methods: ['GET', 'POST', 'DELETE'], path: '/mcp', handle: mcp },
    { methods: ['GET', 'POST', 'DELETE'], path: '/mcp/', handle: mcp },
    { methods: ['POST'], path: '/token', handle: tokenEndpoint(uses, address) },
    {
      methods: ['GET', 'POST'],
      path: '/authorize',
      handle: authorizeEndpoint(uses.begin, address),
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
    { methods: ['POST'], path: '/revoke', handle: revocationEndpoint(uses, address) },
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
  ];
}
