import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newFlowId } from '../../src/domain/flow-secrets.ts';
import {
  type GatewayKeys,
  halfSecret,
  openTokens,
  placeholderHalf,
  sealKeyOf,
  sealTokens,
  unwrapDataKey,
  unwrapKey,
  unwrapSealKey,
  wrapKey,
} from '../../src/domain/grant-keys.ts';
import { sealingKey } from '../../src/domain/sealing.ts';
import { grantOfFlow, readGatewayToken, tokenSecret } from '../../src/domain/token-pair.ts';
import {
  accessOnly,
  allowed,
  bytes,
  key,
  keys,
  otherKeys,
  tokensOfVersion,
} from './sample-grant.ts';

const { id } = allowed;
const other = grantOfFlow(newFlowId(bytes(16, 44)));
const secret = tokenSecret(bytes(32, 7));
const hex = (some: Uint8Array | undefined) => some && Buffer.from(some).toString('hex');

test('every half of every generation has a secret of its own, of the form a token needs', () => {
  const secrets = [1, 2, 11].flatMap((generation) => [
    halfSecret(key, 'access', generation),
    halfSecret(key, 'refresh', generation),
  ]);
  const all = [...secrets, placeholderHalf(key), tokenSecret(sealKeyOf(key)), tokenSecret(key)];

  assert.equal(new Set<string>(all).size, all.length);
  for (const each of secrets) {
    assert.notEqual(readGatewayToken(`${id}.${each}`), undefined);
  }
});

test('the same data key gives the same halves again, so that a lost answer can be repeated', () => {
  assert.equal(halfSecret(key, 'refresh', 5), halfSecret(key, 'refresh', 5));
  assert.equal(placeholderHalf(key), placeholderHalf(key));
});

test('a wrapped key is opened only by its own secret, grant, kind and gateway key', () => {
  const wrap = wrapKey(key, secret, id, 'refresh', keys);

  assert.equal(hex(unwrapKey(wrap, secret, id, 'refresh', keys)), hex(key));
  assert.equal(unwrapKey(wrap, tokenSecret(bytes(32, 8)), id, 'refresh', keys), undefined);
  assert.equal(unwrapKey(wrap, secret, other, 'refresh', keys), undefined);
  assert.equal(unwrapKey(wrap, secret, id, 'access', keys), undefined);
  assert.equal(unwrapKey(wrap, secret, id, 'code', keys), undefined);
  assert.equal(unwrapKey(wrap, secret, id, 'refresh', otherKeys), undefined);
});

test('a wrapped key shows neither the key nor the secret', () => {
  const wrap = Buffer.from(wrapKey(key, secret, id, 'code', keys), 'base64url');

  assert.equal(wrap.includes(Buffer.from(key)), false);
  assert.equal(wrap.includes(secret), false);
});

test('after a rotation of the gateway key what an earlier one wrapped is still opened', () => {
  const wrap = wrapKey(key, secret, id, 'refresh', keys);
  const rotated: GatewayKeys = {
    current: otherKeys.current,
    previous: [sealingKey(bytes(32, 77)), keys.current],
  };

  assert.equal(hex(unwrapDataKey(wrap, secret, id, 'refresh', rotated)), hex(key));
});

test('after a rotation nothing is wrapped with an earlier gateway key', () => {
  const rotated: GatewayKeys = { current: otherKeys.current, previous: [keys.current] };

  const wrap = wrapKey(key, secret, id, 'refresh', rotated);

  assert.equal(unwrapKey(wrap, secret, id, 'refresh', keys), undefined);
  assert.equal(hex(unwrapKey(wrap, secret, id, 'refresh', otherKeys)), hex(key));
});

test('an access half opens the sealing key, and what is not wrapped for it stays shut', () => {
  const sealKey = sealKeyOf(key);
  const wrap = wrapKey(sealKey, secret, id, 'access', keys);

  assert.equal(hex(unwrapSealKey(wrap, secret, id, keys)), hex(sealKey));
  assert.equal(
    unwrapSealKey(wrapKey(key, secret, id, 'refresh', keys), secret, id, keys),
    undefined,
  );
  assert.equal(unwrapSealKey(wrap, tokenSecret(bytes(32, 8)), id, keys), undefined);
});

test('sealed tokens come out as they went in, with what the upstream did not say still not said', () => {
  for (const tokens of [tokensOfVersion(1), accessOnly, { ...accessOnly, scope: undefined }]) {
    const sealed = sealTokens(sealKeyOf(key), bytes(12, 1), tokens, id, 1);

    assert.deepEqual(openTokens(sealKeyOf(key), sealed, id, 1), tokens);
  }
});

test('sealed tokens are bound to their grant and version', () => {
  const sealed = sealTokens(sealKeyOf(key), bytes(12, 1), tokensOfVersion(1), id, 1);

  assert.equal(openTokens(sealKeyOf(key), sealed, id, 2), undefined);
  assert.equal(openTokens(sealKeyOf(key), sealed, other, 1), undefined);
  assert.equal(openTokens(sealingKey(key), sealed, id, 1), undefined);
});
