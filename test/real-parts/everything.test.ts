import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sdks } from '../support/real/mcp-clients.ts';
import { startEverything } from '../support/real/mcp-upstream.ts';
import { MemoryOAuthProvider } from '../support/real/memory-oauth-provider.ts';
import { approvingUser, startUpstream } from './direct-setup.ts';

for (const { name, connect } of sdks) {
  test(`server-everything serves ${name}: tools, progress, sampling, elicitation`, async (t) => {
    const { mcp } = await startUpstream(t, startEverything);
    const provider = new MemoryOAuthProvider();
    const connection = await connect({
      url: mcp.url,
      provider,
      authorize: approvingUser(provider.redirectUrl),
      handlers: { sample: (prompt) => `echoed ${prompt}`, elicit: () => 'x' },
    });
    const steps: number[] = [];

    const tools = await connection.toolNames();
    const echoed = await connection.call('echo', { message: 'hello' });
    const sum = await connection.call('get-sum', { a: 2, b: 3 });
    const done = await connection.call(
      'trigger-long-running-operation',
      { duration: 0.03, steps: 3 },
      { onProgress: (step) => steps.push(step) },
    );
    const sampled = await connection.call('trigger-sampling-request', { prompt: 'a word' });

    assert.ok(tools.includes('echo') && tools.includes('trigger-elicitation-request'));
    assert.equal(echoed, 'Echo: hello');
    assert.equal(sum, 'The sum of 2 and 3 is 5.');
    assert.match(done, /^Long running operation completed/);
    assert.deepEqual(steps, [1, 2, 3]);
    assert.match(sampled, /echoed .*a word/);
    await connection.close();
    assert.equal(mcp.sessions.size, 0);
  });
}

test('server-everything lets nobody in without a token', async (t) => {
  const { mcp } = await startUpstream(t, startEverything);

  const answers = await Promise.all(
    [{}, { authorization: 'Bearer made-up' }].map((headers) =>
      fetch(mcp.url, { method: 'POST', headers }),
    ),
  );

  assert.deepEqual(
    answers.map((answer) => [answer.status, answer.headers.get('www-authenticate')]),
    [
      [401, `Bearer resource_metadata="${mcp.resourceMetadataUrl}"`],
      [401, `Bearer error="invalid_token", resource_metadata="${mcp.resourceMetadataUrl}"`],
    ],
  );
});
