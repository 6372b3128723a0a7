import { createGateway } from '../../src/main.ts';
import type { Check } from './checks.ts';
import { startPassThroughProxy } from './pass-through-proxy.ts';
import { accessToken, credentials } from './sign-in.ts';
import { runSuite } from './suite.ts';
import type { Upstream } from './upstream.ts';

/** The checks of one run against the upstream itself, and of one through the gateway. */
export interface ServerRuns {
  readonly direct: readonly Check[];
  readonly through: readonly Check[];
}

/** Runs all server scenarios that a revision of the specification names, direct and through a fresh gateway. */
export async function runServerScenarios(
  upstream: Upstream,
  revision: string,
): Promise<ServerRuns> {
  const direct = await runWithToken(new URL(upstream.url).origin, upstream.directToken, revision);
  const gateway = createGateway({ port: 0, ...credentials, upstreamRs: upstream.url });
  const { port } = await gateway.listen();
  try {
    const token = await accessToken(gateway.url);
    const through = await runWithToken(`http://127.0.0.1:${port}`, token, revision);
    return { direct, through };
  } finally {
    await gateway.close();
  }
}

/** Both runs see the same proxy, which adds the token: the suite's server runner has none. */
async function runWithToken(
  target: string,
  token: string,
  revision: string,
): Promise<readonly Check[]> {
  const proxy = await startPassThroughProxy(() => target, { authorization: `Bearer ${token}` });
  try {
    return await runSuite(['server', '--url', `${proxy.origin}/mcp`, '--requirements', revision]);
  } finally {
    await proxy.close();
  }
}
