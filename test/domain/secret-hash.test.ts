import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sameHash, sameText, sha256 } from '../../src/domain/secret-hash.ts';

test('a secret is kept as base64url of its SHA-256', () => {
  assert.equal(sha256('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
});

test('only the hash of the same secret is the same hash', () => {
  assert.equal(sameHash(sha256('secret'), sha256('secret')), true);
  assert.equal(sameHash(sha256('secret'), sha256('Secret')), false);
});

const texts: readonly (readonly [string, string, string, boolean])[] = [
  ['equal texts', 'abc', 'abc', true],
  ['two empty texts', '', '', true],
  ['one different character', 'abc', 'abd', false],
  ['a prefix', 'ab', 'abc', false],
  ['a longer text', 'abcd', 'abc', false],
  ['texts of equal length in characters but not in bytes', 'é', 'e', false],
];
for (const [what, one, other, same] of texts) {
  test(`texts are compared as bytes: ${what}`, () => {
    assert.equal(sameText(one, other), same);
  });
}
