import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endGrant, keptUntil } from '../../src/domain/grant.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import {
  at,
  codeSecret,
  day,
  exchanged,
  holds,
  hour,
  issued,
  key,
  minute,
  moved,
  policy,
} from './sample-grant.ts';

test('a grant with only its code out is kept until a second use of the code could no longer be told', () => {
  const { grant } = issued();

  assert.equal(keptUntil(grant, policy), at(minute + hour + minute));
});

test('a grant is kept as long as its longest-lived token may be presented', () => {
  const later = moved(exchanged(), 10 * day).grant;

  assert.equal(keptUntil(exchanged().grant, policy), at(30 * day + minute));
  assert.equal(keptUntil(later, policy), at(40 * day + minute));
});

test('a grant is kept for its access token too, where that outlives the refresh token', () => {
  const rules = { ...policy, refreshTtl: seconds(minute), accessTtl: seconds(2 * day) };
  const { grant } = moved(exchanged(), day, rules);

  assert.equal(keptUntil({ ...grant, refresh: [] }, rules), at(3 * day + minute));
});

test('a grant that has an end is kept until then, and no longer', () => {
  const rules = { ...policy, grantTtl: seconds(5 * day) };

  assert.equal(keptUntil(exchanged().grant, rules), at(5 * day + minute));
  assert.equal(keptUntil(issued().grant, rules), at(minute + hour + minute));
});

test('an ended grant is remembered for a day', () => {
  const ended = endGrant(exchanged().grant, 'refresh_replayed', undefined, at(hour));

  assert.equal(keptUntil(ended, policy), at(hour + day));
});

test('of an ended grant stays who had it and why it ended, and nothing that a token could open', () => {
  const { grant } = exchanged();

  const ended = endGrant(grant, 'code_replayed', undefined, at(hour));

  assert.deepEqual(ended, {
    state: 'ended',
    id: grant.id,
    clientId: 'client-1',
    subject: 'alice',
    endedAt: at(hour),
    reason: 'code_replayed',
    revocation: undefined,
  });
});

test('no secret stands in the record of a grant', () => {
  const { grant } = issued();

  for (const secret of [
    codeSecret,
    Buffer.from(key).toString('base64url'),
    'upstream-access-1',
    'upstream-refresh-1',
  ]) {
    assert.equal(holds(grant, secret), false);
  }
});
