import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codeChallengeOf, isCodeChallenge, provesChallenge } from '../../src/domain/pkce.ts';

const unreserved = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';
const verifiers = fc.string({
  unit: fc.constantFrom(...unreserved),
  minLength: 43,
  maxLength: 128,
});

test('a verifier proves its own challenge and no other', () => {
  fc.assert(
    fc.property(verifiers, verifiers, (verifier, other) => {
      const challenge = codeChallengeOf(verifier);

      assert.equal(isCodeChallenge(challenge), true);
      assert.equal(provesChallenge(verifier, challenge), true);
      assert.equal(provesChallenge(other, challenge), other === verifier);
    }),
  );
});

test('the challenge is the one of RFC 7636 appendix B', () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';

  assert.equal(codeChallengeOf(verifier), 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
});

const odd: readonly (readonly [string, string])[] = [
  ['an empty one', ''],
  ['one of 42 characters', 'v'.repeat(42)],
  ['one of 129 characters', 'v'.repeat(129)],
  ['one with a space', `${'v'.repeat(43)} `],
  ['one with a line break at its end', `${'v'.repeat(43)}\n`],
  ['one with a reserved character', `${'v'.repeat(43)}+`],
  ['one with letters beyond ASCII', 'é'.repeat(43)],
];
for (const [what, verifier] of odd) {
  test(`a verifier of a form that RFC 7636 does not allow proves nothing: ${what}`, () => {
    assert.equal(provesChallenge(verifier, codeChallengeOf(verifier)), false);
  });
}

test('a verifier does not prove itself: the method plain is not known', () => {
  const verifier = 'v'.repeat(43);

  assert.equal(provesChallenge(verifier, verifier), false);
});

const challenges: readonly (readonly [string, string, boolean])[] = [
  ['43 base64url characters', 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', true],
  ['42 characters', 'A'.repeat(42), false],
  ['44 characters', 'A'.repeat(44), false],
  ['padding', `${'A'.repeat(43)}=`, false],
  ['a line break at the end', `${'A'.repeat(43)}\n`, false],
  ['the alphabet of plain base64', `${'A'.repeat(42)}+`, false],
  ['nothing', '', false],
];
for (const [what, text, valid] of challenges) {
  test(`the form of a challenge: ${what} ${valid ? 'is' : 'is not'} one`, () => {
    assert.equal(isCodeChallenge(text), valid);
  });
}
