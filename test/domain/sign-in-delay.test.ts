import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { signInDelay } from '../../src/domain/sign-in-delay.ts';

const delays: readonly (readonly [string, number, number, string, number])[] = [
  ['is none at first', 0, 0, 'pause', 0],
  ['is none after a few slips', 4, 4, 'wait', 0],
  ['begins with a second', 5, 5, 'wait', 1],
  ['doubles', 8, 8, 'wait', 8],
  ['has an end', 40, 0, 'wait', 300],
  ['is longer where the account was tried by others too', 1, 14, 'wait', 16],
  ['has an end there too', 1, 1000, 'wait', 60],
  ['is a second at most for who has not failed', 0, 1000, 'pause', 1],
  ['is none for who has not failed, where others had a few slips', 0, 9, 'pause', 0],
];
for (const [sentence, bySender, forAccount, type, length] of delays) {
  test(`the delay of a sign-in ${sentence}`, () => {
    assert.deepEqual(signInDelay({ bySender, forAccount }), { type, length });
  });
}

test('however often others failed, who has not failed waits a second at most, and is never turned away', () => {
  fc.assert(
    fc.property(fc.nat(), (forAccount) => {
      const delay = signInDelay({ bySender: 0, forAccount });
      assert.equal(delay.type, 'pause');
      assert.equal(delay.length <= 1, true);
    }),
  );
});

test('the delay never shrinks with another failure', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.nat({ max: 2000 }), (by, of) => {
      const { length } = signInDelay({ bySender: by, forAccount: of });
      assert.equal(signInDelay({ bySender: by + 1, forAccount: of + 1 }).length >= length, true);
    }),
  );
});
