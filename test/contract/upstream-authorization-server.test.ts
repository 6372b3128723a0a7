import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  authorizationServerOverHttpContract,
  countingRandom,
  fakeAuthorizationServer,
  standingClock,
  upstreamAuthorizationServerContract,
} from '../../src/adapters/testing/testing.ts';
import { httpAuthorizationServer } from '../../src/adapters/upstream/authorization-server.ts';
import { httpCaller } from '../../src/adapters/upstream/http-call.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { silentResource } from '../../src/domain/upstream-server.ts';

const redirectUri = 'http://localhost:8002/upstream/callback';
const credentials = { clientId: 'gateway', clientSecret: 'gateway-secret' };

upstreamAuthorizationServerContract('of the fakes', () => {
  const server = fakeAuthorizationServer({
    clock: standingClock(),
    random: countingRandom(),
    clients: [{ ...credentials, redirectUris: [redirectUri] }],
  });
  const [resourceMetadataUrl = ''] = server.resourceDocuments.keys();
  const [[serverMetadataUrl, document] = []] = server.serverDocuments;
  if (serverMetadataUrl === undefined || document === undefined) throw new Error('No metadata.');
  return {
    server,
    upstream: {
      server: { ...document, ...silentResource },
      client: { ...credentials, method: 'client_secret_basic' },
      manners: {
        resource: undefined,
        authorizeParameters: {},
        tokenParameters: {},
        scopeOnRefresh: false,
        tokenTypes: ['bearer'],
        revokes: true,
      },
    },
    probeUrl: 'https://mcp.upstream.example/mcp',
    redirectUri,
    resourceMetadataUrl,
    serverMetadataUrl,
    nowhereUrl: 'https://nowhere.example/',
    approve: (url) => server.approve(url),
    goDown: () => server.goDown(),
    comeUp: () => server.recover(),
    close: () => {},
  };
});

authorizationServerOverHttpContract('over HTTP', () =>
  httpAuthorizationServer({
    clock: systemClock,
    call: httpCaller({ dispatcher: undefined, userAgent: 'gateway/test', watch: undefined }),
    callLimit: seconds(10),
  }),
);
