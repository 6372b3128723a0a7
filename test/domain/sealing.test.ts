import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deriveKey, type Sealed, seal, sealingKey, unseal } from '../../src/domain/sealing.ts';
import { anyText } from './any-text.ts';
import { bytes } from './sample-grant.ts';

const key = sealingKey(bytes(32, 1));
const nonce = bytes(12, 2);
const opened = (sealed: Sealed, context = 'record 1', by = key) => {
  const body = unseal(by, sealed, context);
  return body && Buffer.from(body).toString();
};

test('what was sealed is opened with the same key and context', () => {
  fc.assert(
    fc.property(anyText, fc.string(), (text, context) => {
      assert.equal(opened(seal(key, nonce, text, context), context), Buffer.from(text).toString());
    }),
    { numRuns: 50 },
  );
});

test('bytes are sealed as they are', () => {
  const sealed = seal(key, nonce, bytes(32, 0xfe), 'record 1');

  assert.deepEqual(
    Buffer.from(unseal(key, sealed, 'record 1') ?? []),
    Buffer.from(bytes(32, 0xfe)),
  );
});

test('a sealed text does not show what is in it', () => {
  const sealed = Buffer.from(seal(key, nonce, 'gho_secret', 'record 1'), 'base64url');

  assert.equal(sealed.includes('gho_secret'), false);
});

test('another key does not open it', () => {
  const sealed = seal(key, nonce, 'text', 'record 1');

  assert.equal(opened(sealed, 'record 1', sealingKey(bytes(32, 9))), undefined);
});

test('another context does not open it: not another record, nor another version', () => {
  const sealed = seal(key, nonce, 'text', 'record 1');

  for (const context of ['record 2', 'record 11', 'record', '']) {
    assert.equal(opened(sealed, context), undefined);
  }
});

test('a change of any one byte keeps it shut: of the nonce, the text or the tag', () => {
  const sealed = Buffer.from(seal(key, nonce, 'text', 'record 1'), 'base64url');

  for (const [index, byte] of sealed.entries()) {
    const changed = Buffer.from(sealed);
    changed[index] = byte ^ 1;
    assert.equal(opened(changed.toString('base64url') as Sealed), undefined, `byte ${index}`);
  }
});

test('a text that was cut short anywhere, or extended, stays shut', () => {
  const sealed = Buffer.from(seal(key, nonce, 'text', 'record 1'), 'base64url');

  for (let length = 0; length < sealed.length; length += 1) {
    const cut = sealed.subarray(0, length).toString('base64url') as Sealed;
    assert.equal(opened(cut), undefined, `${length} bytes`);
  }
  assert.equal(
    opened(Buffer.concat([sealed, bytes(1, 0)]).toString('base64url') as Sealed),
    undefined,
  );
});

test('an empty text is sealed too, and is not taken for a failure', () => {
  assert.equal(opened(seal(key, nonce, '', 'record 1')), '');
});

test('a derived key depends on the secret, the salt and the purpose', () => {
  const derived = [
    deriveKey('secret', 'salt', 'purpose'),
    deriveKey('secret2', 'salt', 'purpose'),
    deriveKey('secret', 'salt2', 'purpose'),
    deriveKey('secret', 'salt', 'purpose2'),
  ].map((each) => Buffer.from(each).toString('hex'));

  assert.equal(new Set(derived).size, 4);
  assert.equal(
    derived.every((each) => each.length === 64),
    true,
  );
});

test('key derivation is HKDF-SHA-256, so that records outlive this code (RFC 5869 A.3)', () => {
  const derived = deriveKey(bytes(22, 0x0b), '', '');

  assert.equal(
    Buffer.from(derived).toString('hex'),
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
  );
});
