import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { completedPage } from '../../src/adapters/http/completed-page.ts';
import { errorPage } from '../../src/adapters/http/error-page.ts';
import { homePage } from '../../src/adapters/http/home-page.ts';
import { loginPage } from '../../src/adapters/http/login-page.ts';
import { pageHeaders } from '../../src/adapters/http/page-layout.ts';

// The types of playwright-core name these; the DOM library itself would put `document` within reach of all our code.
declare global {
  interface Node {
    readonly nodeType: number;
  }
  interface HTMLElement extends Node {
    readonly tagName: string;
  }
  interface SVGElement extends Node {
    readonly tagName: string;
  }
  interface HTMLElementTagNameMap {
    readonly input: HTMLElement;
  }
}

const registered = { type: 'registered' } as const;
const EVIL = `"'><script>window.ran=1</script><img src=x onerror=window.ran=1>\u202E`;

const login = {
  client: {
    name: 'Claude Code',
    nameSource: registered,
    returnHost: 'localhost:3118',
    loopback: true,
  },
  upstreamHost: 'mcp.example.com',
  scopes: ['repo', 'read:org', 'https://www.example.com/auth/a.scope.with.a.long.name'],
  action: '/login/callback',
  flow: 'flow-1',
  csrf: 'csrf-1',
  signedIn: undefined,
  message: undefined,
};
const evilLogin = {
  ...login,
  client: {
    name: EVIL.repeat(5),
    nameSource: registered,
    returnHost: `${'a'.repeat(250)}.example`,
    loopback: false,
  },
  upstreamHost: EVIL,
  scopes: Array.from({ length: 60 }, (_, index) => `${EVIL}${index}`),
  message: EVIL,
};
const pages: Readonly<Record<string, string>> = {
  '/login': loginPage(login),
  '/wrong-password': loginPage({ ...login, message: 'The username or the password is wrong.' }),
  '/evil-login': loginPage(evilLogin),
  '/signed-in': loginPage({ ...login, signedIn: 'ada' }),
  '/evil-signed-in': loginPage({ ...evilLogin, signedIn: EVIL.repeat(5) }),
  '/error': errorPage({ status: 400, title: 'T', explanation: 'E', remedy: 'R', requestId: 'q' }),
  '/evil-error': errorPage({ status: 400, title: EVIL, explanation: EVIL, remedy: EVIL }),
  '/completed': completedPage(),
  '/home': homePage({ mcpUrl: 'https://gateway.example.com/mcp', upstreamHost: 'mcp.example.com' }),
};

let server: Server;
let browser: Browser;
let base: string;
let elsewhere: string;
let posted: { readonly path: string; readonly body: string } | undefined;
let referrers: (string | undefined)[] = [];

before(async () => {
  server = createServer(async (request, response) => {
    const path = request.url ?? '';
    referrers.push(request.headers.referer);
    if (request.method === 'POST') {
      posted = { path, body: await text(request) };
      response.writeHead(303, { ...pageHeaders, Location: `${elsewhere}/completed` }).end();
      return;
    }
    response.writeHead(200, pageHeaders).end(pages[path] ?? completedPage());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  base = `http://127.0.0.1:${port}`;
  // Another origin, as the upstream is.
  elsewhere = `http://localhost:${port}`;
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
});

after(async () => {
  await browser?.close();
  server.close();
});

async function open(path: string, width = 1280, height = 800): Promise<Page> {
  posted = undefined;
  referrers = [];
  const page = await browser.newPage({ viewport: { width, height } });
  await page.goto(base + path);
  return page;
}

for (const path of Object.keys(pages)) {
  test(`${path} is styled, breaks no policy and runs nothing`, async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    const requests: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith('data:')) requests.push(request.url());
    });

    await page.goto(base + path);

    assert.deepEqual(complaints, []);
    assert.deepEqual(requests, [base + path]);
    assert.equal(await page.evaluate('window.ran'), undefined);
    assert.equal(await page.locator('script, img').count(), 0);
    const radius = "getComputedStyle(document.querySelector('.card')).borderRadius";
    assert.equal(await page.evaluate(radius), '14px');
    await page.close();
  });

  test(`${path} fits a screen of 320 pixels without scrolling sideways`, async () => {
    const page = await open(path, 320, 568);

    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320);
    await page.close();
  });
}

test('the cursor waits in the username field, which is empty', async () => {
  const page = await open('/login');

  assert.equal(await page.evaluate('document.activeElement.id'), 'username');
  assert.equal(await page.getByLabel('Username').inputValue(), '');
  assert.equal(await page.getByLabel('Password').inputValue(), '');
  await page.close();
});

test('Enter in the username field or in the password field allows', async () => {
  for (const field of ['Username', 'Password']) {
    const page = await open('/login');
    await page.getByLabel('Username').fill('ada');
    await page.getByLabel('Password').fill('pass word+&');

    await page.getByLabel(field).press('Enter');
    await page.waitForURL(`${elsewhere}/completed`);

    assert.deepEqual(posted, {
      path: '/login/callback',
      body: 'flow=flow-1&csrf=csrf-1&username=ada&password=pass+word%2B%26&decision=allow',
    });
    await page.close();
  }
});

test('Cancel denies with nothing filled in', async () => {
  const page = await open('/login');

  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL(`${elsewhere}/completed`);

  assert.equal(posted?.body, 'flow=flow-1&csrf=csrf-1&username=&password=&decision=deny');
  await page.close();
});

test('who is signed in has only to say yes or no, and no key does so unasked', async () => {
  for (const [button, decision] of [
    ['Allow and continue', 'allow'],
    ['Cancel', 'deny'],
    ['Sign in as somebody else', 'switch'],
  ] as const) {
    const page = await open('/signed-in');
    assert.equal(await page.getByText('ada', { exact: true }).isVisible(), true);
    assert.equal(await page.locator('input:not([type=hidden])').count(), 0);
    assert.equal(await page.evaluate('document.activeElement.tagName'), 'BODY');

    await page.keyboard.press('Enter');
    assert.equal(page.url(), `${base}/signed-in`);
    await page.getByRole('button', { name: button }).click();
    await page.waitForURL(`${elsewhere}/completed`);

    assert.equal(posted?.body, `flow=flow-1&csrf=csrf-1&decision=${decision}`);
    await page.close();
  }
});

test('the form may be redirected to another origin, which does not learn where from', async () => {
  const page = await open('/login');

  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL(`${elsewhere}/completed`);

  assert.match((await page.locator('h1').textContent()) ?? '', /already completed/);
  assert.ok(referrers.every((referrer) => referrer === undefined));
  await page.close();
});

test('a page in a popup keeps the window that opened it, for clients that wait there', async () => {
  const client = await browser.newPage();
  await client.goto(`${elsewhere}/completed`);
  const opened = client.waitForEvent('popup');
  await client.evaluate(`void window.open('${base}/login')`);
  const popup = await opened;

  await popup.getByRole('button', { name: 'Cancel' }).click();
  await popup.waitForURL(`${elsewhere}/completed`);

  assert.equal(await popup.evaluate('window.opener !== null && !window.opener.closed'), true);
  await client.close();
});

test('Allow with an empty field asks for it and sends nothing', async () => {
  const page = await open('/login');

  await page.getByRole('button', { name: 'Allow' }).click();

  assert.equal(page.url(), `${base}/login`);
  assert.equal(await page.locator('#username:invalid').count(), 1);
  assert.equal(posted, undefined);
  await page.close();
});

test('a form works through the keyboard alone: username, password, allow, cancel', async () => {
  const page = await open('/login');
  const visited: unknown[] = [];
  for (let step = 0; step < 4; step += 1) {
    visited.push(await page.evaluate('document.activeElement.id || document.activeElement.value'));
    await page.keyboard.press('Tab');
  }

  assert.deepEqual(visited, ['username', 'password', 'allow', 'deny']);
  await page.close();
});

test('focus never moves who asks out of the sight of a phone', async () => {
  for (const path of ['/login', '/wrong-password', '/evil-login']) {
    const page = await open(path, 390, 844);

    assert.equal(await page.evaluate('window.scrollY'), 0, path);
    await page.close();
  }
});

test('light and dark follow the system', async () => {
  const page = await open('/login');
  const ground = 'getComputedStyle(document.body).backgroundColor';

  await page.emulateMedia({ colorScheme: 'light' });
  const light = await page.evaluate(ground);
  await page.emulateMedia({ colorScheme: 'dark' });

  assert.notEqual(await page.evaluate(ground), light);
  await page.close();
});

test('the home page opens one guide at a time', async () => {
  const page = await open('/home');

  await page.getByText('Cursor', { exact: true }).click();

  assert.deepEqual(await page.locator('details[open] > summary').allTextContents(), ['Cursor']);
  await page.close();
});
