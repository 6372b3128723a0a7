import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endGrant, withoutRevocation } from '../../src/domain/grant.ts';
import type { GatewayKeys } from '../../src/domain/grant-keys.ts';
import type { GrantId } from '../../src/domain/token-pair.ts';
import {
  orderedRevocations,
  revocationOrder,
  withLateOrder,
} from '../../src/domain/upstream-revocation.ts';
import {
  accessOnly,
  allowed,
  at,
  binding,
  bytes,
  exchanged,
  keys,
  otherKeys,
  tokensOfVersion,
} from './sample-grant.ts';

const nonce = bytes(12, 5);

function ended(tokens = tokensOfVersion(1)) {
  const order = revocationOrder(tokens, allowed.id, nonce, keys);
  return endGrant(exchanged().grant, 'revoked', order, at(60));
}

test('an order names the refresh token first: most servers revoke the rest with it', () => {
  const order = orderedRevocations(ended(), keys);

  assert.deepEqual(order?.tokens, ['upstream-refresh-1', 'upstream-access-1']);
  assert.deepEqual(order.binding, binding);
});

test('an order names the access token alone where there is no other', () => {
  assert.deepEqual(orderedRevocations(ended(accessOnly), keys)?.tokens, ['upstream-access-1']);
});

test('an order is given by the gateway key, also by a previous one', () => {
  const rotated: GatewayKeys = { current: otherKeys.current, previous: [keys.current] };

  assert.equal(orderedRevocations(ended(), rotated)?.tokens.length, 2);
  assert.equal(orderedRevocations(ended(), otherKeys), undefined);
});

test('an order is for its own grant', () => {
  const moved = { ...ended(), id: Buffer.from(bytes(16, 44)).toString('base64url') as GrantId };

  assert.equal(orderedRevocations(moved, keys), undefined);
});

test('no token can be read in the record of an order', () => {
  const record = JSON.stringify(ended());
  const sealed = Buffer.from(ended().revocation ?? '', 'base64url').toString('latin1');

  assert.ok(!`${record}${sealed}`.includes('upstream-'));
});

test('where nothing is ordered, or no more, there is nothing to revoke', () => {
  const bare = endGrant(exchanged().grant, 'revoked', undefined, at(60));

  assert.equal(orderedRevocations(bare, keys), undefined);
  assert.deepEqual(withoutRevocation(ended()), bare);
});

test('nothing is ordered about tokens that no server gave', () => {
  const standIns = { ...tokensOfVersion(1), binding: undefined };

  assert.equal(revocationOrder(standIns, allowed.id, nonce, keys), undefined);
});

test('an order that comes after the end stands before what is still to be done, and says nothing twice', () => {
  const late = revocationOrder(
    { ...tokensOfVersion(2), refresh: tokensOfVersion(1).refresh },
    allowed.id,
    nonce,
    keys,
  );

  const both = withLateOrder(ended(), late, bytes(12, 6), keys);
  const alone = withLateOrder(withoutRevocation(ended()), late, bytes(12, 6), keys);

  assert.deepEqual(orderedRevocations(both, keys)?.tokens, [
    'upstream-refresh-1',
    'upstream-access-2',
    'upstream-access-1',
  ]);
  assert.deepEqual(orderedRevocations(alone, keys)?.tokens, [
    'upstream-refresh-1',
    'upstream-access-2',
  ]);
});

test('a late order that is none, or cannot be read, changes nothing', () => {
  const foreign = revocationOrder(tokensOfVersion(2), allowed.id, nonce, otherKeys);

  assert.deepEqual(withLateOrder(ended(), undefined, nonce, keys), ended());
  assert.deepEqual(withLateOrder(ended(), foreign, nonce, keys), ended());
});
