import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Check, differences, failedScenarios, tally } from './checks.ts';

function check(scenario: string, id: string, status: Check['status'], error?: string): Check {
  return { scenario, id, status, description: `about ${id}`, errorMessage: error };
}

test('two runs that ended alike have no differences', () => {
  const run = [check('ping', 'pong', 'SUCCESS'), check('tasks', 'get', 'FAILURE', 'not there')];

  assert.deepEqual(differences(run, [...run].reverse()), []);
});

test('a check that ended otherwise is named with both ends', () => {
  const direct = [check('ping', 'pong', 'SUCCESS')];
  const through = [check('ping', 'pong', 'FAILURE', 'no answer')];

  assert.deepEqual(differences(direct, through), [
    'ping: pong #1\n  direct:  SUCCESS (about pong)\n  through: FAILURE (about pong): no answer',
  ]);
});

test('a check that only one run has is a difference', () => {
  const direct = [check('ping', 'pong', 'SUCCESS')];

  assert.match(differences(direct, [])[0] ?? '', /through: no such check/);
  assert.match(differences([], direct)[0] ?? '', /direct: {2}no such check/);
});

test('checks of one id are compared in their order', () => {
  const direct = [check('headers', 'reject', 'SUCCESS'), check('headers', 'reject', 'FAILURE')];
  const through = [check('headers', 'reject', 'FAILURE'), check('headers', 'reject', 'SUCCESS')];

  assert.equal(differences(direct, through).length, 2);
});

test('what was only seen is neither compared nor counted', () => {
  const seen = check('streams', 'incoming-event', 'INFO');

  assert.deepEqual(differences([seen], []), []);
  assert.deepEqual(tally([seen]), { passed: 0, failed: 0, warned: 0, skipped: 0 });
});

test('a scenario that failed twice is named once', () => {
  const run = [
    check('tasks', 'get', 'FAILURE'),
    check('tasks', 'list', 'FAILURE'),
    check('ping', 'pong', 'SUCCESS'),
  ];

  assert.deepEqual(failedScenarios(run), ['tasks']);
});
