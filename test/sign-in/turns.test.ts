import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { turns } from '../../src/adapters/sign-in/turns.ts';

/** Things that end when they are told to. */
function manyTasks(count: number) {
  const begun: number[] = [];
  const ends: ((failed: boolean) => void)[] = [];
  const tasks = Array.from({ length: count }, (_, place) => () => {
    begun.push(place);
    return new Promise<number>((resolve, reject) => {
      ends[place] = (failed) => (failed ? reject(new Error(`${place}`)) : resolve(place));
    });
  });
  return { begun, ends, tasks };
}

test('no more than two run at once, and the others in their order, whether those before them fail or not', async () => {
  const { begun, ends, tasks } = manyTasks(4);
  const take = turns(2);
  const results = tasks.map((task) => take(task).catch(() => 'failed'));

  await nextTurn();
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.(true);
  await nextTurn();
  assert.deepEqual(begun, [0, 1, 2]);
  ends[0]?.(false);
  ends[2]?.(false);
  await nextTurn();
  assert.deepEqual(begun, [0, 1, 2, 3]);
  ends[3]?.(false);

  assert.deepEqual(await Promise.all(results), [0, 'failed', 2, 3]);
  const last = take(async () => 'alone');
  assert.equal(await last, 'alone');
});
