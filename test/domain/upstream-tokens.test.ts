import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asClientError,
  endsGrant,
  excerpt,
  reasonOf,
  refreshed,
  refusal,
  standInTokens,
  tokensOf,
  type UpstreamFailure,
  upstreamUnavailable,
} from '../../src/domain/upstream-tokens.ts';
import { at, binding, bytes, token } from './sample-grant.ts';

const old = {
  access: token('a1'),
  refresh: token('r1'),
  expiresAt: at(60),
  scope: 'repo',
  binding,
};

test('a refresh that leaves out the refresh token and the scope leaves them as they were', () => {
  const answer = {
    access: token('a2'),
    refresh: undefined,
    expiresAt: undefined,
    scope: undefined,
    binding,
  };

  assert.deepEqual(refreshed(old, answer), {
    access: 'a2',
    refresh: 'r1',
    expiresAt: undefined,
    scope: 'repo',
    binding,
  });
});

test('a refresh that brings everything replaces everything', () => {
  const answer = {
    access: token('a2'),
    refresh: token('r2'),
    expiresAt: at(99),
    scope: 'gist',
    binding: { ...binding, resource: undefined },
  };

  assert.deepEqual(refreshed(old, answer), answer);
});

test('a life is counted from when the upstream was asked', () => {
  const answer = { access: token('a1'), refresh: undefined, expiresIn: 3600, scope: undefined };

  assert.equal(tokensOf(answer, binding, at(0)).expiresAt, at(3600));
  assert.equal(tokensOf({ ...answer, expiresIn: undefined }, binding, at(0)).expiresAt, undefined);
});

const refused = (error: string, description?: string): UpstreamFailure => ({
  kind: 'refused',
  error,
  description,
});
const unavailable: UpstreamFailure = {
  kind: 'unavailable',
  reason: 'connect ECONNREFUSED',
  retryAfter: undefined,
};
const unusable: UpstreamFailure = { kind: 'unusable', reason: 'No access token.' };

const endings: readonly (readonly [string, UpstreamFailure, boolean])[] = [
  ['invalid_grant', refused('invalid_grant'), true],
  ["GitHub's bad_refresh_token", refused('bad_refresh_token'), true],
  ["Slack's invalid_refresh_token", refused('invalid_refresh_token'), true],
  ['invalid_client', refused('invalid_client'), false],
  ['invalid_request', refused('invalid_request'), false],
  ['server_error', refused('server_error'), false],
  ['silence', unavailable, false],
  ['nonsense', unusable, false],
];
for (const [what, failure, ends] of endings) {
  test(`${what} from the upstream ${ends ? 'ends' : 'does not end'} a grant`, () => {
    assert.equal(endsGrant(failure), ends);
  });
}

const told: readonly (readonly [UpstreamFailure, string, RegExp])[] = [
  [refused('access_denied', 'internal words'), 'access_denied', /denied at the upstream/],
  [
    refused('invalid_scope', 'internal words'),
    'server_error',
    /refused the request \(invalid_scope\)/,
  ],
  [unavailable, 'temporarily_unavailable', /cannot be reached/],
  [unusable, 'server_error', /No access token/],
];
for (const [failure, error, description] of told) {
  test(`a client is told ${error} where the upstream's failure is "${reasonOf(failure)}"`, () => {
    const said = asClientError(failure);

    assert.equal(said.error, error);
    assert.match(said.description, description);
    assert.doesNotMatch(said.description, /internal words|ECONNREFUSED/);
  });
}

test('a client is told when to come back: when the upstream says, else in a few seconds', () => {
  assert.equal(asClientError({ ...unavailable, retryAfter: 30 }).retryAfter, 30);
  assert.equal(asClientError(unavailable).retryAfter, 5);
  assert.equal(upstreamUnavailable(undefined).retryAfter, 5);
});

test('the log gets the whole reason', () => {
  assert.equal(reasonOf(refused('invalid_grant', 'expired')), 'invalid_grant: expired');
  assert.equal(reasonOf(refused('invalid_grant')), 'invalid_grant');
  assert.equal(reasonOf(unavailable), 'connect ECONNREFUSED');
  assert.equal(reasonOf(unusable), 'No access token.');
  assert.equal(reasonOf({ ...unusable, detail: '<html>' }), 'No access token. (<html>)');
});

const codes: readonly (readonly [string, string])[] = [
  ['invalid_scope', 'invalid_scope'],
  ['AADSTS65001', 'AADSTS65001'],
  ['<script>"\\\r\nX-Evil: 1é', 'scriptX-Evil:1'],
  ['x'.repeat(1000), 'x'.repeat(64)],
  ['', 'unknown_error'],
  ['"é"', 'unknown_error'],
];
for (const [error, code] of codes) {
  test(`an error code is passed on as a code and nothing else: ${code.slice(0, 20)}`, () => {
    const { description } = asClientError(refused(error));

    assert.ok(description.includes(` (${code}): `), description);
    assert.match(description, /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/); // RFC 6749 §5.2
  });
}

test('a client is told nothing of what a stranger calls itself but printable characters, and not for ever', () => {
  const named = { kind: 'unusable', reason: `It names "évil"\r\n${'x'.repeat(999)}` } as const;

  const { description } = asClientError(named);

  assert.match(description, /^It names vilx+$/);
  assert.equal(description.length, 500);
});

test('a refusal is kept with a code that may be passed on, and words for the log alone', () => {
  assert.deepEqual(refusal('bad\n<code>', 'first\r\nsecond'), {
    kind: 'refused',
    error: 'badcode',
    description: 'first second',
  });
  assert.deepEqual(refusal('', undefined), {
    kind: 'refused',
    error: 'unknown_error',
    description: undefined,
  });
});

test('a stranger’s text in the log is one line, and not for ever', () => {
  assert.equal(excerpt('  a\u0000b\n\n\tc  '), 'a b c');
  assert.equal(excerpt('x'.repeat(200)), 'x'.repeat(200));
  assert.equal(excerpt('x'.repeat(201)), `${'x'.repeat(199)}…`);
});

test('stand-ins for tokens are bound to nobody, and never end', () => {
  const { access, ...rest } = standInTokens(bytes(32, 7));

  assert.match(access, /^[\w-]{43}$/);
  assert.deepEqual(rest, {
    refresh: undefined,
    expiresAt: undefined,
    scope: undefined,
    binding: undefined,
  });
});

test('no sentence carries on a key that stands in the query of an address', () => {
  const reason =
    'https://a.example/mcp?key=s3cret&x=1 names HTTP://b.example/?k=s3cret, "https://c.example?s3cret".';
  const expected = 'https://a.example/mcp?… names HTTP://b.example/?… "https://c.example?…".';

  assert.equal(reasonOf({ kind: 'unusable', reason }), expected);
  assert.equal(reasonOf({ kind: 'unavailable', reason, retryAfter: undefined }), expected);
  assert.equal(reasonOf(refused('invalid_request', reason)), `invalid_request: ${expected}`);
  assert.doesNotMatch(asClientError({ kind: 'unusable', reason }).description, /s3cret/);
});
