import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Browser } from '../support/real/browser-driver.ts';
import { startStage } from './fake-stage.ts';
import { credentials } from './gateway-setup.ts';
import { answerScreenOne, authorizationUrl, redirectUri, register, send } from './raw-client.ts';

test('a browser that signed in once has only to say yes, for each client anew', async (t) => {
  const { base, as } = await startStage(t, { session: 3600 });
  const browser = new Browser(redirectUri);
  const first = await register(base, { client_name: 'First' });
  const second = await register(base, { client_name: 'Second' });
  const screen = await browser.visit(authorizationUrl(base, first));
  await answerScreenOne(browser, screen);

  const consent = await browser.visit(authorizationUrl(base, second));
  const end = await answerScreenOne(browser, consent, 'allow', {});

  assert.match(consent.body, /Second/);
  assert.match(consent.body, /You are signed in/);
  assert.doesNotMatch(consent.body, /type="password"/);
  assert.equal(end.callback?.has('code'), true);
  assert.equal(as.registrations, 1);
});

test('the remembered sign-in is a cookie for this host and no script, and is forgotten on request', async (t) => {
  const { base } = await startStage(t, { session: 3600 });
  const browser = new Browser(redirectUri);
  const client = await register(base);
  await answerScreenOne(browser, await browser.visit(authorizationUrl(base, client)));

  const consent = await browser.visit(authorizationUrl(base, client));
  const [form] = consent.forms;
  assert.notEqual(form, undefined);
  const again = form && (await browser.submit(form, {}, { name: 'decision', value: 'switch' }));

  const cleared =
    again?.headers.getSetCookie().find((line) => line.startsWith('mcp-session')) ?? '';
  assert.match(cleared, /^mcp-session[^=]*=;.*HttpOnly.*SameSite=Lax/);
  assert.match(again?.body ?? '', /type="password"/);
  const later = await browser.visit(authorizationUrl(base, client));
  assert.match(later.body, /type="password"/);
});

test('prompt=login asks a remembered user again, and prompt=none is never enough', async (t) => {
  const { base } = await startStage(t, { session: 3600 });
  const browser = new Browser(redirectUri);
  const client = await register(base);
  await answerScreenOne(browser, await browser.visit(authorizationUrl(base, client)));

  const fresh = await browser.visit(authorizationUrl(base, client, { prompt: 'login' }));
  const without = await answerScreenOne(browser, fresh, 'allow', { username: '', password: '' });
  const silent = await browser.visit(authorizationUrl(base, client, { prompt: 'none' }));

  assert.match(fresh.body, /type="password"/);
  assert.equal(without.status, 401);
  assert.equal(silent.callback?.get('error'), 'interaction_required');
  assert.equal(silent.callback?.get('iss'), base);
});

test('without --session every flow asks for the password', async (t) => {
  const { base } = await startStage(t);
  const browser = new Browser(redirectUri);
  const client = await register(base);
  const end = await answerScreenOne(
    browser,
    await browser.visit(authorizationUrl(base, client)),
    'allow',
    credentials,
  );

  const next = await browser.visit(authorizationUrl(base, client));

  assert.equal(end.callback?.has('code'), true);
  assert.match(next.body, /type="password"/);
});

test('a no is a no, and the browser stays signed in', async (t) => {
  const { base, as } = await startStage(t, { session: 3600 });
  const { browser, client } = await signedInBrowser(base);
  const asked = as.tokenRequests.authorization_code;

  const consent = await browser.visit(authorizationUrl(base, client));
  const end = await answerScreenOne(browser, consent, 'deny', {});

  assert.equal(end.callback?.get('error'), 'access_denied');
  assert.equal(as.tokenRequests.authorization_code, asked);
  const later = await browser.visit(authorizationUrl(base, client));
  assert.match(later.body, /You are signed in/);
});

test('a wrong password is not answered with the remembered user, who has to sign in again', async (t) => {
  const { base } = await startStage(t, { session: 3600 });
  const { browser, client } = await signedInBrowser(base);

  const fresh = await browser.visit(authorizationUrl(base, client, { prompt: 'login' }));
  const typed = { username: 'gateway_user', password: 'guess' };
  const wrong = await answerScreenOne(browser, fresh, 'allow', typed);

  assert.equal(wrong.status, 401);
  assert.match(wrong.body, /type="password"/);
  const later = await browser.visit(authorizationUrl(base, client));
  assert.match(later.body, /type="password"/);
});

test('a session ends by the clock of the gateway, whatever the browser still keeps', async (t) => {
  const { base, clock } = await startStage(t, { session: 3600 });
  const { browser, client } = await signedInBrowser(base);

  clock.advance(3600);

  const late = await browser.visit(authorizationUrl(base, client));
  assert.match(late.body, /type="password"/);
});

test('a session that ends before the yes leads to the form, without a reproach', async (t) => {
  const { base, clock, events } = await startStage(t, { session: 600 });
  const { browser, client } = await signedInBrowser(base);
  const consent = await browser.visit(authorizationUrl(base, client));
  clock.advance(600);

  const form = await answerScreenOne(browser, consent, 'allow', {});

  assert.equal(form.status, 200);
  assert.match(form.body, /type="password"/);
  assert.doesNotMatch(form.body, /role="alert"/);
  assert.deepEqual(events.of('sign_in_refused'), []);
  const end = await answerScreenOne(browser, form);
  assert.equal(end.callback?.has('code'), true);
});

test('a session is no way past the flow: another browser that stole it owns no flow', async (t) => {
  const { base } = await startStage(t, { session: 3600 });
  const { browser, client } = await signedInBrowser(base);
  const consent = await browser.visit(authorizationUrl(base, client));
  const session = browser.cookies.header(new URL(base), { method: 'GET', crossSite: false }) ?? '';
  const stolen = session.split('; ').find((each) => each.startsWith('mcp-session')) ?? '';
  const [form] = consent.forms;
  const body = Object.fromEntries((form?.fields ?? []).map(({ name, value }) => [name, value]));

  const answer = await send(`${base}/login/callback`, {
    method: 'POST',
    headers: { cookie: stolen },
    body: { ...body, decision: 'allow' },
  });

  assert.notEqual(stolen, '');
  assert.equal(answer.status, 403);
  assert.equal(answer.json().error, 'wrong_browser');
});

async function signedInBrowser(base: string) {
  const browser = new Browser(redirectUri);
  const client = await register(base);
  await answerScreenOne(browser, await browser.visit(authorizationUrl(base, client)));
  return { browser, client };
}
