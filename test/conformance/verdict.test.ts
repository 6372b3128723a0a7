import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { Check } from './checks.ts';
import { report, saysTheSame } from './report.ts';
import { objections, type RevisionResults } from './verdict.ts';

function check(scenario: string, status: Check['status'], errorMessage?: string): Check {
  return { scenario, id: scenario, status, description: `about ${scenario}`, errorMessage };
}

const direct = [check('ping', 'SUCCESS'), check('tasks-lifecycle', 'FAILURE', 'no tasks')];
const grant = check('authorization-code-grant', 'SUCCESS');
const good: RevisionResults = {
  revision: '2026-07-28',
  direct,
  through: direct,
  authorization: [{ method: 'none', checks: [grant] }],
};

test('a result that is the same both ways is good, though an extension is missing', () => {
  assert.deepEqual(objections(good), []);
});

test('a difference between direct and through is objected to', () => {
  const through = [check('ping', 'FAILURE'), ...direct.slice(1)];

  assert.match(objections({ ...good, through }).join(), /2026-07-28: direct and through differ/);
});

test('an upstream that fails more than a missing extension is objected to', () => {
  const failing = [check('ping', 'FAILURE')];

  assert.deepEqual(objections({ ...good, direct: failing, through: failing }), [
    '2026-07-28: the upstream itself does not pass ping',
  ]);
});

for (const status of ['FAILURE', 'SKIPPED'] as const) {
  test(`an authorization check that ended as ${status} is objected to`, () => {
    const checks = [check('authorization-code-grant', status, 'because')];

    assert.deepEqual(objections({ ...good, authorization: [{ method: 'none', checks }] }), [
      `2026-07-28, client authentication none: authorization-code-grant: ${status} because`,
    ]);
  });
}

test('the page has a row for each run and each authorization check', () => {
  const about = { suite: '1', server: '2', gateway: '3', node: '24', date: '2026-07-28' };

  const page = report(about, [good]);

  assert.match(page, /^\| 2026-07-28 \| direct \| 2 \| 1 \| 1 \| 0 \| 0 \|$/m);
  assert.match(page, /^\| 2026-07-28 \| through the gateway \| 2 \| 1 \| 1 \| 0 \| 0 \|$/m);
  assert.match(page, /^\| 2026-07-28 \| `none` \| authorization-code-grant \| passed \|$/m);
  assert.equal(
    saysTheSame(page, report({ ...about, gateway: '4', date: '2027-01-01' }, [good])),
    true,
  );
  assert.equal(saysTheSame(page, report({ ...about, server: '4' }, [good])), false);
});

test('the page in docs is about the versions that are installed', async () => {
  const root = new URL('../../', import.meta.url);
  const { devDependencies } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
  const page = await readFile(new URL('docs/conformance.md', root), 'utf8');

  for (const name of ['conformance', 'server']) {
    const dependency = `@modelcontextprotocol/${name}`;
    const isNamed = page.includes(`\`${dependency}\` ${devDependencies[dependency]}`);
    assert.equal(isNamed, true, `docs/conformance.md names ${dependency} as installed`);
  }
});
