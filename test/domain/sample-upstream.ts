import type { Upstream } from '../../src/domain/upstream-server.ts';

/** An upstream with everything that one can have. */
export const upstream: Upstream = {
  server: {
    issuer: 'https://as.example',
    authorizationEndpoint: 'https://as.example/authorize',
    tokenEndpoint: 'https://as.example/token',
    registrationEndpoint: undefined,
    revocationEndpoint: undefined,
    authMethods: undefined,
    scopesSupported: ['openid', 'repo'],
    issuerInResponse: true,
    acceptsDocuments: false,
    resource: 'https://a.example/mcp',
    challengeScopes: undefined,
    resourceScopes: ['repo'],
    documentation: undefined,
    policy: undefined,
    termsOfService: undefined,
  },
  client: { clientId: 'id&1', clientSecret: undefined, method: 'none' },
  manners: {
    resource: 'https://a.example/mcp',
    authorizeParameters: {},
    tokenParameters: {},
    scopeOnRefresh: false,
    tokenTypes: ['bearer'],
    revokes: true,
  },
};
