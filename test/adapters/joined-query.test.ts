import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queryJoiner } from '../../src/adapters/upstream/joined-query.ts';

const joined: readonly (readonly [own: string, query: string, expected: string])[] = [
  ['', '', ''],
  ['', '?a=1&a=2&&=', '?a=1&a=2&&='],
  ['?a=1', '', '?a=1'],
  ['?a=%2f', '?b=%2F+x&c', '?a=%2f&b=%2F+x&c'],
  ['?a=1&b', '?b=2&c=3&a=4', '?a=1&b&c=3'],
  ['?a=1', '?%61=2', '?a=1'],
  ['?%61=1', '?a=2', '?%61=1'],
  ['?two+words=1', '?two%20words=2&two=3', '?two+words=1&two=3'],
  ['?ReadOnly=true', '?readonly=false', '?ReadOnly=true'],
  ['?a=1', '?b=a=2', '?a=1&b=a=2'],
  ['?a=1', '?%zz=2&%c3%28=3', '?a=1&%zz=2&%c3%28=3'],
  ['?a=1', '??a=2', '?a=1&?a=2'],
];

for (const [own, query, expected] of joined) {
  test(`${query || 'no query'} behind ${own || 'none'} is ${expected || 'none'}`, () => {
    assert.equal(queryJoiner(own)(query), expected);
  });
}
