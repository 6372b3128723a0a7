import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Subject } from '../../src/domain/grant.ts';
import type { GatewayKeys } from '../../src/domain/grant-keys.ts';
import { seal, sealingKey } from '../../src/domain/sealing.ts';
import { openSession, sealSession } from '../../src/domain/sign-in-session.ts';
import { at, bytes, keys, otherKeys } from './sample-grant.ts';

const alice = 'alice "the ü" 😀' as Subject;
const nonce = bytes(12, 5);
const session = sealSession(alice, at(100), nonce, keys);

test('a session says who signed in, until its end', () => {
  assert.equal(openSession(session, keys, at(0)), alice);
  assert.equal(openSession(session, keys, at(99)), alice);
  assert.equal(openSession(session, keys, at(100)), undefined);
});

test('nobody can read in a session who signed in', () => {
  assert.ok(!Buffer.from(session, 'base64url').toString().includes('alice'));
  assert.match(session, /^[A-Za-z0-9_-]+$/);
});

test('a session outlives a rotation of the gateway key, and no other change of it', () => {
  const rotated: GatewayKeys = { current: otherKeys.current, previous: [keys.current] };

  assert.equal(openSession(session, rotated, at(0)), alice);
  assert.equal(openSession(session, otherKeys, at(0)), undefined);
});

test('an old session does not come back to life under another key', () => {
  const rotated: GatewayKeys = { current: keys.current, previous: [otherKeys.current] };

  assert.equal(openSession(session, rotated, at(100)), undefined);
});

test('what was not made here is no session', () => {
  const content = JSON.stringify({ subject: alice, until: at(100) });
  const changed = `${session.slice(0, 30)}${session[30] === 'A' ? 'B' : 'A'}${session.slice(31)}`;
  const sealedByHand = seal(keys.current, nonce, content, 'session');
  const byAnotherKey = sealSession(alice, at(100), nonce, { ...keys, current: key(7) });

  for (const forged of [
    '',
    'x',
    session.slice(0, -2),
    content,
    changed,
    sealedByHand,
    byAnotherKey,
  ]) {
    assert.equal(openSession(forged, keys, at(0)), undefined, forged);
  }
});

function key(seed: number) {
  return sealingKey(bytes(32, seed));
}
