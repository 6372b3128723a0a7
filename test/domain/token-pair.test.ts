import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newFlowId } from '../../src/domain/flow-secrets.ts';
import {
  decodeTokenPair,
  encodeTokenPair,
  grantOfFlow,
  readGatewayToken,
  readPresentedToken,
  spellGatewayToken,
  tokenSecret,
  upstreamToken,
} from '../../src/domain/token-pair.ts';
import { anyText } from './any-text.ts';
import { bytes, token } from './sample-grant.ts';

const gateway = {
  grant: grantOfFlow(newFlowId(bytes(16, 0xfb))),
  secret: tokenSecret(bytes(32, 0xff)),
};
const spelled = spellGatewayToken(gateway);
const base64url = (text: string) => Buffer.from(text).toString('base64url');

const gatewayTokens = fc
  .tuple(
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map((random) => grantOfFlow(newFlowId(random))),
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map(tokenSecret),
  )
  .map(([grant, secret]) => ({ grant, secret }));
const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
const upstreamTokens = fc.string({ unit: visible, minLength: 1, maxLength: 60 }).map(token);

test('a pair that was encoded is decoded to the same halves', () => {
  fc.assert(
    fc.property(gatewayTokens, upstreamTokens, (gateway, upstream) => {
      const text = encodeTokenPair(gateway, upstream);

      assert.deepEqual(decodeTokenPair(text), { gateway, upstream });
      assert.deepEqual(readPresentedToken(text), { gateway, upstream });
    }),
  );
});

test('nothing but the one spelling of a pair is decoded, however near to one it is', () => {
  const changes = fc.array(
    fc.record({
      at: fc.nat(200),
      cut: fc.nat(2),
      put: fc.oneof(
        fc.constantFrom('', '=', '==', ' ', '\n', '+', '/', ':', '.', '\0', 'é'),
        fc.string(),
      ),
    }),
    { maxLength: 3 },
  );
  fc.assert(
    fc.property(gatewayTokens, upstreamTokens, changes, (gateway, upstream, edits) => {
      const text = edits.reduce(
        (old, { at, cut, put }) => old.slice(0, at) + put + old.slice(at + cut),
        encodeTokenPair(gateway, upstream),
      );

      const pair = decodeTokenPair(text);

      assert.equal(
        pair === undefined || encodeTokenPair(pair.gateway, pair.upstream) === text,
        true,
      );
    }),
  );
});

test('whatever bytes lie under base64url, only a pair is decoded', () => {
  const inner = fc.oneof(
    fc.uint8Array({ maxLength: 100 }).map((some) => Buffer.from(some)),
    anyText.map((text) => Buffer.from(`${spelled}:${text}`)),
    anyText.map((text) => Buffer.from(`${text}:upstream`)),
  );
  fc.assert(
    fc.property(inner, (buffer) => {
      const text = buffer.toString('base64url');

      const pair = decodeTokenPair(text);

      assert.equal(
        pair === undefined || encodeTokenPair(pair.gateway, pair.upstream) === text,
        true,
      );
    }),
  );
});

// The bytes 0xfb and 0xff give "-" and "_", so that the other alphabet is another text.
const pair = encodeTokenPair(gateway, token('gho_~~~???>>>'));
const refused: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['a pair with padding', `${pair}=`],
  ['a pair with a space before it', ` ${pair}`],
  ['a pair with a line break after it', `${pair}\n`],
  ['a pair with a space inside', `${pair.slice(0, 9)} ${pair.slice(9)}`],
  ['a pair in the alphabet of plain base64', pair.replaceAll('-', '+').replaceAll('_', '/')],
  ['a pair with a foreign character that Buffer skips', `${pair}!`],
  ['a pair with one character too many', `${pair}A`],
  ['a pair with unused bits set', `${encodeTokenPair(gateway, token('ab')).slice(0, -1)}_`],
  ['a pair encoded twice', base64url(pair)],
  ['a pair in the clear', `${spelled}:upstream`],
  ['no colon', base64url(spelled)],
  ['no colon but one character too many', base64url(`${spelled}u`)],
  ['an empty upstream half', base64url(`${spelled}:`)],
  ['an empty gateway half', base64url(':upstream')],
  ['a lone colon', base64url(':')],
  ['a gateway half without its dot', base64url(`${gateway.grant}${gateway.secret}:upstream`)],
  ['a secret that is one character short', base64url(`${spelled.slice(0, -1)}:upstream`)],
  ['a secret that is one character long', base64url(`${spelled}A:upstream`)],
  ['a line break before the colon', base64url(`${spelled}\n:upstream`)],
  ['a space in the upstream half', base64url(`${spelled}:up stream`)],
  ['a line break in the upstream half', base64url(`${spelled}:upstream\r\nX-Evil: 1`)],
  ['a line break after the upstream half', base64url(`${spelled}:upstream\n`)],
  ['letters beyond ASCII in the upstream half', base64url(`${spelled}:ünïcødé`)],
  ['a zero byte in the upstream half', base64url(`${spelled}:up\0stream`)],
];
for (const [what, text] of refused) {
  test(`a pair is refused: ${what}`, () => {
    assert.equal(decodeTokenPair(text), undefined);
  });
}

test('the first colon splits, so that an upstream token may hold colons, even nothing else', () => {
  for (const text of ['a:b', ':a', 'a:', ':', '::::']) {
    assert.equal(decodeTokenPair(encodeTokenPair(gateway, token(text)))?.upstream, text);
  }
});

test('an upstream token of 100,000 characters comes through whole', () => {
  const long = token('x'.repeat(100_000));

  assert.equal(decodeTokenPair(encodeTokenPair(gateway, long))?.upstream, long);
});

test('a gateway half alone is read as the opaque format, with no upstream half', () => {
  assert.deepEqual(readPresentedToken(spelled), { gateway, upstream: undefined });
});

test('text that is neither format is not read', () => {
  for (const text of ['', '.', 'gho_16C7e42F292c6912E7710c838347Ae178B4a', `${spelled}.`]) {
    assert.equal(readPresentedToken(text), undefined);
  }
});

test('a gateway half is read back only in the one form it is spelled in', () => {
  assert.deepEqual(readGatewayToken(spelled), gateway);
  for (const text of [`${spelled}\n`, ` ${spelled}`, `${spelled}=`, spelled.replace('.', ':')]) {
    assert.equal(readGatewayToken(text), undefined);
  }
});

const upstreamTexts: readonly (readonly [string, string, boolean])[] = [
  ['takes an ordinary token', 'gho_16C7e42F292c6912', true],
  ['takes a JSON Web Token', 'eyJhbGciOi.eyJzdWIi.c2ln', true],
  ['takes every visible ASCII character', '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', true],
  ['refuses an empty one', '', false],
  ['refuses a space, which would end the credentials', 'a b', false],
  ['refuses a line break, which would end the header', 'a\r\nb', false],
  ['refuses a trailing line break', 'a\n', false],
  ['refuses DEL', 'a\x7f', false],
  ['refuses letters beyond ASCII', 'é', false],
];
for (const [what, text, taken] of upstreamTexts) {
  test(`an upstream token: ${what}`, () => {
    assert.equal(upstreamToken(text), taken ? text : undefined);
  });
}
