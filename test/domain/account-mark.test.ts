import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountMark } from '../../src/domain/account-mark.ts';
import { sealingKey } from '../../src/domain/sealing.ts';

const keys = (byte: number) => ({
  current: sealingKey(new Uint8Array(32).fill(byte)),
  previous: [],
});

test('a name has the same mark at every gateway with the same key, and at no other', () => {
  const mark = accountMark('alice', keys(1));

  assert.equal(accountMark('alice', keys(1)), mark);
  assert.notEqual(accountMark('bob', keys(1)), mark);
  assert.notEqual(accountMark('alice', keys(2)), mark);
  assert.equal(mark.includes('alice'), false);
});
