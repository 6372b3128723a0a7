import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpStatusOf, oauthError, oauthErrorCodes } from '../../src/domain/oauth-error.ts';

test('an error holds its code and its sentence, and a time to come back only where one is given', () => {
  assert.deepEqual(oauthError('invalid_grant', 'No.'), {
    error: 'invalid_grant',
    description: 'No.',
    retryAfter: undefined,
  });
  assert.equal(oauthError('temporarily_unavailable', 'Later.', 5).retryAfter, 5);
});

for (const [code, status] of [
  ['invalid_request', 400],
  ['invalid_grant', 400],
  ['invalid_client', 401],
  ['invalid_token', 401],
  ['insufficient_scope', 403],
  ['server_error', 500],
  ['temporarily_unavailable', 503],
] as const) {
  test(`${code} is answered with ${status}`, () => {
    assert.equal(httpStatusOf(oauthError(code, '')), status);
  });
}

test('every code has a status of its class', () => {
  for (const code of oauthErrorCodes) {
    const status = httpStatusOf(oauthError(code, ''));
    assert.ok(status >= 400 && status <= 503, code);
  }
});
