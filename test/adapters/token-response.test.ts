import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../../src/adapters/upstream/http-call.ts';
import { judgeTokenResponse } from '../../src/adapters/upstream/token-response.ts';

const json = 'application/json';
const form = 'application/x-www-form-urlencoded';

function answer(text: string, contentType = json, status = 200): Answer {
  const headers = { challenge: undefined, location: undefined, retryAfter: undefined };
  return { status, contentType, ...headers, freshFor: undefined, text };
}

function jsonAnswer(members: Readonly<Record<string, unknown>>, status = 200): Answer {
  return answer(JSON.stringify(members), json, status);
}

/** What is understood of an answer: the four members, or the kind of failure and its word. */
function judged(given: Answer): unknown {
  const result = judgeTokenResponse(given, ['bearer']);
  if (result.ok) return result.value;
  const { failure } = result;
  return failure.kind === 'refused' ? [failure.kind, failure.error] : failure.kind;
}

const least = { access: 'a', refresh: undefined, expiresIn: undefined, scope: undefined };

const understood: readonly (readonly [string, Answer, Partial<typeof least> | object])[] = [
  [
    'all members',
    jsonAnswer({
      access_token: 'a',
      refresh_token: 'r',
      token_type: 'Bearer',
      expires_in: 60,
      scope: 'x y',
    }),
    { refresh: 'r', expiresIn: 60, scope: 'x y' },
  ],
  ['an access token alone', jsonAnswer({ access_token: 'a' }), {}],
  [
    'null members',
    jsonAnswer({
      access_token: 'a',
      refresh_token: null,
      token_type: null,
      scope: null,
      error: null,
      error_description: null,
    }),
    {},
  ],
  [
    'empty members',
    jsonAnswer({ access_token: 'a', refresh_token: '', token_type: '', scope: '', error: '' }),
    {},
  ],
  [
    'members of odd types',
    jsonAnswer({ access_token: 'a', refresh_token: 7, scope: ['x'], error: false, more: {} }),
    {},
  ],
  ['a lower-case token type', jsonAnswer({ access_token: 'a', token_type: 'bearer' }), {}],
  ['a form', answer('access_token=a&scope=&token_type=bearer', form), {}],
  [
    'a form with a character set',
    answer('access_token=a&refresh_token=r%2B', `${form}; charset=utf-8`),
    { refresh: 'r+' },
  ],
  [
    'a form by another spelling of its type',
    answer('access_token=a', 'Application/X-WWW-Form-Urlencoded'),
    {},
  ],
  ['JSON that says it is text', answer('{"access_token":"a"}', 'text/plain'), {}],
  ['status 201', jsonAnswer({ access_token: 'a' }, 201), {}],
  [
    'scopes apart by commas',
    jsonAnswer({ access_token: 'a', scope: 'repo,gist, user' }),
    { scope: 'repo gist user' },
  ],
  [
    'scopes with strange characters',
    jsonAnswer({ access_token: 'a', scope: 'repo "x" repo é' }),
    { scope: 'repo' },
  ],
  [
    'a life as a string',
    jsonAnswer({ access_token: 'a', expires_in: '3600' }),
    { expiresIn: 3600 },
  ],
  [
    'a life with a fraction',
    jsonAnswer({ access_token: 'a', expires_in: 3599.5 }),
    { expiresIn: 3599.5 },
  ],
  ['a life that is not a number', jsonAnswer({ access_token: 'a', expires_in: 'soon' }), {}],
  ['a life in the form of an object', jsonAnswer({ access_token: 'a', expires_in: { s: 1 } }), {}],
  ['a life that is a truth', jsonAnswer({ access_token: 'a', expires_in: true }), {}],
  ['a life that is a list', jsonAnswer({ access_token: 'a', expires_in: [3600] }), {}],
  ['a life without an end', answer('{"access_token":"a","expires_in":1e999}'), {}],
  ['a form that says it is text', answer('access_token=a&scope=x', 'text/plain'), { scope: 'x' }],
  ['a life in a form', answer('access_token=a&expires_in=28800', form), { expiresIn: 28800 }],
];
for (const [what, given, expected] of understood) {
  test(`a token response with ${what} is understood`, () => {
    assert.deepEqual(judged(given), { ...least, ...expected });
  });
}

// What such a life means is the domain's to say: that none was announced.
for (const [what, spelled] of [
  ['negative', -5],
  ['zero', 0],
  ['null', null],
] as const) {
  test(`a life that is ${what} is never taken for one that has begun`, () => {
    const result = judgeTokenResponse(jsonAnswer({ access_token: 'a', expires_in: spelled }), [
      'bearer',
    ]);

    assert.ok(result.ok && !((result.value.expiresIn ?? 0) > 0));
  });
}

const failures: readonly (readonly [string, Answer, unknown])[] = [
  [
    'an error with status 400',
    jsonAnswer({ error: 'invalid_grant' }, 400),
    ['refused', 'invalid_grant'],
  ],
  [
    'an error with status 401',
    jsonAnswer({ error: 'invalid_client' }, 401),
    ['refused', 'invalid_client'],
  ],
  [
    'an error with status 200',
    jsonAnswer({ error: 'bad_verification_code' }),
    ['refused', 'bad_verification_code'],
  ],
  [
    'an error in a form with status 200',
    answer('error=bad_refresh_token&error_description=x', form),
    ['refused', 'bad_refresh_token'],
  ],
  ['an error beside a token', jsonAnswer({ access_token: 'a', error: 'x' }), ['refused', 'x']],
  ['an error with status 500', jsonAnswer({ error: 'invalid_grant' }, 500), 'unavailable'],
  ['status 503 and a page', answer('<h1>Sorry', 'text/html', 503), 'unavailable'],
  ['status 429', jsonAnswer({}, 429), 'unavailable'],
  ['a page', answer('<!doctype html><p>access_token=a', 'text/html'), 'unusable'],
  ['a page that says it is JSON', answer('<!doctype html>', json), 'unusable'],
  ['nothing', answer(''), 'unusable'],
  ['nothing in a form', answer('', form), 'unusable'],
  ['an empty object', jsonAnswer({}), 'unusable'],
  ['null', answer('null'), 'unusable'],
  ['a list', answer('[{"access_token":"a"}]'), 'unusable'],
  ['a text', answer('"a"'), 'unusable'],
  ['half a document', answer('{"access_token":"a"'), 'unusable'],
  ['a redirect', answer('{"access_token":"a"}', json, 302), 'unusable'],
  ['status 400 and no error', jsonAnswer({ message: 'no' }, 400), 'unusable'],
  ['a null token', jsonAnswer({ access_token: null }), 'unusable'],
  ['an empty token', jsonAnswer({ access_token: '' }), 'unusable'],
  ['a number for a token', jsonAnswer({ access_token: 5 }), 'unusable'],
  [
    'a token that could not stand in a header',
    jsonAnswer({ access_token: 'a\r\nX: y' }),
    'unusable',
  ],
  [
    'a refresh token that is no token',
    jsonAnswer({ access_token: 'a', refresh_token: 'é é' }),
    'unusable',
  ],
  ['a MAC token', jsonAnswer({ access_token: 'a', token_type: 'mac' }), 'unusable'],
  ['a DPoP token', jsonAnswer({ access_token: 'a', token_type: 'DPoP' }), 'unusable'],
];
for (const [what, given, expected] of failures) {
  test(`a token response of ${what} is ${String(expected).replace(',', ': ')}`, () => {
    assert.deepEqual(judged(given), expected);
  });
}

test('a failure carries no token, and the time to come back where there is one', () => {
  const judge = (given: Answer) => judgeTokenResponse(given, ['bearer']);
  const busy = judge({ ...jsonAnswer({ access_token: 'secret' }, 503), retryAfter: 7 });
  const mac = judge(jsonAnswer({ access_token: 'secret', token_type: 'mac' }));
  const half = judge(answer('{"access_token":"secret"'));
  const warned = judge(answer('<b>Warning</b>: x.php {"access_token":"secret"}', 'text/html'));

  assert.ok(!busy.ok && busy.failure.kind === 'unavailable' && busy.failure.retryAfter === 7);
  assert.doesNotMatch(JSON.stringify([busy, mac, half, warned]), /secret/);
});

test('a page is told by its title', () => {
  const judge = (given: Answer) => judgeTokenResponse(given, ['bearer']);
  const page = judge(answer('<!doctype html><TITLE lang=en>\n Welcome </title>x', 'text/html'));

  assert.ok(!page.ok && page.failure.kind === 'unusable', JSON.stringify(page));
  assert.match(page.failure.detail ?? '', /^text\/html, \d+ characters, titled Welcome$/);
});

test('a token of another type is a bearer token where the upstream is known to call it so', () => {
  const user = jsonAnswer({ access_token: 'a', token_type: 'User' });

  assert.equal(judgeTokenResponse(user, ['bearer', 'user']).ok, true);
  assert.equal(judgeTokenResponse(user, ['bearer']).ok, false);
});

test('a granted scope without measure is not taken over', () => {
  const scope = (count: number) =>
    Array.from({ length: count }, (_, n) => `s${1000 + n}`).join(' ');
  const granted = (count: number) => {
    const result = judgeTokenResponse(jsonAnswer({ access_token: 'a', scope: scope(count) }), [
      'bearer',
    ]);
    return result.ok && result.value.scope;
  };

  assert.equal(granted(600), scope(600));
  assert.equal(granted(700), undefined);
});
