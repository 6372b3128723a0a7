import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withPresented } from '../../src/domain/grant-access.ts';
import { openTokens, sealKeyOf, unwrapDataKey } from '../../src/domain/grant-keys.ts';
import { bindNewest, isPairNearlySpent, judgeRefresh } from '../../src/domain/grant-rotation.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import {
  type PresentedToken,
  readPresentedToken,
  tokenSecret,
} from '../../src/domain/token-pair.ts';
import {
  accessOf,
  accessOnly,
  answerOf,
  at,
  bytes,
  codeSecret,
  day,
  exchanged,
  type Held,
  hour,
  issued,
  keys,
  minute,
  moved,
  policy,
  refreshed,
  refreshOf,
  renewed,
  strict,
  token,
  tokensOfVersion,
} from './sample-grant.ts';

const first = exchanged();
const second = refreshed(first, 60);
const oldest = refreshOf(first);
/** The successor's halves have come back: the client has had its answer. */
const answered: Held = { ...second, grant: withPresented(second.grant, 2) };

function judged(
  { grant }: Held,
  presented: PresentedToken,
  later = 60,
  rules = policy,
  inFlight = false,
) {
  return judgeRefresh(grant, presented, rules, at(later), inFlight).type;
}

test('the newest refresh token moves the grant, until its end and the clock skew', () => {
  assert.equal(judged(first, oldest, 0), 'current');
  assert.equal(judged(first, oldest, 30 * day + minute - 1), 'current');
  assert.equal(judged(first, oldest, 30 * day + minute), 'refuse');
});

test('a refresh gives new halves with lives of their own', () => {
  const pairs = [answerOf(first), answerOf(second)];

  assert.equal(new Set(pairs.flatMap((each) => [each.accessToken, each.refreshToken])).size, 4);
  assert.equal(judged(second, refreshOf(second), 60 + 30 * day), 'current');
});

const unknown: readonly (readonly [string, PresentedToken])[] = [
  [
    'a guessed secret',
    { ...oldest, gateway: { ...oldest.gateway, secret: tokenSecret(bytes(32, 99)) } },
  ],
  ['an access half', { ...oldest, gateway: accessOf(first).gateway }],
  ['the whole access pair', accessOf(first)],
  ['the code', { ...oldest, gateway: { ...oldest.gateway, secret: codeSecret } }],
  ['an upstream half of another grant', { ...oldest, upstream: token('somebody-elses') }],
  [
    'its own upstream access token as refresh half',
    { ...oldest, upstream: token('upstream-access-1') },
  ],
  [
    'its own token over again with a used half of another',
    { ...oldest, upstream: token('upstream-refresh-9') },
  ],
];
for (const [what, presented] of unknown) {
  test(`at /token is refused, and nothing is a replay: ${what}`, () => {
    assert.equal(judged(first, presented), 'refuse');
    assert.equal(judged(answered, presented, day), 'refuse');
  });
}

test('a gateway half alone is good: the opaque format has no other', () => {
  assert.equal(judged(first, { ...oldest, upstream: undefined }), 'current');
});

test('halves of different generations of one grant belong together', () => {
  assert.equal(judged(second, { ...refreshOf(second), upstream: oldest.upstream }), 'current');
});

const used: readonly (readonly [string, Held, number, string])[] = [
  ['whose answer was lost, asked for at once', second, 61, 'superseded'],
  ['whose answer was lost, asked for after a month of sleep', second, 30 * day, 'superseded'],
  ['whose answer was lost, asked for after its end', second, 30 * day + minute, 'refuse'],
  ['of another window, before the end of its access token', answered, hour, 'superseded'],
  [
    'of another window, in the last second of the grace',
    answered,
    hour + 10 * minute - 1,
    'superseded',
  ],
  ['of a thief, at the end of the grace', answered, hour + 10 * minute, 'replay'],
  ['of a thief, in the last second of its life', answered, 30 * day + minute - 1, 'replay'],
  ['of a thief, after its life', answered, 30 * day + minute, 'refuse'],
];
for (const [what, held, later, verdict] of used) {
  test(`a used refresh token ${what}: ${verdict}`, () => {
    assert.equal(judged(held, oldest, later), verdict);
  });
}

test('a further refresh proves that the one before was answered', () => {
  const third = refreshed(second, 120);

  assert.equal(judged(third, oldest, hour + 10 * minute), 'replay');
  assert.equal(judged(third, refreshOf(second), day), 'superseded');
});

test('the announced end counts, where the upstream token ends before the gateway half', () => {
  const short = exchanged({ ...tokensOfVersion(1), expiresAt: at(5 * minute) });
  const later = refreshed(short, 60);
  const noted = { ...later, grant: withPresented(later.grant, 2) };

  assert.equal(judged(noted, oldest, 15 * minute - 1), 'superseded');
  assert.equal(judged(noted, oldest, 15 * minute), 'replay');
});

test('a pair that was handed out again with a renewed upstream half is good until its own announced end', () => {
  // The first window gets its pair with ten minutes of upstream life; a renewal on /mcp brings another hour.
  const shortLived = moved(
    renewed(first, { ...tokensOfVersion(2), expiresAt: at(10 * minute) }, 0),
    0,
  );
  const tokens = { ...tokensOfVersion(3), expiresAt: at(2 * hour) };
  const afterRenewal = renewed(shortLived, tokens, 10 * minute);
  // Another window comes with an older token, and is given that same pair, which now lasts until the gateway half ends.
  const handedOut: Held = { ...afterRenewal, grant: bindNewest(afterRenewal, tokens) };
  const { expiresIn } = answerOf(handedOut, 10 * minute);
  assert.equal(expiresIn, 50 * minute);
  // The first window moves on meanwhile.
  const later = refreshed(handedOut, 11 * minute);
  const noted = { ...later, grant: withPresented(later.grant, later.grant.generation) };

  assert.equal(judged(noted, refreshOf(handedOut), 10 * minute + expiresIn), 'superseded');
  assert.equal(judged(noted, refreshOf(handedOut), hour + 10 * minute), 'replay');
});

test('an earlier end of a renewed half takes nothing from a pair that is out already', () => {
  const tokens = { ...tokensOfVersion(2), expiresAt: at(2 * minute) };
  const again = renewed(first, tokens, 60);
  const handedOut: Held = { ...again, grant: bindNewest(again, tokens) };
  const later = refreshed(handedOut, 120);
  const noted = { ...later, grant: withPresented(later.grant, 2) };

  assert.equal(judged(noted, oldest, hour + 10 * minute - 1), 'superseded');
});

test('strict rotation: a used refresh token is a replay at once, unless its request was under way', () => {
  const rotated = moved(first, 60, strict);

  assert.equal(judged(rotated, oldest, 60, strict), 'replay');
  assert.equal(judged(rotated, oldest, 60, strict, true), 'superseded');
  assert.equal(judged(rotated, refreshOf(rotated), 60, strict), 'current');
});

test('a request under way shares the answer, however far the grant has moved, but not after its end', () => {
  assert.equal(judged(answered, oldest, 2 * day, policy, true), 'superseded');
  assert.equal(judged(answered, oldest, 31 * day, policy, true), 'refuse');
});

test('a replay is told with its entry, which still opens the grant for the revocation upstream', () => {
  const verdict = judgeRefresh(answered.grant, oldest, policy, at(day), false);
  assert.ok(verdict.type === 'replay', 'another outcome');

  const { id, upstream } = answered.grant;
  const key = unwrapDataKey(verdict.entry.wrap, oldest.gateway.secret, id, 'refresh', keys);

  assert.ok(key, 'does not open');
  assert.deepEqual(
    openTokens(sealKeyOf(key), upstream.sealed, id, upstream.version),
    tokensOfVersion(2),
  );
});

test('refreshes that arrive together with tokens of several generations get one and the same pair', () => {
  const third = refreshed(second, 60);

  for (const presented of [oldest, refreshOf(second), refreshOf(third)]) {
    const verdict = judgeRefresh(third.grant, presented, policy, at(60), false);
    assert.ok(verdict.type === 'superseded' || verdict.type === 'current', 'another outcome');
    const { id } = third.grant;
    const key = unwrapDataKey(verdict.entry.wrap, presented.gateway.secret, id, 'refresh', keys);
    assert.ok(key, 'does not open');
    assert.deepEqual(answerOf({ ...third, key }), answerOf(third));
  }
});

test('the answer is the pair of both halves, whose end is that of the half that dies first', () => {
  const answer = answerOf(exchanged({ ...tokensOfVersion(1), expiresAt: at(5 * minute) }), 60);

  assert.equal(readPresentedToken(answer.accessToken)?.upstream, 'upstream-access-1');
  assert.equal(readPresentedToken(answer.refreshToken)?.upstream, 'upstream-refresh-1');
  assert.equal(answer.expiresIn, 4 * minute);
  assert.equal(answer.scope, 'repo');
});

test('the end is what is left at the moment of the answer, and never negative', () => {
  assert.equal(answerOf(first, 0).expiresIn, hour);
  assert.equal(answerOf(first, 600).expiresIn, 50 * minute);
  assert.equal(answerOf(first, 2 * hour).expiresIn, 0);
});

test('the opaque format hands out no upstream half', () => {
  const answer = answerOf(first, 0, { ...policy, format: 'opaque' });

  for (const text of [answer.accessToken, answer.refreshToken]) {
    assert.equal(readPresentedToken(text)?.upstream, undefined);
    assert.equal(Buffer.from(text, 'base64url').includes('upstream-'), false);
  }
  assert.equal(judged(first, readPresentedToken(answer.refreshToken) ?? assert.fail()), 'current');
});

test('where the upstream gave no refresh token a placeholder stands for it, bound like any other', () => {
  const held = exchanged(accessOnly);
  const presented = refreshOf(held);

  assert.equal(judged(held, presented, 0), 'current');
  assert.equal(judged(held, { ...presented, upstream: token('A'.repeat(43)) }, 0), 'refuse');
  assert.equal(refreshOf(moved(held, 60)).upstream, presented.upstream);
});

test('the placeholder stays good once the upstream gives a refresh token after all', () => {
  const held = exchanged(accessOnly);
  const later = moved(renewed(held, tokensOfVersion(2), 60), 60);

  assert.equal(judged(later, refreshOf(held)), 'superseded');
  assert.equal(refreshOf(later).upstream, 'upstream-refresh-2');
});

test('a pair is nearly spent in the last minute of its gateway half, or where there is no pair yet', () => {
  assert.equal(isPairNearlySpent(first.grant, policy, at(hour - minute)), false);
  assert.equal(isPairNearlySpent(first.grant, policy, at(hour - minute + 1)), true);
  assert.equal(isPairNearlySpent(issued().grant, policy, at(0)), true);
});

test('a grant with only its code out has no life to announce', () => {
  const held = { ...issued(), tokens: tokensOfVersion(1) };

  assert.equal(answerOf(held).expiresIn, 0);
  assert.deepEqual(bindNewest(held, held.tokens).refresh, []);
});

test('binding what is bound already changes nothing, so that nothing is written', () => {
  assert.equal(bindNewest(first, first.tokens), first.grant);
});

test('a refresh of the gateway halves alone binds no upstream half again', () => {
  assert.equal(moved(first, 60).grant.halves.length, 1);
  assert.equal(refreshed(first, 60).grant.halves.length, 2);
});

test('of each kind at most the 64 newest entries stay, and the newest pair works', () => {
  let held = first;
  for (let count = 0; count < 100; count += 1) held = refreshed(held, count);

  const { access, refresh, halves, generation } = held.grant;
  assert.deepEqual([access.length, refresh.length, halves.length], [64, 64, 64]);
  assert.equal(access.at(-1)?.generation, generation);
  assert.equal(access.at(0)?.generation, generation - 63);
  assert.equal(halves.at(-1)?.version, held.grant.upstream.version);
  assert.equal(judged(held, refreshOf(held), 100), 'current');
  assert.equal(judged(held, oldest, 100), 'refuse');
});

test('entries go with the next refresh once they are past their end and the clock skew', () => {
  const kept = moved(first, hour + minute - 1).grant;
  const gone = moved(first, hour + minute).grant;

  assert.deepEqual(
    kept.access.map((each) => each.generation),
    [1, 2],
  );
  assert.deepEqual(
    gone.access.map((each) => each.generation),
    [2],
  );
  assert.deepEqual(
    gone.refresh.map((each) => each.generation),
    [1, 2],
  );
  assert.deepEqual(
    moved(first, 30 * day + minute).grant.refresh.map((each) => each.generation),
    [2],
  );
});

test('used refresh tokens are remembered under strict rotation too, and old access halves are not', () => {
  const { access, refresh } = moved(moved(first, 1, strict), 2, strict).grant;

  assert.deepEqual(
    access.map((each) => each.generation),
    [3],
  );
  assert.deepEqual(
    refresh.map((each) => each.generation),
    [1, 2, 3],
  );
});

test('a refresh uses the life that the operator set now, not the one of the code exchange', () => {
  const shorter = { ...policy, accessTtl: seconds(5 * minute) };
  const held = moved(first, 60, shorter);

  assert.equal(answerOf(held, 60, shorter).expiresIn, 5 * minute);
});
