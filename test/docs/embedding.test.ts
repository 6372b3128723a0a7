import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { recordsContract, signInContract } from '../../src/adapters/testing/testing.ts';

const text = readFileSync('docs/embedding.md', 'utf8');

test('the example of the documentation runs as it stands', () => {
  const [, example = ''] = /```js\n([\s\S]*?)```/.exec(text) ?? [];
  const here = example.replace("from 'mcp-oauth-gateway'", "from './src/main.ts'");

  const ran = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', here],
    { encoding: 'utf8', timeout: 60_000 },
  );

  assert.equal(ran.stderr, '');
  assert.match(ran.stdout, /^http:\/\/localhost:8002$/m);
  assert.equal(ran.status, 0);
});

test('the contracts that it names are there', () => {
  assert.deepEqual([typeof recordsContract, typeof signInContract], ['function', 'function']);
});
