import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, type TestContext, test } from 'node:test';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { GatewayOptions } from '../../src/main.ts';
import { startChain } from '../gateway/gateway-setup.ts';
import {
  authorizationUrl,
  exchangeForm,
  postToken,
  register,
  tokensOf,
} from '../gateway/raw-client.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';

let browser: Browser;

before(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});

after(() => browser?.close());

/** A client that waits for its answer on a loopback port, a gateway before oidc-provider, and a fresh browser. */
async function startSignIn(
  t: TestContext,
  options: Partial<GatewayOptions> = {},
  clientName = 'Claude Code',
) {
  const chain = await startChain(t, startSdkMcpServer, { flowTtl: 300, ...options });
  const answers: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://client');
    if (url.pathname === '/callback') answers.push(url.searchParams);
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>The client</title><h1>You can go back to your editor</h1>');
  });
  const { origin, close } = await listenOnLoopback(server);
  t.after(close);
  const redirectUri = `${origin}/callback`;
  const { url } = chain.gateway;
  const client = await register(url, { client_name: clientName, redirect_uris: [redirectUri] });
  const start = (state: string) =>
    authorizationUrl(url, client, { redirect_uri: redirectUri, state, scope: 'mcp' });
  return { ...chain, answers, client, redirectUri, start, ...(await openBrowser(t)) };
}

/** A browser with nothing in it, which notes down every complaint about our own pages. */
async function openBrowser(
  t: TestContext,
): Promise<{ page: Page; context: BrowserContext; complaints: string[] }> {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // That a page has the status 4xx is told as an error too, and is meant to be so; and who types before the page has, has the focus.
    if (/^(?!Autofocus).*(?:Content Security Policy|Refused|blocked)/i.test(message.text())) {
      complaints.push(message.text());
    }
  });
  return { page, context, complaints };
}

/** Types as a person does: into whatever has the focus, which our page gives to the user name once it is drawn. */
async function type(page: Page, ...keys: readonly string[]): Promise<void> {
  await page.locator('input:focus, button:focus').waitFor();
  for (const key of keys) {
    if (key.startsWith('<')) await page.keyboard.press(key.slice(1, -1));
    else await page.keyboard.type(key);
  }
}

/** oidc-provider's two pages: any login and password, and then a yes. */
async function approveUpstream(page: Page): Promise<void> {
  await page.locator('input[name=login]').fill('alice');
  await page.locator('input[name=password]').fill('any');
  await page.locator('[type=submit]').click();
  await page.locator('[type=submit]', { hasText: 'Continue' }).click();
}

test('the whole sign-in works by the keyboard alone, and ends at the client that listens on loopback', async (t) => {
  const stage = await startSignIn(t);
  const { page, answers, gateway, redirectUri } = stage;

  await page.goto(stage.start('a state with ünïcode & +'));
  await type(page, 'gateway_user', '<Tab>', 'gateway_pass', '<Enter>');
  await page.waitForURL(`${stage.as.issuer}/**`);
  await page.locator('input[name=login]').focus();
  await type(page, 'alice', '<Tab>', 'any', '<Enter>');
  await page.locator('[type=submit]', { hasText: 'Continue' }).focus();
  await type(page, '<Enter>');
  await page.waitForURL(`${redirectUri}?**`);

  const [answer] = answers;
  assert.equal(answers.length, 1);
  assert.equal(answer?.get('state'), 'a state with ünïcode & +');
  assert.equal(answer?.get('iss'), gateway.url);
  const form = {
    ...exchangeForm(answer?.get('code') ?? '', stage.client),
    redirect_uri: redirectUri,
  };
  tokensOf(await postToken(gateway.url, form));
  assert.deepEqual(stage.complaints, []);
  const kept = (await stage.context.cookies()).filter(({ name }) => name.includes('mcp-flow'));
  assert.deepEqual(kept, []);
});

test('a wrong password says so where the cursor waits, and the right one goes on', async (t) => {
  const { page, answers, complaints, redirectUri, start } = await startSignIn(t);
  await page.goto(start('s'));

  await type(page, 'gateway_user', '<Tab>', 'wrong', '<Enter>');
  const alert = page.getByRole('alert');
  await alert.waitFor();

  assert.match((await alert.textContent()) ?? '', /do not go together/);
  assert.equal(await page.evaluate('document.activeElement.id'), 'username');
  assert.equal(await page.getByLabel('Username').inputValue(), '');
  assert.equal(await page.getByLabel('Password').inputValue(), '');
  assert.equal(answers.length, 0);
  await type(page, 'gateway_user', '<Tab>', 'gateway_pass', '<Enter>');
  await approveUpstream(page);
  await page.waitForURL(`${redirectUri}?**`);
  assert.ok(answers[0]?.has('code'));
  assert.deepEqual(complaints, []);
});

test('Cancel brings the browser back to the client at once, which is told', async (t) => {
  const { page, answers, as, gateway, complaints, redirectUri, start } = await startSignIn(t);
  await page.goto(start('s'));

  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL(`${redirectUri}?**`);

  assert.equal(answers[0]?.get('error'), 'access_denied');
  assert.equal(answers[0]?.get('state'), 's');
  assert.equal(answers[0]?.get('iss'), gateway.url);
  assert.equal(as.authorizationRequests.length, 0);
  assert.deepEqual(complaints, []);
});

test('Cancel on the upstream’s screen is told to the client as well', async (t) => {
  const { page, answers, as, redirectUri, start } = await startSignIn(t);
  await page.goto(start('s'));
  await type(page, 'gateway_user', '<Tab>', 'gateway_pass', '<Enter>');
  await page.waitForURL(`${as.issuer}/**`);

  await page.getByRole('link', { name: 'Cancel' }).click();
  await page.waitForURL(`${redirectUri}?**`);

  assert.equal(answers[0]?.get('error'), 'access_denied');
  assert.equal(answers[0]?.get('state'), 's');
});

test('a sign-in that took too long is a page that says what to do now', async (t) => {
  const { page, clock, complaints, start } = await startSignIn(t);
  await page.goto(start('s'));
  await type(page, 'gateway_user', '<Tab>', 'gateway_pass');

  clock.advance(300);
  const [late] = await Promise.all([page.waitForNavigation(), type(page, '<Enter>')]);

  assert.ok([404, 410].includes(late?.status() ?? 0));
  assert.match((await page.locator('main').textContent()) ?? '', /expired|took too long/);
  assert.match((await page.locator('.remedy').textContent()) ?? '', /start the connection again/);
  assert.deepEqual(complaints, []);
});

test('another browser is told that the sign-in is not its own, and the first goes on', async (t) => {
  const { page, answers, redirectUri, start } = await startSignIn(t);
  await page.goto(start('s'));
  const other = await openBrowser(t);

  const seen = await other.page.goto(page.url());

  assert.equal(seen?.status(), 403);
  const heading = await other.page.locator('h1').textContent();
  assert.equal(heading, 'This sign-in belongs to another browser');
  assert.deepEqual(other.complaints, []);
  await type(page, 'gateway_user', '<Tab>', 'gateway_pass', '<Enter>');
  await approveUpstream(page);
  await page.waitForURL(`${redirectUri}?**`);
  assert.ok(answers[0]?.has('code'));
});

test('who goes back from the upstream’s screen signs in again and comes to the same end', async (t) => {
  const { page, answers, as, complaints, redirectUri, start } = await startSignIn(t);
  await page.goto(start('s'));
  await type(page, 'gateway_user', '<Tab>', 'gateway_pass', '<Enter>');
  await page.waitForURL(`${as.issuer}/**`);

  await page.goBack();
  await page.getByLabel('Username').fill('gateway_user');
  await page.getByLabel('Password').fill('gateway_pass');
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.waitForURL(`${as.issuer}/**`);
  await approveUpstream(page);
  await page.waitForURL(`${redirectUri}?**`);

  assert.equal(answers.length, 1);
  assert.ok(answers[0]?.has('code'));
  assert.deepEqual(complaints, []);
});

test('who goes back after the end is told that there is nothing left to do', async (t) => {
  const { page, answers, complaints, redirectUri, start } = await startSignIn(t);
  await page.goto(start('s'));
  const login = page.url();
  await type(page, 'gateway_user', '<Tab>', 'gateway_pass', '<Enter>');
  await approveUpstream(page);
  await page.waitForURL(`${redirectUri}?**`);

  const seen = await page.goto(login);

  assert.equal(seen?.status(), 409);
  assert.equal(await page.locator('h1').textContent(), 'This sign-in is already completed');
  assert.equal(answers.length, 1);
  assert.deepEqual(complaints, []);
});

test('two sign-ins in two tabs of one browser end each with its own answer', async (t) => {
  const { page, context, answers, redirectUri, start } = await startSignIn(t);
  const second = await context.newPage();
  await page.goto(start('first'));
  await second.goto(start('second'));

  await type(second, 'gateway_user', '<Tab>', 'gateway_pass', '<Enter>');
  await approveUpstream(second);
  await second.waitForURL(`${redirectUri}?**`);
  await type(page, 'gateway_user', '<Tab>', 'gateway_pass', '<Enter>');
  // The upstream knows this browser by now; of a gateway on loopback, a native application to it, it asks for consent each time.
  await page.locator('[type=submit]', { hasText: 'Continue' }).click();
  await page.waitForURL(`${redirectUri}?**`);

  assert.deepEqual(
    answers.map((answer) => [answer.get('state'), answer.has('code')]),
    [
      ['second', true],
      ['first', true],
    ],
  );
});

test('a client that is not registered is a page, with no way to it', async (t) => {
  const { page, answers, complaints, start, redirectUri } = await startSignIn(t);

  const unknown = await page.goto(start('s').replace(/client_id=[^&]+/, 'client_id=nobody'));
  const elsewhere = await page.goto(start('s').replace('%2Fcallback', '%2Felsewhere'));

  assert.deepEqual([unknown?.status(), elsewhere?.status()], [400, 400]);
  assert.match((await page.locator('h1').textContent()) ?? '', /cannot be returned to/);
  assert.equal(await page.locator(`a[href^="${new URL(redirectUri).origin}"]`).count(), 0);
  assert.deepEqual(answers, []);
  assert.deepEqual(complaints, []);
});

test('markup in the names of client and user and in the state stays text on every page, and comes back as it was', async (t) => {
  const evil = `"'><img src=x onerror=window.ran=1><script>window.ran=1</script>`;
  const options = { username: `${evil}user`, session: 600 };
  const stage = await startSignIn(t, options, `${evil}client`);
  const { page, answers, complaints, redirectUri, start } = stage;
  const state = `${evil}&code=forged#\u202e</title>`;
  const ran: unknown[] = [];
  const look = async () => ran.push(await page.evaluate('window.ran'));

  await page.goto(start(state));
  await look();
  await type(page, options.username, '<Tab>', 'wrong', '<Enter>');
  await page.getByRole('alert').waitFor();
  await look();
  await type(page, options.username, '<Tab>', 'gateway_pass', '<Enter>');
  await approveUpstream(page);
  await page.waitForURL(`${redirectUri}?**`);
  await page.goto(start(state));
  await look();
  assert.equal(await page.getByText(options.username, { exact: true }).isVisible(), true);
  assert.equal(await page.getByText(`${evil}client`.slice(0, 40)).first().isVisible(), true);
  assert.equal(await page.locator('script, img').count(), 0);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL(`${redirectUri}?**`);

  assert.deepEqual(ran, [undefined, undefined, undefined]);
  assert.deepEqual(
    answers.map((answer) => [answer.getAll('state'), answer.getAll('code').includes('forged')]),
    [
      [[state], false],
      [[state], false],
    ],
  );
  assert.equal(answers[1]?.get('error'), 'access_denied');
  assert.deepEqual(complaints, []);
});
