import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startUpstream } from '../real-parts/direct-setup.ts';
import { sdks } from '../support/real/mcp-clients.ts';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { MemoryOAuthProvider } from '../support/real/memory-oauth-provider.ts';
import { signingInUser, startGateway } from './gateway-setup.ts';

for (const { name, connect } of sdks) {
  test(`${name} connects through the gateway and calls tools`, async (t) => {
    const { as, mcp } = await startUpstream(t, startSdkMcpServer);
    const gateway = await startGateway(t, { upstreamRs: mcp.url });
    const provider = new MemoryOAuthProvider();
    const authorize = signingInUser(provider.redirectUrl, 'bob');

    const connection = await connect({ url: `${gateway.url}/mcp`, provider, authorize });

    assert.equal(await connection.call('echo', { text: 'hello' }), 'hello');
    assert.equal(JSON.parse(await connection.call('whoami')).subject, 'bob');
    assert.equal(as.registrations.length, 1);
    await connection.close();
  });
}
