import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  after,
  announcedEnd,
  earlier,
  epochSeconds,
  isExpired,
  isNearlySpent,
  seconds,
  timeLeft,
} from '../../src/domain/lifetime.ts';
import { at } from './sample-grant.ts';

test('moments and lengths are whole seconds: fractions are cut off', () => {
  assert.equal(epochSeconds(1.999), 1);
  assert.equal(seconds(59.5), 59);
  assert.equal(after(epochSeconds(10), seconds(5)), 15);
});

test('a thing is dead from its expiry second on, not from the second after it', () => {
  assert.equal(isExpired(at(10), at(9)), false);
  assert.equal(isExpired(at(10), at(10)), true);
  assert.equal(isExpired(at(10), at(11)), true);
});

test('what is left is never negative', () => {
  assert.equal(timeLeft(at(10), at(4)), 6);
  assert.equal(timeLeft(at(10), at(10)), 0);
  assert.equal(timeLeft(at(10), at(11)), 0);
});

test('the earlier of two ends counts, and one that is not known does not', () => {
  assert.equal(earlier(at(1), at(2)), at(1));
  assert.equal(earlier(at(2), at(1)), at(1));
  assert.equal(earlier(at(2), undefined), at(2));
});

const announced: readonly (readonly [string, number | undefined, number | undefined])[] = [
  ['is not there', undefined, undefined],
  ['is zero', 0, undefined],
  ['is negative', -1, undefined],
  ['is not a number', Number.NaN, undefined],
  ['is an hour', 3600, at(3600)],
  ['has a fraction', 3600.9, at(3600)],
  ['is endless', Number.POSITIVE_INFINITY, 4_102_444_800],
  ['is the largest number', Number.MAX_VALUE, 4_102_444_800],
  ['is a time in milliseconds', 3_600_000_000, 4_102_444_800],
];
for (const [what, expiresIn, end] of announced) {
  test(`an expires_in that ${what} means ${end ?? 'that no end is known'}`, () => {
    assert.equal(announcedEnd(expiresIn, at(0)), end);
  });
}

test('an end is a whole number of seconds that every client can compute with, whatever was announced', () => {
  fc.assert(
    fc.property(fc.double(), (expiresIn) => {
      const end = announcedEnd(expiresIn, at(0));

      assert.equal(end === undefined || (Number.isSafeInteger(end) && end >= at(0)), true);
    }),
  );
});

const spent: readonly (readonly [string, number, number, boolean])[] = [
  ['an hour with a minute left', 3600, 3540, false],
  ['an hour with 59 seconds left', 3600, 3541, true],
  ['five minutes with 30 seconds left', 300, 270, false],
  ['five minutes with 29 seconds left', 300, 271, true],
  ['a minute just issued', 60, 0, false],
  ['a second just issued', 1, 0, false],
  ['an hour that is over', 3600, 3700, true],
  ['a life of no length', 0, 0, false],
];
for (const [what, life, now, nearly] of spent) {
  test(`${what} ${nearly ? 'is' : 'is not'} nearly spent`, () => {
    assert.equal(isNearlySpent(at(0), at(life), at(now)), nearly);
  });
}
