import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { joseAssertions } from '../../src/adapters/clients/jose-assertions.ts';
import { assertionAlgorithms, type ClientKey, publicKeys } from '../../src/domain/client-keys.ts';

async function keyPair(alg: string, members: JWK = {}) {
  const { privateKey, publicKey } = await generateKeyPair(alg);
  const [jwk] = publicKeys({ keys: [{ ...(await exportJWK(publicKey)), ...members }] }) ?? [];
  assert.ok(jwk);
  return { privateKey, jwk };
}

const claims = { iss: 'c', sub: 'c', aud: 'https://gw', exp: 2_000_000_000, jti: 'j' };

function signed(
  key: Parameters<SignJWT['sign']>[0],
  header: { readonly alg: string; readonly [name: string]: unknown },
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}

const { privateKey, jwk } = await keyPair('ES256', { kid: '1' });
const good = await signed(privateKey, { alg: 'ES256', kid: '1' });

test('what an assertion says is read without believing it', () => {
  assert.deepEqual(joseAssertions.read(good), {
    issuer: 'c',
    subject: 'c',
    audience: ['https://gw'],
    expiresAt: 2_000_000_000,
    notBefore: undefined,
    issuedAt: undefined,
    id: 'j',
  });
});

/** The same signature in other letters: the last ones of its spelling hold bits that mean nothing. */
function respelled(assertion: string): string {
  const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return assertion.slice(0, -1) + last[last.indexOf(assertion.at(-1) ?? '') ^ 1];
}

test('an assertion without a name is known by what is signed, however its signature is spelled', async () => {
  const { jti: _, ...rest } = claims;
  const nameless = new SignJWT(rest).setProtectedHeader({ alg: 'ES256' });
  const one = await nameless.sign(privateKey);
  const other = respelled(one);

  assert.equal(await joseAssertions.isSignedBy(other, [jwk]), true, 'still signed');
  assert.notEqual(other, one);
  assert.equal(joseAssertions.read(other)?.id, joseAssertions.read(one)?.id);
  assert.equal(one.startsWith(joseAssertions.read(one)?.id ?? 'none'), true);
});

const forged = (payload: unknown): string =>
  `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.x`;

test('an audience may be a list, and other members what they want', () => {
  const read = joseAssertions.read(forged({ ...claims, aud: ['a', 'b'], iat: 1, nbf: 2, x: [] }));

  assert.deepEqual(read?.audience, ['a', 'b']);
  assert.equal(read?.issuedAt, 1);
  assert.equal(read?.notBefore, 2);
});

for (const [name, text] of [
  ['nothing', ''],
  ['a word', 'word'],
  ['two parts', 'a.b'],
  ['no JSON', 'e30.e30x.x'],
  ['no claims', forged({})],
  ['no end', forged({ ...claims, exp: undefined })],
  ['an end that is text', forged({ ...claims, exp: '2000000000' })],
  ['a list', forged([])],
  ['an encrypted one', 'a.b.c.d.e'],
  ['one without an end', `${good}${'x'.repeat(8192)}`],
] as const) {
  test(`${name} is no assertion`, async () => {
    assert.equal(joseAssertions.read(text), undefined);
    assert.equal(await joseAssertions.isSignedBy(text, [jwk]), false);
  });
}

for (const alg of assertionAlgorithms) {
  test(`an assertion may be signed by ${alg}`, async () => {
    const pair = await keyPair(alg);

    const assertion = await signed(pair.privateKey, { alg });

    assert.equal(await joseAssertions.isSignedBy(assertion, [pair.jwk]), true);
  });
}

const other = await keyPair('ES256', { kid: '1' });
const unnamed = await keyPair('ES256');
const another = await keyPair('ES256');
const rsa = await keyPair('RS256', { kid: '1' });

const keySets: readonly (readonly [string, readonly ClientKey[], boolean])[] = [
  ['its key', [jwk], true],
  ['its key among others', [rsa.jwk, unnamed.jwk, jwk], true],
  ['its key and another of that name', [other.jwk, jwk], true],
  ['no key', [], false],
  ['another key of that name', [other.jwk], false],
  ['two other keys of that name', [other.jwk, { ...other.jwk }], false],
  ['its key under another name', [{ ...jwk, kid: '2' }], false],
  ['its key for encryption', [{ ...jwk, use: 'enc' }], false],
  ['its key for another algorithm', [{ ...jwk, alg: 'ES384' }], false],
  ['a key of another kind', [rsa.jwk], false],
  ['a key that is none', [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: '1' }], false],
];

for (const [name, keys, proven] of keySets) {
  test(`an assertion is ${proven ? '' : 'not '}proven by ${name}`, async () => {
    assert.equal(await joseAssertions.isSignedBy(good, keys), proven);
  });
}

test('an assertion that does not name its key is proven by the one that fits', async () => {
  const assertion = await signed(another.privateKey, { alg: 'ES256' });

  assert.equal(await joseAssertions.isSignedBy(assertion, [unnamed.jwk, another.jwk]), true);
  assert.equal(await joseAssertions.isSignedBy(assertion, [unnamed.jwk, jwk]), false);
});

test('an assertion without a signature proves nothing', async () => {
  const [, payload] = good.split('.');
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;

  assert.equal(await joseAssertions.isSignedBy(none, [jwk]), false);
});

for (const alg of ['none', 'HS256', 'HS512', 'ES256K', 'RSA1_5', 'es256', '', undefined, 1]) {
  test(`an assertion by the algorithm ${alg} is none, whatever else is right about it`, () => {
    const [, ...rest] = good.split('.');
    const head = Buffer.from(JSON.stringify({ alg, kid: '1' })).toString('base64url');

    assert.equal(joseAssertions.read([head, ...rest].join('.')), undefined);
  });
}

test('the algorithms of assertions are asymmetric ones', () => {
  assert.deepEqual(
    assertionAlgorithms.filter(
      (alg) => !/^(?:RS|PS|ES)(?:256|384|512)$|^Ed(?:DSA|25519)$/.test(alg),
    ),
    [],
  );
});

test('a public key is never taken for a shared secret', async () => {
  const [, payload] = good.split('.');
  const head = `${Buffer.from('{"alg":"HS256","kid":"1"}').toString('base64url')}.${payload}`;
  const mac = createHmac('sha256', JSON.stringify(rsa.jwk)).update(head).digest('base64url');

  const keys = [
    rsa.jwk,
    { kty: 'oct', k: Buffer.from(JSON.stringify(rsa.jwk)).toString('base64url') },
  ];

  assert.equal(await joseAssertions.isSignedBy(`${head}.${mac}`, keys), false);
});

test('a key that the assertion itself brings along proves nothing', async () => {
  const assertion = await signed(other.privateKey, { alg: 'ES256', jwk: other.jwk });

  assert.equal(await joseAssertions.isSignedBy(assertion, [jwk]), false);
});

test('an assertion with one character changed proves nothing', async () => {
  const [head = '', payload = '', signature = ''] = good.split('.');
  const changed = `${payload.slice(0, -1)}${payload.endsWith('A') ? 'B' : 'A'}`;

  assert.equal(await joseAssertions.isSignedBy([head, changed, signature].join('.'), [jwk]), false);
});
