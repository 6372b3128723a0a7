import type { UseCases } from '../../application/use-cases.ts';
import type { GatewayAddress } from '../../domain/gateway-address.ts';
import { authorizeEndpoint } from './authorize-endpoint.ts';
import { homeEndpoint } from './home-endpoint.ts';
import { type LoginContext, loginCallbackEndpoint, loginEndpoint } from './login-endpoint.ts';
import { mcpEndpoint } from './mcp-endpoint.ts';
import { resourceMetadataEndpoint, serverMetadataEndpoint } from './metadata-endpoint.ts';
import { registrationEndpoint } from './registration-endpoint.ts';
import type { McpContext } from './response-sink.ts';
import type { Route } from './router.ts';
import { tokenEndpoint } from './token-endpoint.ts';
import { upstreamCallbackEndpoint } from './upstream-callback-endpoint.ts';

/** Everything the endpoints are made of. */
export interface RouteParts {
  readonly uses: UseCases;
  readonly address: () => GatewayAddress;
  readonly login: LoginContext;
  readonly mcp: Omit<McpContext, 'address'>;
}

/** The whole surface of the gateway, a row per endpoint. */
export function routes({ uses, address, login, mcp: context }: RouteParts): readonly Route[] {
  const wellKnown = '/.well-known/oauth-protected-resource';
  const mcp = mcpEndpoint(uses.relay, { address, ...context });
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
    { methods: ['POST'], path: '/register', handle: registrationEndpoint(uses.register) },
    { methods: ['GET'], path: wellKnown, handle: resourceMetadataEndpoint('', address) },
    {
      methods: ['GET'],
      path: `${wellKnown}/mcp`,
      handle: resourceMetadataEndpoint('/mcp', address),
    },
    {
      methods: ['GET'],
      path: `${wellKnown}/mcp/`,
      handle: resourceMetadataEndpoint('/mcp/', address),
    },
    {
      methods: ['GET'],
      path: '/.well-known/oauth-authorization-server',
      handle: serverMetadataEndpoint(address),
    },
    { methods: ['GET'], path: '/', handle: homeEndpoint(address, login.upstreamHost) },
  ];
}
