import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isDeeperThan } from '../../src/adapters/http/json-depth.ts';

const cases: readonly (readonly [string, string, boolean])[] = [
  ['two levels', '{"a":[1]}', false],
  ['three levels', '{"a":[{}]}', true],
  ['levels one after another', '[[],[],[],{}]', false],
  ['brackets in a string', '["[[[[{{{{"]', false],
  ['brackets behind an escaped quote', '["\\"[[[["]', false],
  ['brackets behind an escaped backslash', '["\\\\",[[]]]', true],
  ['a string without an end', '["[[[[', false],
  ['a backslash at the end', '["\\', false],
  ['no JSON at all', ']]]][[[', false],
];
for (const [what, json, deep] of cases) {
  test(`deeper than two levels: ${what}: ${deep}`, () => {
    assert.equal(isDeeperThan(2, json), deep);
  });
}

test('the depth of what is valid JSON is its depth', () => {
  const depthOf = (value: unknown): number =>
    typeof value === 'object' && value !== null
      ? 1 + Math.max(0, ...Object.values(value).map(depthOf))
      : 0;
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(6), (value, levels) => {
      assert.equal(isDeeperThan(levels, JSON.stringify(value)), depthOf(value) > levels);
    }),
  );
});

test('no text is read twice, however it begins again and again', () => {
  // Read from each of its quotes to the end, it would take minutes.
  assert.equal(isDeeperThan(2, `"${'\\"'.repeat(500_000)}`), false);
  assert.equal(isDeeperThan(2, `"${'\\\n'.repeat(500_000)}`), false);
});
