import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientCredentials } from '../../src/adapters/http/client-credentials.ts';
import { parameters } from '../../src/adapters/http/parameters.ts';

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

const purpose = { action: 'exchange', token: 'd' } as const;

/** The credentials in the order they are tried, or the error. */
function read(authorization: string | readonly string[] | undefined, form: string): unknown {
  const all = authorization === undefined ? [] : [authorization].flat();
  const credentials = clientCredentials(all, parameters(form), ['https://gw'], purpose);
  if (!credentials.ok) return credentials.failure.error;
  const presented = credentials.value;
  return 'assertion' in presented ? presented : presented.map(({ id, secret }) => [id, secret]);
}

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const audiences = ['https://gw', 'https://gw/token'];

type Authorization = string | readonly string[] | undefined;
const proofs: readonly (readonly [string, Authorization, string, unknown])[] = [
  ['an id alone', undefined, 'client_id=c', [['c', undefined]]],
  ['id and secret in the form', undefined, 'client_id=c&client_secret=s%2B', [['c', 's+']]],
  ['an empty secret in the form', undefined, 'client_id=c&client_secret=', [['c', undefined]]],
  ['nothing', undefined, '', 'invalid_client'],
  ['two headers', [basic('c:s'), basic('other:wrong')], '', 'invalid_request'],
  ['the same header twice', [basic('c:s'), basic('c:s')], '', 'invalid_request'],
  ['a secret without an id', undefined, 'client_secret=s', 'invalid_client'],
  [
    'a header',
    basic('c:s'),
    '',
    [
      ['c', 's'],
      ['c', 's'],
    ],
  ],
  [
    'a header and the same id',
    basic('c:s'),
    'client_id=c',
    [
      ['c', 's'],
      ['c', 's'],
    ],
  ],
  [
    'a header in another case',
    basic('c:s').replace('Basic', 'bAsIc'),
    '',
    [
      ['c', 's'],
      ['c', 's'],
    ],
  ],
  [
    'a header with an encoded part',
    basic('c%3A:s%2B+'),
    '',
    [
      ['c%3A', 's%2B+'],
      ['c:', 's+ '],
    ],
  ],
  ['a header, and its id decoded in the form', basic('a%20b:s'), 'client_id=a+b', [['a b', 's']]],
  [
    'a header with a URL as id, and no secret',
    basic('https://c.example/1:'),
    'client_id=https://c.example/1',
    [['https://c.example/1', '']],
  ],
  [
    'a header with a URL as id, encoded',
    basic('https%3A%2F%2Fc.example%2F1:s'),
    'client_id=https://c.example/1',
    [['https://c.example/1', 's']],
  ],
  [
    'an assertion',
    undefined,
    `client_assertion=a.b.c&client_assertion_type=${jwtBearer}&code=d`,
    { assertion: 'a.b.c', id: undefined, audiences, purpose },
  ],
  [
    'an assertion, an id and a refresh token',
    undefined,
    `client_assertion=a.b.c&client_assertion_type=${jwtBearer}&client_id=c&refresh_token=r`,
    { assertion: 'a.b.c', id: 'c', audiences, purpose },
  ],
  ['an assertion of no type', undefined, 'client_assertion=a.b.c', 'invalid_client'],
  [
    'an assertion of another type',
    undefined,
    'client_assertion=a.b.c&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
    'invalid_client',
  ],
  [
    'an assertion and a secret',
    undefined,
    `client_assertion=a.b.c&client_assertion_type=${jwtBearer}&client_id=c&client_secret=s`,
    'invalid_request',
  ],
  [
    'an assertion and a header',
    basic('c:s'),
    `client_assertion=a.b.c&client_assertion_type=${jwtBearer}`,
    'invalid_request',
  ],
  [
    'a header with more colons',
    basic('c:s:t'),
    '',
    [
      ['c', 's:t'],
      ['c', 's:t'],
    ],
  ],
  [
    'a header with an ampersand',
    basic('c:s&x=y'),
    '',
    [
      ['c', 's&x=y'],
      ['c', 's&x=y'],
    ],
  ],
  [
    'a header that is encoded badly',
    basic('c:%zz%'),
    '',
    [
      ['c', '%zz%'],
      ['c', '%zz%'],
    ],
  ],
  [
    'a header with an empty secret',
    basic('c:'),
    '',
    [
      ['c', ''],
      ['c', ''],
    ],
  ],
  ['a header without an id', basic(':s'), '', 'invalid_client'],
  ['a header without a colon', basic('cs'), '', 'invalid_client'],
  ['a header that is not base64', 'Basic c:s', '', 'invalid_client'],
  ['a header of another scheme', 'Bearer eDp5', '', 'invalid_client'],
  ['an empty header', '', '', 'invalid_client'],
  ['a header and another id', basic('c:s'), 'client_id=d', 'invalid_client'],
  [
    'a header and a secret in the form',
    basic('c:s'),
    'client_id=c&client_secret=s',
    'invalid_request',
  ],
];
for (const [what, authorization, form, expected] of proofs) {
  test(`credentials: ${what}`, () => {
    assert.deepEqual(read(authorization, form), expected);
  });
}

const forms: readonly (readonly [string, string, string | undefined, readonly string[]])[] = [
  ['a plain value', 'a=1&b=2', '1', []],
  ['an encoded value', 'a=%C3%A4+%2B%26', 'ä +&', []],
  ['an encoded name', '%61=1', '1', []],
  ['an empty value, which counts as absent', 'a=', undefined, []],
  ['a name alone', 'a', undefined, []],
  ['none', '', undefined, []],
  ['a repeated value, of which the first is kept', 'a=1&a=2', '1', ['a']],
  ['the same value twice', 'a=1&a=1', '1', ['a']],
  ['an empty value and another', 'a=&a=2', undefined, ['a']],
  ['two repeated names', 'b=1&b=2&a=1&a=2&b=3', '1', ['b', 'a']],
  ['a name of the language', '__proto__=x&a=1', '1', []],
  ['bytes that are no text', 'a=%ff%00', '\ufffd\u0000', []],
];
for (const [what, encoded, value, repeated] of forms) {
  test(`parameters: ${what}`, () => {
    const read = parameters(encoded);

    assert.equal(read.get('a'), value);
    assert.deepEqual(read.repeated, repeated);
    assert.equal(read.has('a'), encoded.includes('a') || encoded.includes('%61'));
    assert.equal(read.has('toString'), false);
    assert.equal(read.get('toString'), undefined);
  });
}
