import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Subject } from '../../src/domain/grant.ts';
import { openSession, sealSession } from '../../src/domain/sign-in-session.ts';
import { at, bytes, keys } from './sample-grant.ts';

const alice = 'alice' as Subject;
const session = sealSession(alice, at(3600), bytes(12, 7), keys);

test('a session tells who signed in, until its end and not a second longer', () => {
  assert.equal(openSession(session, keys, at(3599)), alice);
  assert.equal(openSession(session, keys, at(3600)), undefined);
});

test('a session shows nobody who it is for', () => {
  assert.equal(Buffer.from(session, 'base64url').includes('alice'), false);
});

for (const [what, presented] of [
  ['that was cut short', session.slice(0, -1)],
  ['that is empty', ''],
  ['that somebody wrote', Buffer.from('{"subject":"alice"}').toString('base64url')],
] as const) {
  test(`a session ${what} is nobody's`, () => {
    assert.equal(openSession(presented, keys, at(0)), undefined);
  });
}
