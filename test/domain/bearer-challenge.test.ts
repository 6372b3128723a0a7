import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type BearerChallenge,
  readBearerChallenge,
  spellBearerChallenge,
} from '../../src/domain/bearer-challenge.ts';

const nothing: BearerChallenge = {
  resourceMetadata: undefined,
  scope: undefined,
  error: undefined,
  errorDescription: undefined,
};

test('a challenge without anything to say is the scheme alone', () => {
  assert.equal(spellBearerChallenge(nothing), 'Bearer');
});

test('a challenge is spelled with quoted strings, the error first', () => {
  const challenge = {
    resourceMetadata: 'https://gateway.example/.well-known/oauth-protected-resource/mcp',
    scope: 'repo read:org',
    error: 'invalid_token',
    errorDescription: 'The token has expired.',
  };

  assert.equal(
    spellBearerChallenge(challenge),
    'Bearer error="invalid_token", error_description="The token has expired.", scope="repo read:org", ' +
      'resource_metadata="https://gateway.example/.well-known/oauth-protected-resource/mcp"',
  );
});

test('what would break out of the quotes or the header is left out', () => {
  const spelled = spellBearerChallenge({ ...nothing, errorDescription: 'a"b\\c\r\nX-Evil: 1é\0' });

  assert.equal(spelled, 'Bearer error_description="abcX-Evil: 1"');
});

test('what was spelled is read back', () => {
  const quotable = fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0x7e })
      .map((code) => String.fromCharCode(code))
      .filter((character) => character !== '"' && character !== '\\'),
  });
  const member = fc.option(quotable, { nil: undefined });
  fc.assert(
    fc.property(member, member, member, member, (resourceMetadata, scope, error, description) => {
      const challenge = { resourceMetadata, scope, error, errorDescription: description };

      assert.deepEqual(readBearerChallenge(spellBearerChallenge(challenge)), challenge);
      assert.deepEqual(
        readBearerChallenge(`Basic realm="x", ${spellBearerChallenge(challenge)}`),
        challenge,
      );
    }),
  );
});

const read: readonly (readonly [string, string, Partial<BearerChallenge>])[] = [
  ['a scheme alone', 'Bearer', {}],
  ['a scheme alone with a space', 'Bearer ', {}],
  ['a scheme in odd case', 'bEARER error="a"', { error: 'a' }],
  ['names in odd case', 'Bearer Resource_Metadata="https://a"', { resourceMetadata: 'https://a' }],
  ['a value without quotes', 'Bearer error=invalid_token', { error: 'invalid_token' }],
  ['a URL without quotes', 'Bearer resource_metadata=https://a/b?c=d', rm('https://a/b?c=d')],
  ['space around the equals sign', 'Bearer error = "a" , scope = b', { error: 'a', scope: 'b' }],
  ['no space after the comma', 'Bearer error="a",scope="b"', { error: 'a', scope: 'b' }],
  ['empty members of the list', 'Bearer error="a",, ,scope="b"', { error: 'a', scope: 'b' }],
  ['a comma after the scheme', 'Bearer, error="a"', { error: 'a' }],
  ['a comma at the end', 'Bearer error="a",', { error: 'a' }],
  ['an empty value', 'Bearer error="", scope="b"', { error: '', scope: 'b' }],
  ['a comma between quotes', 'Bearer error_description="a, b", error="c"', de('a, b', 'c')],
  ['a quote between quotes', 'Bearer error_description="a \\"b\\"", error="c"', de('a "b"', 'c')],
  ['a backslash between quotes', 'Bearer error_description="a\\\\", error="c"', de('a\\', 'c')],
  ['unknown parameters', 'Bearer realm="x", charset=utf-8, error="a"', { error: 'a' }],
  ['a scheme before it', 'Basic realm="x", Bearer error="a"', { error: 'a' }],
  ['a scheme after it', 'Bearer error="a", Basic realm="x", scope="y"', { error: 'a' }],
  ['a scheme after it alone', 'Bearer, Basic scope="x"', {}],
  ['schemes without parameters before it', 'Negotiate, NTLM, Bearer error="a"', { error: 'a' }],
  ['a scheme with a token68 before it', 'Negotiate YII=, Bearer error="a"', { error: 'a' }],
  ['a second one of it', 'Bearer error="a", Bearer scope="b"', { error: 'a' }],
  [
    'its name in another scheme',
    'Digest realm="a, Bearer error=b", Bearer scope=c',
    { scope: 'c' },
  ],
  ['its name behind an escaped quote', 'X a="\\", Bearer error=b", Bearer scope=c', { scope: 'c' }],
  [
    'a repeated parameter, of which the first counts',
    'Bearer error="a", error="b", scope="c"',
    er('a'),
  ],
  [
    'a parameter without a value',
    'Bearer error="a", scope=, resource_metadata="c"',
    { error: 'a' },
  ],
  ['a parameter without its comma', 'Bearer error="a" scope="b"', {}],
  ['a quote that never ends', 'Bearer error="a", scope="b', { error: 'a' }],
  ['a name from Object', 'Bearer __proto__="a", constructor="b", error="c"', { error: 'c' }],
];
function rm(resourceMetadata: string) {
  return { resourceMetadata };
}
function de(errorDescription: string, error: string) {
  return { errorDescription, error };
}
function er(error: string) {
  return { error };
}
for (const [what, header, found] of read) {
  test(`a header is read: ${what}`, () => {
    assert.deepEqual(readBearerChallenge(header), { ...nothing, ...found });
  });
}

const absent: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['another scheme', 'Basic realm="x"'],
  ['a scheme that begins like it', 'BearerX error="a"'],
  ['a scheme that ends like it', 'X-Bearer error="a"'],
  ['its name between quotes', 'Digest realm=", Bearer error=b"'],
  ['its name between quotes that never end', 'Digest realm=", Bearer error=b'],
  ['its name as a parameter', 'Digest a=b, bearer=c'],
  ['its name as a parameter with space before the equals sign', 'Digest a=b, bearer = c'],
  ['its name as a value', 'Digest a=bearer, c=d'],
  ['its name behind another word', 'Custom Bearer error="a"'],
  ['garbage', '=,"\\ ;'],
];
for (const [what, header] of absent) {
  test(`a header holds no Bearer challenge: ${what}`, () => {
    assert.equal(readBearerChallenge(header), undefined);
  });
}

test('no header takes long to read, whatever it is made of', () => {
  for (const piece of ['"\\', '\\"', '"', ', bearer', ' ', ',', 'a="b",', 'a=']) {
    // Quadratic reading of this length does not come to an end while anybody waits.
    const header = piece.repeat(1_000_000 / piece.length);

    assert.notEqual(readBearerChallenge(`Bearer ${header}`), null);
    readBearerChallenge(header);
  }
});

test('reading never throws', () => {
  const pieces = fc.constantFrom(
    ...['Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'a', 'error', 'é'],
  );
  fc.assert(
    fc.property(fc.array(pieces), (parts) => {
      readBearerChallenge(parts.join(''));
    }),
  );
});
