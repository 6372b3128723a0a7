import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endGrant } from '../../src/domain/grant.ts';
import type { UpstreamToken } from '../../src/domain/token-pair.ts';
import { orderedRevocations, revocationOrder } from '../../src/domain/upstream-revocation.ts';
import { at, binding, bytes, exchanged, keys } from './sample-grant.ts';

const tokens = {
  access: 'ua' as UpstreamToken,
  refresh: 'ur' as UpstreamToken,
  expiresAt: undefined,
  scope: undefined,
  binding,
};
const { grant } = exchanged();

function ended(refresh: UpstreamToken | undefined = tokens.refresh) {
  const order = revocationOrder({ ...tokens, refresh }, grant.id, bytes(12, 3), keys);
  return endGrant(grant, 'revoked', order, at(0));
}

test('an order names the refresh token first, and the access token alone where there is no other', () => {
  const withoutRefresh = revocationOrder(
    { ...tokens, refresh: undefined },
    grant.id,
    bytes(12, 3),
    keys,
  );

  assert.deepEqual(orderedRevocations(ended(), keys), { binding, tokens: ['ur', 'ua'] });
  const single = endGrant(grant, 'revoked', withoutRefresh, at(0));
  assert.deepEqual(orderedRevocations(single, keys)?.tokens, ['ua']);
});

test('an order is read under a previous gateway key too, and under no other', () => {
  const rotated = { current: keys.previous[0] ?? keys.current, previous: [keys.current] };
  const strange = { current: bytes(32, 99) as typeof keys.current, previous: [] };

  assert.deepEqual(orderedRevocations(ended(), rotated)?.tokens, ['ur', 'ua']);
  assert.equal(orderedRevocations(ended(), strange), undefined);
});

test('an order belongs to its grant, and where there is none nothing is to be revoked', () => {
  const moved = {
    ...ended(),
    id: exchanged().grant.id.split('').reverse().join('') as typeof grant.id,
  };

  assert.equal(orderedRevocations(moved, keys), undefined);
  assert.equal(orderedRevocations({ ...ended(), revocation: undefined }, keys), undefined);
});

test('stand-ins for tokens are revoked nowhere', () => {
  const order = revocationOrder({ ...tokens, binding: undefined }, grant.id, bytes(12, 3), keys);

  assert.equal(order, undefined);
});
