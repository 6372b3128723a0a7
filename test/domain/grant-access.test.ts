import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeAccess, withPresented } from '../../src/domain/grant-access.ts';
import { openTokens, unwrapSealKey } from '../../src/domain/grant-keys.ts';
import { bindNewest } from '../../src/domain/grant-rotation.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { type PresentedToken, tokenSecret } from '../../src/domain/token-pair.ts';
import {
  accessOf,
  accessOnly,
  at,
  bytes,
  codeSecret,
  exchanged,
  type Held,
  hour,
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

const held = exchanged();
const pair = accessOf(held);

function judged({ grant }: Held, presented: PresentedToken, later = 0, rules = policy) {
  const verdict = judgeAccess(grant, presented, rules, at(later));
  return verdict.type === 'live' ? (verdict.newest ? 'newest' : 'older') : 'refuse';
}

test('a pair with the newest upstream half is live, and nothing has to be opened for it', () => {
  assert.equal(judged(held, pair), 'newest');
  assert.equal(judged(exchanged(accessOnly), pair), 'newest');
});

test('a pair stays live until its end and the clock skew, and not a second longer', () => {
  assert.equal(judged(held, pair, hour + minute - 1), 'newest');
  assert.equal(judged(held, pair, hour + minute), 'refuse');
});

test('a pair ends with its grant, where that has an end', () => {
  const rules = { ...policy, grantTtl: seconds(hour / 2) };

  assert.equal(judged(held, pair, hour / 2 + minute - 1, rules), 'newest');
  assert.equal(judged(held, pair, hour / 2 + minute, rules), 'refuse');
});

test('without clock skew a pair ends on the second', () => {
  const exact = { ...policy, clockSkew: seconds(0) };

  assert.equal(judged(held, pair, hour - 1, exact), 'newest');
  assert.equal(judged(held, pair, hour, exact), 'refuse');
});

test('an older pair lives to its own end through refreshes and renewals', () => {
  const later = renewed(refreshed(held, 60), tokensOfVersion(3), 120);

  assert.equal(judged(later, pair, hour), 'older');
  assert.equal(judged(later, pair, hour + minute), 'refuse');
});

test('a gateway half alone is live, and is served from the opened grant', () => {
  assert.equal(judged(held, { ...pair, upstream: undefined }), 'older');
});

test('the newest upstream half is good with an older gateway half', () => {
  const later = refreshed(held, 60);

  assert.equal(judged(later, { ...pair, upstream: accessOf(later).upstream }), 'newest');
});

const strangers: readonly (readonly [string, PresentedToken])[] = [
  ['an upstream half of another grant', { ...pair, upstream: token('somebody-elses') }],
  [
    'its own upstream refresh token as access half',
    { ...pair, upstream: token('upstream-refresh-1') },
  ],
  [
    'a guessed secret',
    { ...pair, gateway: { ...pair.gateway, secret: tokenSecret(bytes(32, 99)) } },
  ],
  ['a refresh half', { ...pair, gateway: refreshOf(held).gateway }],
  ['the whole refresh pair', refreshOf(held)],
  ['the code', { ...pair, gateway: { ...pair.gateway, secret: codeSecret } }],
];
for (const [what, presented] of strangers) {
  test(`on /mcp is refused: ${what}`, () => {
    assert.equal(judged(held, presented), 'refuse');
  });
}

test('under strict rotation the old access half dies with the refresh', () => {
  const later = moved(held, 60, strict);

  assert.equal(judged(later, pair, 60), 'refuse');
  assert.equal(judged(later, accessOf(later), 60), 'newest');
});

test('an access half opens the newest upstream tokens, also those of a renewal after it', () => {
  const later = renewed(held, tokensOfVersion(2), 60);
  const verdict = judgeAccess(later.grant, pair, policy, at(60));
  assert.ok(verdict.type === 'live', 'another outcome');

  const { id, upstream } = later.grant;
  const key = unwrapSealKey(verdict.entry.wrap, pair.gateway.secret, id, keys);

  assert.ok(key, 'does not open');
  assert.deepEqual(openTokens(key, upstream.sealed, id, upstream.version), tokensOfVersion(2));
});

test('a renewed token is bound only once it was handed out', () => {
  const later = renewed(renewed(held, tokensOfVersion(2), 60), tokensOfVersion(3), 120);
  const carried = { ...pair, upstream: token('upstream-access-2') };

  assert.equal(judged(later, carried), 'refuse');
  const handedOut = bindNewest(renewed(held, tokensOfVersion(2), 60), tokensOfVersion(2));
  assert.equal(
    judged(renewed({ ...held, grant: handedOut }, tokensOfVersion(3), 9), carried),
    'older',
  );
});

test('the highest generation that came back is noted; an older one that comes back notes nothing', () => {
  const { grant } = refreshed(held, 60);
  assert.equal(grant.presented, 1);

  const noted = withPresented(grant, 2);

  assert.equal(noted.presented, 2);
  assert.equal(withPresented(noted, 2), noted);
  assert.equal(withPresented(noted, 1), noted);
});
