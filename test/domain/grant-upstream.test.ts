import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTokens, sealKeyOf } from '../../src/domain/grant-keys.ts';
import {
  isClaimable,
  isPastHelp,
  isUpstreamNearlySpent,
  isUpstreamSpent,
  withClaim,
  withoutClaim,
  withRefusedUpstream,
} from '../../src/domain/grant-upstream.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import {
  accessOnly,
  at,
  bytes,
  exchanged,
  hour,
  key,
  minute,
  renewed,
  tokensOfVersion,
  withUpstreamTokens,
} from './sample-grant.ts';

const lasting = exchanged();
const ending = exchanged({ ...tokensOfVersion(1), expiresAt: at(hour) });

test('newer tokens are a version of their own, sealed for it, and end the claim', () => {
  const claimed = withClaim(lasting.grant, 'process 1', at(30));
  const tokens = { ...tokensOfVersion(2), expiresAt: at(hour), scope: 'gist' };

  const grant = withUpstreamTokens(claimed, sealKeyOf(key), bytes(12, 6), tokens, at(10));

  const { version, accessHash, issuedAt, expiresAt, renewable, refused } = grant.upstream;
  assert.deepEqual(
    { version, accessHash, issuedAt, expiresAt, renewable, refused },
    {
      version: 2,
      accessHash: sha256('upstream-access-2'),
      issuedAt: at(10),
      expiresAt: at(hour),
      renewable: true,
      refused: false,
    },
  );
  assert.deepEqual(openTokens(sealKeyOf(key), grant.upstream.sealed, grant.id, 2), tokens);
  assert.equal(grant.claim, undefined);
  assert.equal(grant.scope, 'gist');
});

test('newer tokens move no generation and kill no half', () => {
  const { grant } = renewed(lasting, tokensOfVersion(2), 10);

  const { generation, presented, access, refresh, halves } = lasting.grant;
  assert.deepEqual(
    [grant.generation, grant.presented, grant.access, grant.refresh, grant.halves],
    [generation, presented, access, refresh, halves],
  );
});

test('newer tokens that say nothing of their scope leave it as it was', () => {
  assert.equal(
    renewed(lasting, { ...tokensOfVersion(2), scope: undefined }, 0).grant.scope,
    'repo',
  );
});

test('tokens without a refresh token cannot be renewed', () => {
  assert.equal(exchanged(accessOnly).grant.upstream.renewable, false);
  assert.equal(lasting.grant.upstream.renewable, true);
});

test('an upstream token is spent at its announced end, and without one never', () => {
  assert.equal(isUpstreamSpent(ending.grant, at(hour - 1)), false);
  assert.equal(isUpstreamSpent(ending.grant, at(hour)), true);
  assert.equal(isUpstreamSpent(lasting.grant, at(1000 * hour)), false);
});

test('an upstream token is nearly spent in its last minute, and without an end never', () => {
  assert.equal(isUpstreamNearlySpent(ending.grant, at(hour - minute)), false);
  assert.equal(isUpstreamNearlySpent(ending.grant, at(hour - minute + 1)), true);
  assert.equal(isUpstreamNearlySpent(lasting.grant, at(1000 * hour)), false);
});

test('a refused token is marked, and its successor is not', () => {
  const marked = withRefusedUpstream(lasting.grant, 1, at(0));

  assert.equal(marked.upstream.refused, true);
  assert.equal(
    renewed({ ...lasting, grant: marked }, tokensOfVersion(2), 0).grant.upstream.refused,
    false,
  );
});

test('a refusal of a token that was replaced meanwhile marks nothing', () => {
  const { grant } = renewed(lasting, tokensOfVersion(2), 0);

  assert.equal(withRefusedUpstream(grant, 1, at(0)), grant);
});

test('one process may ask the upstream at a time; a claim runs out by itself', () => {
  const claimed = withClaim(lasting.grant, 'process 1', at(30));

  assert.equal(isClaimable(lasting.grant, at(0)), true);
  assert.equal(isClaimable(claimed, at(29)), false);
  assert.equal(isClaimable(claimed, at(30)), true);
});

test('a process gives back its own claim and no other', () => {
  const claimed = withClaim(lasting.grant, 'process 1', at(30));

  assert.equal(withoutClaim(claimed, 'process 1').claim, undefined);
  assert.equal(withoutClaim(claimed, 'process 2'), claimed);
  assert.equal(withoutClaim(lasting.grant, 'process 1'), lasting.grant);
});

test('a grant is past help when one new token after the other is refused, and not for refusals far apart', () => {
  const first = withRefusedUpstream(exchanged().grant, 1, at(0));
  const second = withUpstreamTokens(
    first,
    sealKeyOf(key),
    bytes(12, 5),
    tokensOfVersion(2),
    at(10),
  );

  const atOnce = withRefusedUpstream(second, 2, at(20));
  const later = withRefusedUpstream(second, 2, at(300));

  assert.equal(isPastHelp(first, at(0)), false);
  assert.equal(isPastHelp(second, at(10)), false);
  assert.equal(isPastHelp(atOnce, at(20)), true);
  assert.equal(isPastHelp(later, at(300)), false);
});
