import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientId } from '../../src/domain/client-registration.ts';
import {
  type CodeRedemption,
  type CodeVerdict,
  judgeCode,
  withUsedCode,
} from '../../src/domain/grant-code.ts';
import { openTokens, sealKeyOf, unwrapDataKey } from '../../src/domain/grant-keys.ts';
import { tokenSecret } from '../../src/domain/token-pair.ts';
import {
  accessOnly,
  allowed,
  at,
  bytes,
  codeSecret,
  exchanged,
  hour,
  issued,
  key,
  keys,
  minute,
  moved,
  tokensOfVersion,
  verifier,
} from './sample-grant.ts';

const redemption: CodeRedemption = {
  code: { grant: allowed.id, secret: codeSecret },
  clientId: allowed.clientId,
  resource: allowed.resource,
  redirectUri: allowed.redirectUri,
  verifier,
};
const guessed = { grant: allowed.id, secret: tokenSecret(bytes(32, 99)) };

test('a new grant has a code and no tokens, and what the upstream gave under seal', () => {
  const { grant } = issued();

  assert.deepEqual([grant.generation, grant.access, grant.refresh], [0, [], []]);
  assert.equal(grant.scope, 'repo');
  assert.equal(grant.upstream.version, 1);
  assert.deepEqual(
    openTokens(sealKeyOf(key), grant.upstream.sealed, grant.id, 1),
    tokensOfVersion(1),
  );
});

test('the code opens the data key of its grant', () => {
  const { grant } = issued(accessOnly);
  const wrap = grant.code?.wrap ?? assert.fail();

  const opened = unwrapDataKey(wrap, codeSecret, grant.id, 'code', keys);

  assert.deepEqual(Buffer.from(opened ?? []), Buffer.from(key));
});

const verdicts: readonly (readonly [string, Partial<CodeRedemption>, number, CodeVerdict])[] = [
  ['with everything as it was requested', {}, 0, 'redeem'],
  ['for another resource', { resource: 'https://other.example/mcp' }, 0, 'refuse'],
  ['in its last second', {}, minute - 1, 'redeem'],
  ['at its expiry', {}, minute, 'refuse'],
  ['without a redirect URI (OAuth 2.1)', { redirectUri: undefined }, 0, 'redeem'],
  ['with another redirect URI', { redirectUri: 'http://127.0.0.1:7778/callback' }, 0, 'refuse'],
  ['with an empty redirect URI', { redirectUri: '' }, 0, 'refuse'],
  ['by another client', { clientId: clientId('client-2') }, 0, 'refuse'],
  ['with another secret', { code: guessed }, 0, 'refuse'],
  ['with another verifier', { verifier: 'w'.repeat(43) }, 0, 'refuse'],
  ['with no verifier', { verifier: '' }, 0, 'refuse'],
  ['with the challenge for a verifier', { verifier: allowed.challenge }, 0, 'refuse'],
];
for (const [what, changes, later, verdict] of verdicts) {
  test(`a code presented ${what}: ${verdict}`, () => {
    assert.equal(judgeCode(issued().grant, { ...redemption, ...changes }, at(later)), verdict);
  });
}

const afterUse: readonly (readonly [string, Partial<CodeRedemption>, number, CodeVerdict])[] = [
  ['again at once', {}, 0, 'replay'],
  ['again after its expiry', {}, 2 * minute, 'replay'],
  ['again by whoever stole it, without the verifier', { verifier: '' }, 1, 'replay'],
  [
    'again by another client, who must not cost this one its grant',
    { clientId: clientId('client-2') },
    0,
    'refuse',
  ],
  ['by a guess', { code: guessed }, 0, 'refuse'],
];
for (const [what, changes, later, verdict] of afterUse) {
  test(`a used code presented ${what}: ${verdict}`, () => {
    const grant = withUsedCode(issued().grant, at(0));

    assert.equal(judgeCode(grant, { ...redemption, ...changes }, at(later)), verdict);
  });
}

test('a used code is forgotten after an hour, with the next refresh', () => {
  const held = exchanged();

  assert.equal(judgeCode(moved(held, hour - 1).grant, redemption, at(hour - 1)), 'replay');
  assert.equal(judgeCode(moved(held, hour).grant, redemption, at(hour)), 'refuse');
  assert.equal(moved(held, hour).grant.code, undefined);
});

test('a grant whose code is forgotten has none to use up', () => {
  const { grant } = moved(exchanged(), hour);

  assert.deepEqual(withUsedCode(grant, at(hour)), grant);
});

test('a code that was not used yet stays', () => {
  const grant = moved({ ...issued(), tokens: tokensOfVersion(1) }, 2 * hour).grant;

  assert.notEqual(grant.code, undefined);
});
