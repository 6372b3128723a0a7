import {
  countingRandom,
  fakeResourceServer,
  resourceServerOverHttp,
  standingClock,
  upstreamResourceServerContract,
} from '../../src/adapters/testing/testing.ts';
import { httpResourceServer } from '../../src/adapters/upstream/resource-server.ts';

upstreamResourceServerContract('of the fakes', () => {
  const server = fakeResourceServer({
    access: () => undefined,
    clock: standingClock(),
    random: countingRandom(),
  });
  return {
    server,
    upstream: server,
    goDown: () => server.goDown(),
    comeUp: () => server.recover(),
    close: () => {},
  };
});

upstreamResourceServerContract(
  'over HTTP',
  resourceServerOverHttp((url) => httpResourceServer({ url, userAgent: 'contract/1' })),
);
