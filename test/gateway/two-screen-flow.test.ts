import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { HttpFault } from '../../src/adapters/testing/http-faults.ts';
import { Browser } from '../support/real/browser-driver.ts';
import { type Stage, startStage } from './fake-stage.ts';
import { credentials } from './gateway-setup.ts';
import {
  answerScreenOne,
  authorizationUrl,
  authorize,
  exchangeForm,
  logIn,
  postToken,
  type Registered,
  redirectUri,
  register,
  send,
  tokensOf,
} from './raw-client.ts';

const html = { accept: 'text/html' };

/** The value that a page's form sends under this name. */
function hidden(page: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? '';
}

test('each step sends the browser on, with its cookie, and leaves no trace of where it was', async (t) => {
  const { as, base } = await startStage(t);
  const client = await register(base, { client_name: 'An editor' });
  const state = 'client state';

  const begun = await send(authorizationUrl(base, client, { state }));
  assert.equal(begun.status, 303);
  assert.match(begun.headers.location ?? '', /^http:\/\/localhost:\d+\/login\?flow=[\w-]{22}$/);
  assert.equal(begun.headers['referrer-policy'], 'no-referrer');
  assert.equal(begun.headers['cache-control'], 'no-store');
  assert.deepEqual(begun.setCookies, []);

  const login = await send(begun.headers.location ?? '', { headers: html });
  const flow = hidden(login.text, 'flow');
  const [given = '', ...others] = login.setCookies;
  assert.equal(login.status, 200);
  assert.match(given, new RegExp(`^mcp-flow-${flow}=[\\w-]{43}\\.\\d+; Max-Age=900; Path=/; `));
  assert.match(given, /; HttpOnly; SameSite=Lax$/);
  assert.deepEqual(others, []);
  assert.equal(login.headers['x-frame-options'], 'DENY');
  assert.match(login.headers['content-security-policy'] ?? '', /frame-ancestors 'none'/);
  assert.doesNotMatch(login.headers['content-security-policy'] ?? '', /form-action/);

  const cookie = given.split(';')[0] ?? '';
  const signedIn = await send(`${base}/login/callback`, {
    method: 'POST',
    headers: { cookie },
    body: { flow, csrf: hidden(login.text, 'csrf'), decision: 'allow', ...credentials },
  });
  const upstream = new URL(signedIn.headers.location ?? '');
  assert.equal(signedIn.status, 303);
  assert.equal(upstream.origin + upstream.pathname, as.authorizationEndpoint);
  assert.equal(upstream.searchParams.get('redirect_uri'), `${base}/upstream/callback`);
  assert.equal(upstream.searchParams.get('code_challenge_method'), 'S256');
  assert.match(upstream.searchParams.get('code_challenge') ?? '', /^[\w-]{43}$/);
  assert.notEqual(upstream.searchParams.get('state'), state);
  assert.deepEqual(as.tokenRequests, {});

  const back = await send(as.approve(upstream.href), { headers: { cookie } });
  const returned = new URL(back.headers.location ?? '');
  assert.equal(back.status, 303);
  assert.equal(returned.origin + returned.pathname, redirectUri);
  assert.deepEqual([...returned.searchParams.keys()], ['code', 'state', 'iss']);
  assert.equal(returned.searchParams.get('state'), state);
  assert.equal(returned.searchParams.get('iss'), base);
  assert.equal(back.headers['referrer-policy'], 'no-referrer');
  assert.match(back.setCookies[0] ?? '', new RegExp(`^mcp-flow-${flow}=; Max-Age=0; `));
  assert.deepEqual(as.tokenRequests, { authorization_code: 1 });
  const code = returned.searchParams.get('code') ?? '';
  tokensOf(await postToken(base, exchangeForm(code, client)));
});

test('screen 1 names the client, the host it returns to and what it asks for, and fills nothing in', async (t) => {
  const { base, mcp } = await startStage(t);
  const uri = 'https://editor.example/back';
  const client = await register(base, { client_name: 'An <b>editor</b>', redirect_uris: [uri] });
  const url = authorizationUrl(base, client, { redirect_uri: uri, scope: 'read write' });

  const page = await new Browser(uri).visit(url);

  for (const part of ['An &lt;b&gt;editor&lt;/b&gt;', 'editor.example', 'read', 'write']) {
    assert.ok(page.body.includes(part), part);
  }
  assert.ok(page.body.includes(new URL(mcp.url).host));
  const [form, ...others] = page.forms;
  assert.deepEqual(others, []);
  const typed = form?.fields.filter((field) => field.type !== 'hidden');
  assert.deepEqual(
    typed?.map(({ name, value }) => [name, value]),
    [
      ['username', ''],
      ['password', ''],
    ],
  );
  assert.deepEqual(
    form?.buttons.map((button) => button.value),
    ['allow', 'deny'],
  );
});

test('the scope that the operator set is the one that is shown and asked for', async (t) => {
  const { base } = await startStage(t, { upstreamScope: 'write' }, { autoApprove: false });
  const client = await register(base);
  const browser = new Browser(redirectUri);

  const page = await browser.visit(authorizationUrl(base, client, { scope: 'read' }));
  const upstream = await answerScreenOne(browser, page);

  assert.match(page.body, /<bdi>write<\/bdi>/);
  assert.doesNotMatch(page.body, /<bdi>read<\/bdi>/);
  assert.equal(new URL(upstream.url).searchParams.get('scope'), 'write');
});

const wrong: readonly (readonly [string, string, string])[] = [
  ['password', credentials.username, 'wrong'],
  ['user name', 'somebody', credentials.password],
];
for (const [what, username, password] of wrong) {
  test(`a wrong ${what} is the same page again with a message, 401, and the right one goes on`, async (t) => {
    const { base, as } = await startStage(t);
    const client = await register(base);
    const browser = new Browser(redirectUri);
    const first = await browser.visit(authorizationUrl(base, client));

    const again = await answerScreenOne(browser, first, 'allow', { username, password });

    assert.equal(again.status, 401);
    assert.match(again.body, /role="alert">That user name and password do not go together/);
    assert.deepEqual(again.forms, first.forms);
    assert.ok(!again.body.includes('value="somebody"') && !again.body.includes('value="wrong"'));
    assert.deepEqual(as.tokenRequests, {});
    assert.ok((await answerScreenOne(browser, again)).callback?.has('code'));
  });
}

test('Cancel tells the client access_denied, with no password typed, and the upstream hears nothing', async (t) => {
  const { base, as, events } = await startStage(t);
  const client = await register(base);
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(base, client, { state: 's' }));

  const { callback } = await answerScreenOne(browser, page, 'deny', {});

  assert.deepEqual(Object.fromEntries(callback ?? []), {
    error: 'access_denied',
    error_description: 'The user did not allow the access.',
    state: 's',
    iss: base,
  });
  assert.ok(browser.visited.every((url) => !url.startsWith(as.issuer)));
  assert.equal(as.registrations, 0);
  assert.equal(browser.cookies.at(base).size, 0);
  assert.deepEqual(
    events.of('authorization_denied').map(({ by }) => by),
    ['user'],
  );
});

const states: readonly (readonly [string, string])[] = [
  ['plain text', 'abc'],
  ['plus, space and percent', 'a+b c%20d%2B'],
  ['ampersands and equal signs', 'a=b&iss=https://evil.example&error=x#y'],
  ['characters beyond ASCII', 'zustand-äöü-状態-🦊-\u202E'],
  ['a NUL and line breaks', 'a\u0000b\r\nSet-Cookie: x=y\tc'],
  ['quotes and markup', `"'><script>\\`],
  ['two kilobytes', 'x+/= &%'.repeat(293)],
  ['a JSON document', JSON.stringify({ nested: ['state', { a: null }] })],
  ['the name of another flow', `${'A'.repeat(22)}.${'B'.repeat(43)}`],
];
for (const [what, state] of states) {
  test(`a state of ${what} comes back as it was sent, with a code and with an error`, async (t) => {
    const { base } = await startStage(t);
    const client = await register(base);
    const browser = new Browser(redirectUri);

    const granted = await authorize(base, client, { state });
    const page = await browser.visit(authorizationUrl(base, client, { state }));
    const denied = await answerScreenOne(browser, page, 'deny', {});
    const refused = await send(
      authorizationUrl(base, client, { state, code_challenge: undefined }),
    );

    assert.ok(granted.has('code'));
    assert.equal(granted.get('state'), state);
    assert.equal(denied.callback?.get('state'), state);
    const told = new URL(refused.headers.location ?? '').searchParams;
    assert.equal(told.get('state'), state);
    for (const sent of [granted, denied.callback, told]) {
      assert.deepEqual(sent?.getAll('iss'), [base]);
      assert.equal(sent?.getAll('state').length, 1);
    }
  });
}

test('a client that sends no state gets none back', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base);

  const granted = await authorize(base, client);
  const refused = await send(authorizationUrl(base, client, { response_type: 'token' }));

  assert.deepEqual([...granted.keys()], ['code', 'iss']);
  const told = new URL(refused.headers.location ?? '').searchParams;
  assert.deepEqual([...told.keys()], ['error', 'error_description', 'iss']);
});

test('a redirect URI with a query of its own keeps it, byte for byte', async (t) => {
  const { base } = await startStage(t);
  const uri = 'https://editor.example/back?tenant=a%2fb&x=1+2';
  const client = await register(base, { redirect_uris: [uri] });

  const url = authorizationUrl(base, client, { redirect_uri: uri, response_type: 'token' });
  const refused = await send(url);

  assert.ok(refused.headers.location?.startsWith(`${uri}&error=`), refused.headers.location);
});

/** Through screen 1 to screen 2, which stays open; the callback URL that the upstream would send the browser to, without its outcome. */
async function atScreenTwo(
  { base, as }: Stage,
  client: Registered,
  state = 's',
): Promise<{ readonly browser: Browser; readonly callback: URL }> {
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(base, client, { state }));
  const upstream = new URL((await answerScreenOne(browser, page)).url);
  const callback = new URL(upstream.searchParams.get('redirect_uri') ?? '');
  callback.searchParams.set('state', upstream.searchParams.get('state') ?? '');
  callback.searchParams.set('iss', as.issuer);
  return { browser, callback };
}

const upstreamErrors: readonly (readonly [string, string])[] = [
  ['access_denied', 'access_denied'],
  ['server_error', 'server_error'],
  ['temporarily_unavailable', 'server_error'],
  ['invalid_scope', 'server_error'],
  ['redirect_uri_mismatch', 'server_error'],
  [`wéird "code"\\ ${'x'.repeat(3000)}`, 'server_error'],
];
for (const [error, told] of upstreamErrors) {
  test(`the upstream's error ${error.slice(0, 30)} goes back to the client as ${told}`, async (t) => {
    const stage = await startStage(t, {}, { autoApprove: false });
    const client = await register(stage.base);
    const { browser, callback } = await atScreenTwo(stage, client, 'the state');
    callback.searchParams.set('error', error);
    callback.searchParams.set('error_description', 'secret <words> of the upstream');

    const page = await browser.visit(callback);

    assert.equal(page.callback?.get('error'), told);
    assert.equal(page.callback?.get('state'), 'the state');
    assert.equal(page.callback?.get('iss'), stage.base);
    assert.equal(page.callback?.has('code'), false);
    // RFC 6749 Appendix A.8.
    const description = page.callback?.get('error_description') ?? '';
    assert.match(description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]{10,300}$/);
    assert.doesNotMatch(description, /secret/);
    assert.deepEqual(stage.as.tokenRequests, {});
  });
}

test('Deny on the upstream’s own screen is access_denied for the client', async (t) => {
  const stage = await startStage(t, {}, { autoApprove: false });
  const client = await register(stage.base);
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(stage.base, client, { state: 's' }));
  const upstream = await answerScreenOne(browser, page);
  const [form] = upstream.forms;
  assert.ok(form);

  const end = await browser.submit(form, {}, 'Deny');

  assert.equal(end.callback?.get('error'), 'access_denied');
  assert.deepEqual(
    stage.events.of('authorization_denied').map(({ by }) => by),
    ['upstream'],
  );
});

const badReturns: readonly (readonly [string, Readonly<Record<string, string | undefined>>])[] = [
  ['with neither code nor error', {}],
  ['with a code the upstream does not know', { code: 'made-up' }],
  ['of another issuer', { code: 'made-up', iss: 'https://elsewhere.example' }],
  ['without the issuer that was promised', { code: 'made-up', iss: undefined }],
];
for (const [what, members] of badReturns) {
  test(`a return from the upstream ${what} is an error for the client, and no code`, async (t) => {
    const stage = await startStage(t, {}, { autoApprove: false });
    const { browser, callback } = await atScreenTwo(stage, await register(stage.base));
    for (const [name, value] of Object.entries(members)) {
      if (value === undefined) callback.searchParams.delete(name);
      else callback.searchParams.set(name, value);
    }

    const page = await browser.visit(callback);

    assert.equal(page.callback?.get('error'), 'server_error');
    assert.equal(page.callback?.get('state'), 's');
    assert.equal(page.callback?.has('code'), false);
    assert.doesNotMatch(page.callback?.get('error_description') ?? '', /elsewhere/);
  });
}

const faults: readonly (readonly [string, HttpFault, string])[] = [
  ['cuts the connection', { type: 'cut' }, 'temporarily_unavailable'],
  ['breaks off in the middle', { type: 'broken' }, 'temporarily_unavailable'],
  ['is overloaded', { type: 'status', status: 503 }, 'temporarily_unavailable'],
  ['answers with a page', { type: 'html' }, 'server_error'],
  ['answers without an end', { type: 'huge', bytes: 64 * 1024 * 1024 }, 'server_error'],
  ['answers 404', { type: 'status', status: 404 }, 'server_error'],
];
for (const [what, fault, told] of faults) {
  test(`a token endpoint that ${what} is ${told} for the client, and the next flow works`, async (t) => {
    const { base, as } = await startStage(t);
    const client = await register(base);
    as.misbehave(fault, '/token');

    const failed = await authorize(base, client, { state: 's' });
    as.behave();
    const granted = await authorize(base, client, { state: 's' });

    assert.equal(failed.get('error'), told);
    assert.equal(failed.get('state'), 's');
    assert.equal(failed.get('iss'), base);
    assert.ok(granted.has('code'));
  });
}

test('an upstream that cannot be found when the user has signed in is an error for the client', async (t) => {
  const { base, as, mcp } = await startStage(t);
  const client = await register(base);
  await Promise.all([as.goDown(), mcp.goDown()]);

  const failed = await authorize(base, client, { state: 's' });
  await Promise.all([as.comeUp(), mcp.comeUp()]);
  const granted = await authorize(base, client, { state: 's' });

  assert.equal(failed.get('error'), 'temporarily_unavailable');
  assert.equal(failed.get('state'), 's');
  assert.equal(failed.get('iss'), base);
  assert.ok(granted.has('code'));
});

const twoUris = [redirectUri, 'https://editor.example/back'];
const unproven: readonly (readonly [string, string, (client: Registered) => string])[] = [
  ['an unknown client', 'unknown_client', (_) => 'client_id=nobody'],
  ['no client', 'unknown_client', (_) => ''],
  [
    'an address that is not registered',
    'redirect_uri_refused',
    (client) => query(client, 'https://evil.example/'),
  ],
  [
    'a registered address with more behind it',
    'redirect_uri_refused',
    (client) => query(client, `${redirectUri}/more`),
  ],
  [
    'another loopback name',
    'redirect_uri_refused',
    (client) => query(client, 'http://localhost:33418/callback'),
  ],
  ['a script', 'redirect_uri_refused', (client) => query(client, 'javascript:alert(1)')],
  ['an address on this gateway', 'redirect_uri_refused', (client) => query(client, '/login')],
  [
    'two addresses, the first good',
    'redirect_uri_refused',
    (client) => `${query(client, redirectUri)}&redirect_uri=https%3A%2F%2Fevil.example`,
  ],
  [
    'two clients',
    'redirect_uri_refused',
    (client) => `${query(client, redirectUri)}&client_id=other`,
  ],
  [
    'no address where there are two',
    'redirect_uri_refused',
    (client) => `client_id=${client.client_id}`,
  ],
];

function query(client: Registered, uri: string): string {
  return new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: uri,
    response_type: 'code',
    state: 's',
  }).toString();
}

for (const [what, code, queryOf] of unproven) {
  test(`an authorization request with ${what} is told to the user, and redirected nowhere`, async (t) => {
    const { base } = await startStage(t);
    const client = await register(base, { redirect_uris: twoUris });
    const url = `${base}/authorize?${queryOf(client)}`;

    const page = await send(url, { headers: html });
    const program = await send(url);

    for (const answer of [page, program]) {
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.location, undefined);
    }
    assert.match(page.headers['content-type'] ?? '', /^text\/html/);
    assert.match(page.text, /What to do now/);
    assert.equal(program.json().error, code);
    assert.doesNotMatch(page.text + program.text, /evil|alert\(1\)/);
  });
}

const malformed: readonly (readonly [
  string,
  string,
  Readonly<Record<string, string | undefined>>,
])[] = [
  [
    'without PKCE',
    'invalid_request',
    { code_challenge: undefined, code_challenge_method: undefined },
  ],
  ['with PKCE plain', 'invalid_request', { code_challenge_method: 'plain' }],
  ['with a challenge and no method', 'invalid_request', { code_challenge_method: undefined }],
  ['with a challenge that is too short', 'invalid_request', { code_challenge: 'abc' }],
  ['without a response type', 'invalid_request', { response_type: undefined }],
  ['for a token', 'unsupported_response_type', { response_type: 'token' }],
  ['for another resource', 'invalid_target', { resource: 'https://elsewhere.example/mcp' }],
];
for (const [what, error, changes] of malformed) {
  test(`an authorization request ${what} is ${error} for the client`, async (t) => {
    const { base } = await startStage(t);
    const client = await register(base);

    const answer = await send(authorizationUrl(base, client, { ...changes, state: 's' }));

    assert.equal(answer.status, 303);
    const told = new URL(answer.headers.location ?? '');
    assert.equal(told.origin + told.pathname, redirectUri);
    assert.equal(told.searchParams.get('error'), error);
    assert.equal(told.searchParams.get('state'), 's');
    assert.equal(told.searchParams.get('iss'), base);
  });
}

test('a repeated parameter is an error for the client', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base);

  for (const name of ['scope', 'code_challenge', 'state', 'an_extension']) {
    const url = `${authorizationUrl(base, client, { [name]: 'one' })}&${name}=two`;
    const told = new URL((await send(url)).headers.location ?? '').searchParams;

    assert.equal(told.get('error'), 'invalid_request', name);
    assert.match(told.get('error_description') ?? '', new RegExp(name));
  }
});

test('a repeated redirect URI is told to the user, whatever else was repeated before it', async (t) => {
  const { base } = await startStage(t);
  const other = 'http://127.0.0.1:33418/other';
  const client = await register(base, { redirect_uris: [redirectUri, other] });

  const url = authorizationUrl(base, client).replace('?', '?x=1&x=2&');
  const answer = await send(`${url}&redirect_uri=${encodeURIComponent(other)}`);

  assert.equal(answer.status, 400);
  assert.equal(answer.headers.location, undefined);
});

test('an authorization request may come as a form, too', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base);
  const [path = '', form = ''] = authorizationUrl(base, client).split('?');

  const answer = await send(path, {
    method: 'POST',
    body: Object.fromEntries(new URLSearchParams(form)),
  });

  assert.equal(answer.status, 303);
  assert.match(answer.headers.location ?? '', /\/login\?flow=/);
});

test('a callback that comes a second time says that all is completed, and costs no token', async (t) => {
  const { base, as } = await startStage(t);
  const client = await register(base);
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(base, client));
  const end = await answerScreenOne(browser, page);
  const callback = browser.visited.find((url) => url.includes('/upstream/callback')) ?? '';

  const again = await browser.visit(callback);
  const form = await answerScreenOne(browser, page);

  for (const late of [again, form]) {
    assert.equal(late.callback, undefined);
    assert.notEqual(late.status, 200);
  }
  assert.equal(again.status, 409);
  assert.match(again.body, /This sign-in is already completed/);
  assert.deepEqual(as.tokenRequests, { authorization_code: 1 });
  const code = end.callback?.get('code') ?? '';
  tokensOf(await postToken(base, exchangeForm(code, client)));
});

test('two callbacks at once: one has the code, and the upstream is asked once', async (t) => {
  const stage = await startStage(t, {}, { autoApprove: false });
  const client = await register(stage.base);
  const { browser } = await atScreenTwo(stage, client);
  const upstream = browser.visited.at(-1) ?? '';
  const callback = stage.as.approve(upstream);

  const pages = await Promise.all([browser.visit(callback), browser.visit(callback)]);

  assert.equal(pages.filter((page) => page.callback?.has('code')).length, 1);
  assert.deepEqual(pages.map((page) => page.status).sort(), [303, 409]);
  assert.deepEqual(stage.as.tokenRequests, { authorization_code: 1 });
});

test('another browser is refused at every step, and the first one goes on undisturbed', async (t) => {
  const stage = await startStage(t, {}, { autoApprove: false });
  const { base, as } = stage;
  const client = await register(base);
  const owner = new Browser(redirectUri);
  const page = await owner.visit(authorizationUrl(base, client));
  const thief = new Browser(redirectUri);
  const [form] = page.forms;
  assert.ok(form);
  const stolen = Object.fromEntries(form.fields.map(({ name, value }) => [name, value]));
  const body = { ...stolen, ...credentials, decision: 'allow' };
  const own = await thief.visit(authorizationUrl(base, client));
  const thiefCookie = [...thief.cookies.at(base)].map(([name, value]) => `${name}=${value}`);

  const opened = await thief.visit(page.url);
  const posted = await send(form.action, { method: 'POST', body, headers: html });
  const withOther = await send(form.action, {
    method: 'POST',
    body,
    headers: { ...html, cookie: thiefCookie.join('; ') },
  });
  const upstream = await answerScreenOne(owner, page);
  const callback = as.approve(upstream.url);
  const returned = await thief.visit(callback);

  for (const refused of [opened, posted, withOther, returned]) {
    assert.equal(refused.status, 403);
  }
  assert.match(opened.body, /belongs to another browser/);
  assert.match(returned.body, /belongs to another browser/);
  assert.equal(own.status, 200);
  assert.ok((await owner.visit(callback)).callback?.has('code'));
});

test('a form without the secret of its page is refused', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base);
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(base, client));

  const forged = await answerScreenOne(browser, page, 'allow', { ...credentials, csrf: 'x' });
  const denied = await answerScreenOne(browser, page, 'deny', { csrf: 'x' });

  assert.deepEqual([forged.status, denied.status], [403, 403]);
  assert.match(forged.body, /This form was not ours/);
  assert.ok((await answerScreenOne(browser, page)).callback?.has('code'));
});

test('a state from the upstream that was tampered with is refused', async (t) => {
  const stage = await startStage(t, {}, { autoApprove: false });
  const { browser, callback } = await atScreenTwo(stage, await register(stage.base));
  const good = callback.searchParams.get('state') ?? '';

  for (const [state, status] of [
    [`${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`, 403],
    [good.split('.')[0] ?? '', 403],
    ['made-up', 404],
    ['', 404],
  ] as const) {
    callback.searchParams.set('state', state);
    callback.searchParams.set('code', 'x');
    const page = await browser.visit(callback);

    assert.equal(page.status, status, state);
    assert.equal(page.callback, undefined);
  }
  assert.deepEqual(stage.as.tokenRequests, {});
});

test('two flows in two tabs of one browser, with one client state, end each in its own code', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base);
  const browser = new Browser(redirectUri);
  const url = authorizationUrl(base, client, { state: 'same' });

  const first = await browser.visit(url);
  const second = await browser.visit(url);
  const endOfSecond = await answerScreenOne(browser, second);
  const endOfFirst = await answerScreenOne(browser, first);

  const codes = [endOfFirst, endOfSecond].map((end) => end.callback?.get('code') ?? '');
  assert.notEqual(codes[0], codes[1]);
  for (const code of codes) tokensOf(await postToken(base, exchangeForm(code, client)));
});

test('a reload of screen 1, and the way back from screen 2, show the form again', async (t) => {
  const stage = await startStage(t, {}, { autoApprove: false });
  const client = await register(stage.base);
  const browser = new Browser(redirectUri);
  const first = await browser.visit(authorizationUrl(stage.base, client));

  const reloaded = await browser.visit(first.url);
  await answerScreenOne(browser, reloaded);
  const wentBack = await browser.visit(first.url);
  const upstream = await answerScreenOne(browser, wentBack);

  assert.deepEqual([reloaded.status, wentBack.status], [200, 200]);
  const end = await browser.visit(stage.as.approve(upstream.url));
  assert.ok(end.callback?.has('code'));
});

test('a browser keeps the cookies of its twenty newest flows', async (t) => {
  const { base, clock } = await startStage(t);
  const client = await register(base);
  const browser = new Browser(redirectUri);
  const pages = [];

  for (let flow = 0; flow < 22; flow += 1) {
    clock.advance(1);
    pages.push(await browser.visit(authorizationUrl(base, client)));
  }

  const [oldest, second, third] = pages;
  assert.ok(oldest && second && third);
  assert.equal(browser.cookies.at(base).size, 20);
  assert.equal((await answerScreenOne(browser, oldest)).status, 403);
  assert.equal((await answerScreenOne(browser, second)).status, 403);
  assert.ok((await answerScreenOne(browser, third)).callback?.has('code'));
});

test('a flow that took too long is a page that says to start again', async (t) => {
  const stage = await startStage(t, { flowTtl: 300 }, { autoApprove: false });
  const client = await register(stage.base);
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(stage.base, client));
  const { browser: other, callback } = await atScreenTwo(stage, client);

  stage.clock.advance(300);
  const late = [
    await answerScreenOne(browser, page),
    await browser.visit(page.url),
    await other.visit(callback),
  ];

  for (const each of late) {
    assert.equal(each.status, 410);
    assert.match(each.body, /took too long/);
    assert.match(each.body, /start the connection again/);
  }
});

test('a code lives for its minute, for its client, and is exchanged once', async (t) => {
  const { base, clock } = await startStage(t);
  const client = await register(base);
  const other = await register(base);
  const codeOf = async () => (await authorize(base, client)).get('code') ?? '';
  const good = await codeOf();

  const stranger = await postToken(base, exchangeForm(good, other));
  const guessed = await postToken(base, {
    ...exchangeForm(good, client),
    code_verifier: 'another-verifier-of-at-least-43-characters-here',
  });
  const misled = await postToken(base, {
    ...exchangeForm(good, client),
    redirect_uri: 'http://127.0.0.1:1/callback',
  });
  clock.advance(50);
  const inTime = await postToken(base, exchangeForm(good, client));
  const tooLate = await codeOf();
  clock.advance(60);
  const expired = await postToken(base, exchangeForm(tooLate, client));

  for (const refused of [stranger, guessed, misled, expired]) {
    assert.equal(refused.status, 400);
    assert.equal(refused.json().error, 'invalid_grant');
  }
  const tokens = tokensOf(inTime);
  const again = await postToken(base, exchangeForm(good, client));
  assert.equal(again.json().error, 'invalid_grant');
  // RFC 6749 §4.1.2: what the code gave is revoked.
  const bearer = { authorization: `Bearer ${tokens.access_token}` };
  assert.equal((await send(`${base}/mcp`, { method: 'POST', headers: bearer })).status, 401);
});

test('with an https public URL everything is announced under it, and the cookie is bound to its host', async (t) => {
  const { base, local } = await startStage(
    t,
    { publicUrl: 'https://gateway.example', password: 'a password of our own' },
    { autoApprove: false },
  );
  assert.equal(base, 'https://gateway.example');
  const client = await register(local);

  const begun = await send(authorizationUrl(local, client));
  const login = new URL(begun.headers.location ?? '');
  const page = await send(`${local}/login${login.search}`, { headers: html });

  assert.equal(login.origin, 'https://gateway.example');
  const [cookie = ''] = page.setCookies;
  assert.match(cookie, /^__Host-mcp-flow-[\w-]{22}=/);
  assert.match(cookie, /; Path=\/; /);
  assert.match(cookie, /; HttpOnly; Secure; SameSite=Lax$/);
  assert.doesNotMatch(cookie, /Domain/i);
  const signedIn = await send(`${local}/login/callback`, {
    method: 'POST',
    headers: { cookie: cookie.split(';')[0] ?? '' },
    body: {
      flow: hidden(page.text, 'flow'),
      csrf: hidden(page.text, 'csrf'),
      decision: 'allow',
      username: 'gateway_user',
      password: 'a password of our own',
    },
  });
  const upstream = new URL(signedIn.headers.location ?? '');
  assert.equal(
    upstream.searchParams.get('redirect_uri'),
    'https://gateway.example/upstream/callback',
  );
});

test('the gateway’s own PKCE pair is bound to the browser, and the upstream checks it', async (t) => {
  const { base, as } = await startStage(t, {}, { autoApprove: false });
  const client = await register(base);
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(base, client));
  const [cookie = ''] = browser.cookies.at(base).values();

  const upstream = await answerScreenOne(browser, page);

  const challenge = new URL(upstream.url).searchParams.get('code_challenge');
  assert.notEqual(challenge, createHash('sha256').update(cookie).digest('base64url'));
  assert.ok((await browser.visit(as.approve(upstream.url))).callback?.has('code'));
});

test('tokens of one login are another’s neither in part nor in whole', async (t) => {
  const { base } = await startStage(t);

  const one = await logIn(base);
  const two = await logIn(base);

  assert.notEqual(one.tokens.access_token, two.tokens.access_token);
  const crossed = await postToken(base, {
    grant_type: 'refresh_token',
    refresh_token: one.tokens.refresh_token,
    client_id: two.client.client_id,
  });
  assert.equal(crossed.json().error, 'invalid_grant');
});

test('who only looks at the address of screen 1 (HEAD) does not own the flow', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base);
  const started = await send(authorizationUrl(base, client));
  const login = started.headers.location ?? '';

  const scanner = await send(login, { method: 'HEAD' });
  const page = await new Browser(redirectUri).visit(login);

  assert.equal(scanner.status, 200);
  assert.deepEqual(scanner.setCookies, []);
  assert.equal(page.status, 200);
});

test('who only looks at the way back from screen 2 (HEAD) spends no code', async (t) => {
  const stage = await startStage(t, {}, { autoApprove: false });
  const client = await register(stage.base);
  const { browser } = await atScreenTwo(stage, client);
  const callback = stage.as.approve(browser.visited.at(-1) ?? '');
  const cookies = [...browser.cookies.at(callback)].map(([name, value]) => `${name}=${value}`);

  const scanner = await send(callback, { method: 'HEAD', headers: { cookie: cookies.join('; ') } });
  const spent = { ...stage.as.tokenRequests };
  const page = await browser.visit(callback);

  assert.equal(cookies.length, 1);
  assert.equal(scanner.status, 200);
  assert.deepEqual(spent, {});
  assert.equal(page.callback?.has('code'), true);
});
