import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type AssertionClaims,
  assertionAlgorithms,
  assertionAudiences,
  assertionFault,
  keySource,
  publicKeys,
} from '../../src/domain/client-keys.ts';
import { epochSeconds, seconds } from '../../src/domain/lifetime.ts';

const key = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: '1' };

const sets: readonly (readonly [string, unknown, unknown])[] = [
  ['keys as they are', { keys: [key] }, [key]],
  ['no private member', { keys: [{ ...key, d: 'secret', p: 'secret', k: 'secret' }] }, [key]],
  ['nothing that is no key', { keys: [null, 'key', { crv: 'P-256' }, key] }, [key]],
  [
    'no member that is no text',
    { keys: [{ ...key, kid: 1, x5c: ['cert'] }] },
    [{ ...key, kid: undefined }],
  ],
  [
    'no member without an end',
    { keys: [{ ...key, kid: 'k'.repeat(4097) }] },
    [{ ...key, kid: undefined }],
  ],
  ['an empty set', { keys: [] }, []],
  ['no more than 64 keys', { keys: Array(100).fill(key) }, Array(64).fill(key)],
];

for (const [name, set, keys] of sets) {
  test(`of a key set are read: ${name}`, () => {
    assert.deepEqual(publicKeys(set), JSON.parse(JSON.stringify(keys)));
  });
}

for (const set of [undefined, null, 'keys', [], {}, { keys: {} }]) {
  test(`${JSON.stringify(set)} is no key set`, () => {
    assert.equal(publicKeys(set), undefined);
  });
}

test('keys are in the metadata or at a URL, and nowhere where it says both or none', () => {
  const inline = { type: 'inline', keys: [key] };

  assert.deepEqual(keySource({ keys: [key] }, undefined), inline);
  assert.deepEqual(keySource({ keys: [key] }, ''), inline);
  assert.deepEqual(keySource(null, 'https://a/jwks'), { type: 'url', url: 'https://a/jwks' });
  assert.equal(keySource({ keys: [key] }, 'https://a/jwks'), undefined);
  assert.equal(keySource(undefined, undefined), undefined);
  assert.equal(keySource(undefined, 7), undefined);
});

const now = epochSeconds(1000);
const expected = { client: 'https://c/1', audiences: assertionAudiences(['https://gw']) };
const claims: AssertionClaims = {
  issuer: 'https://c/1',
  subject: 'https://c/1',
  audience: ['https://gw'],
  expiresAt: 1060,
  notBefore: undefined,
  issuedAt: undefined,
  id: 'jti',
};

const faults: readonly (readonly [string, Partial<AssertionClaims>, RegExp | undefined])[] = [
  ['an assertion for the issuer', {}, undefined],
  ['an assertion for the token endpoint', { audience: ['https://gw/token'] }, undefined],
  ['an assertion for both', { audience: ['https://gw', 'https://gw/token'] }, undefined],
  ['an assertion that ended within the skew', { expiresAt: 941 }, undefined],
  ['an assertion that begins within the skew', { notBefore: 1060, issuedAt: 1060 }, undefined],
  ['an assertion for an hour', { expiresAt: 4660 }, undefined],
  ['another issuer', { issuer: 'https://c/2' }, /iss and sub/],
  ['another subject', { subject: 'https://c/2' }, /iss and sub/],
  ['another audience', { audience: ['https://other'] }, /aud/],
  ['an audience beside this server', { audience: ['https://gw', 'https://other'] }, /aud/],
  ['no audience', { audience: [] }, /aud/],
  ['an issuer with a slash as audience', { audience: ['https://gw/'] }, /aud/],
  ['an assertion that is over', { expiresAt: 940 }, /exp is over/],
  ['an assertion for days', { expiresAt: 4661 }, /exp is more/],
  ['an assertion for later', { notBefore: 1061 }, /nbf/],
  ['an assertion of the future', { issuedAt: 1061 }, /iat/],
];

for (const [name, changes, fault] of faults) {
  test(`${name} is ${fault ? 'refused' : 'accepted'} (RFC 7523 §3)`, () => {
    const found = assertionFault({ ...claims, ...changes }, expected, now, seconds(60));

    if (fault === undefined) assert.equal(found, undefined);
    else assert.match(found ?? '', fault);
  });
}

test('no algorithm with a shared secret, and none without a signature, is accepted', () => {
  assert.deepEqual(
    assertionAlgorithms.filter((name) => name.startsWith('HS') || name === 'none'),
    [],
  );
});
