import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { memoryStore } from '../../src/adapters/store/memory.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { type Store, StoreUnavailable } from '../../src/application/ports.ts';
import type { GatewayOptions, Ports } from '../../src/main.ts';
import { type Stage, startStage } from '../gateway/fake-stage.ts';
import { credentials } from '../gateway/gateway-setup.ts';
import { authorizationUrl, type Registered, redirectUri, register } from '../gateway/raw-client.ts';

// Every page of a real gateway, in light and dark, on a desk and in a hand. Pictures of them: SCREENSHOTS=folder node --import tsx --test
// test/browser/every-page.test.ts

const folder = process.env.SCREENSHOTS;
let browser: Browser;

before(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
});

after(() => browser?.close());

const documented = readFileSync('docs/troubleshooting.md', 'utf8');

interface Visit {
  readonly heading: RegExp;
  readonly says?: RegExp;
  readonly options?: Partial<GatewayOptions>;
  readonly ports?: Partial<Ports>;
  /** What a person does to come there. */
  readonly go: (page: Page, stage: Stage) => Promise<unknown>;
  /** Of a page that says what went wrong, the id of the request is a part. */
  readonly status?: number;
}

const client = { client_name: 'Claude Code' };

async function start(page: Page, { base }: Stage, changes: Readonly<Record<string, string>> = {}) {
  const known: Registered = await register(base, client);
  return page.goto(authorizationUrl(base, known, { scope: 'repo read:org', ...changes }));
}

async function typed(page: Page, password: string): Promise<void> {
  await page.getByLabel('Username').fill(credentials.username);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.waitForLoadState();
}

/** A client that is not the user's own program: an app that claims a scheme, with a name that it gave itself. */
async function startApp(page: Page, { base }: Stage) {
  const redirect = 'cursor://anysphere.cursor-retrieval/oauth/user-anything/callback';
  const app = await register(base, { client_name: 'Cursor', redirect_uris: [redirect] });
  return page.goto(authorizationUrl(base, app, { redirect_uri: redirect, scope: 'repo' }));
}

/** A store that has no clients to give. */
function failingStore(error: Error): Store {
  const store = memoryStore(standingClock());
  return { ...store, clients: { ...store.clients, read: () => Promise.reject(error) } };
}

const visits: Readonly<Record<string, Visit>> = {
  'sign-in': { heading: /Allow access/, says: /Claude Code/, go: start },
  'sign-in-of-an-app': { heading: /Allow access/, says: /Cursor/, go: startApp },
  'sign-in-of-a-website': {
    heading: /Allow access/,
    says: /Notes/,
    go: async (page, { base }) => {
      const redirect = 'https://notes.example.com/oauth/callback';
      const site = await register(base, { client_name: 'Notes', redirect_uris: [redirect] });
      return page.goto(authorizationUrl(base, site, { redirect_uri: redirect }));
    },
  },
  'wrong-password': {
    heading: /Allow access/,
    says: /Claude Code/,
    go: async (page, stage) => {
      await start(page, stage);
      await typed(page, 'a guess');
    },
  },
  'too-many-wrong-passwords': {
    heading: /Allow access/,
    says: /Claude Code/,
    go: async (page, stage) => {
      await start(page, stage);
      for (let time = 0; time < 12; time += 1) {
        await typed(page, 'a guess');
        if (/too many/.test(await page.getByRole('alert').innerText())) return;
      }
      assert.fail('No attempt was turned away.');
    },
  },
  'signed-in-already': {
    heading: /Allow access/,
    says: /Claude Code/,
    options: { session: 600 },
    go: async (page, stage) => {
      await page.route(`${redirectUri}**`, (route) => route.fulfill({ body: 'the client' }));
      await start(page, stage);
      await typed(page, credentials.password);
      await page.waitForURL(`${redirectUri}**`);
      await start(page, stage);
    },
  },
  completed: {
    heading: /This sign-in is already completed/,
    go: async (page, stage) => {
      await page.route(`${redirectUri}**`, (route) => route.fulfill({ body: 'the client' }));
      await start(page, stage);
      const login = page.url();
      await typed(page, credentials.password);
      await page.waitForURL(`${redirectUri}**`);
      await page.goto(login);
    },
  },
  home: {
    heading: /./,
    go: async (page, { base }) => {
      await page.goto(`${base}/`);
      await page.locator('summary').first().click();
    },
  },
  'mcp-in-a-browser': { heading: /./, go: (page, { base }) => page.goto(`${base}/mcp`) },
  'error-unknown-application': {
    heading: /This application is not registered here/,
    status: 400,
    go: (page, { base }) => page.goto(authorizationUrl(base, { client_id: 'forgotten' })),
  },
  'error-redirect-uri': {
    heading: /The application cannot be returned to/,
    status: 400,
    go: (page, stage) => start(page, stage, { redirect_uri: 'https://elsewhere.example/callback' }),
  },
  'error-document-refused': {
    heading: /The application cannot be let in/,
    status: 400,
    options: { clientMetadataDomains: 'good.example' },
    go: (page, { base }) =>
      page.goto(authorizationUrl(base, { client_id: 'https://bad.example/client.json' })),
  },
  'error-document-away': {
    heading: /Nothing is known of this application just now/,
    status: 503,
    go: (page, { base }) =>
      page.goto(authorizationUrl(base, { client_id: 'https://127.0.0.1/client.json' })),
  },
  'error-expired': {
    heading: /This sign-in took too long/,
    status: 410,
    go: async (page, stage) => {
      await start(page, stage);
      stage.clock.advance(1000);
      return page.reload();
    },
  },
  'error-unknown-sign-in': {
    heading: /This sign-in is not known/,
    status: 404,
    go: (page, { base }) => page.goto(`${base}/login?flow=${'x'.repeat(22)}`),
  },
  'error-other-browser': {
    heading: /This sign-in belongs to another browser/,
    status: 403,
    go: async (page, stage) => {
      await start(page, stage);
      await page.context().clearCookies();
      return page.reload();
    },
  },
  'error-forged': {
    heading: /This form was not ours/,
    status: 403,
    go: async (page, stage) => {
      await start(page, stage);
      await page.evaluate("document.querySelector('[name=csrf]').value = 'x'");
      await typed(page, credentials.password);
    },
  },
  'error-too-many-requests': {
    heading: /Too many requests/,
    status: 429,
    options: { authorizationsPerMinute: 1 },
    go: async (page, stage) => {
      // One each minute of the clock: the second or third is too many, whenever the minute ends.
      await start(page, stage);
      await start(page, stage);
      if (page.url().includes('/login')) await start(page, stage);
    },
  },
  'error-client-by-hand': {
    heading: /This gateway is not registered at its upstream/,
    status: 503,
    go: async (page, stage) => {
      stage.as.misbehave({ type: 'status', status: 403 }, '/register');
      await start(page, stage);
      await typed(page, credentials.password);
    },
  },
  'error-inside': {
    heading: /Something went wrong/,
    status: 500,
    ports: { store: failingStore(new Error('a fault of ours')) },
    go: (page, { base }) => page.goto(authorizationUrl(base, { client_id: 'any' })),
  },
  'error-store-away': {
    heading: /This does not work just now/,
    status: 503,
    ports: { store: failingStore(new StoreUnavailable('It is away.')) },
    go: (page, { base }) => page.goto(authorizationUrl(base, { client_id: 'any' })),
  },
};

async function comeTo(t: TestContext, { options, ports, go }: Visit) {
  const stage = await startStage(t, { port: 0, ...options }, {}, ports);
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  const statuses: number[] = [];
  page.on('response', (response) => statuses.push(response.status()));
  await go(page, stage);
  return { page, status: statuses.at(-1) };
}

for (const [name, visit] of Object.entries(visits)) {
  test(`the page ${name} says what it is, and fits in light and dark, on a desk and in a hand`, async (t) => {
    const { page, status } = await comeTo(t, visit);

    const heading = await page.locator('h1').first().innerText();
    assert.match(heading, visit.heading);
    assert.match(await page.locator('body').innerText(), visit.says ?? /./);
    if (visit.status !== undefined) {
      assert.equal(status, visit.status);
      assert.match(documented, new RegExp(`^\\| "${heading}" \\| \``, 'm'), 'what to do about it');
      assert.match(await page.locator('.foot').innerText(), /[\w-]{8,}/, 'the id of the request');
      assert.notEqual(await page.locator('.remedy').innerText(), '');
    }
    for (const [where, width, height] of [
      ['desktop', 1280, 800],
      ['phone', 390, 844],
    ] as const) {
      await page.setViewportSize({ width, height });
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, where);
      for (const colorScheme of ['light', 'dark'] as const) {
        if (folder === undefined) continue;
        await page.emulateMedia({ colorScheme });
        const path = join(folder, `${name}-${where}-${colorScheme}.png`);
        await page.screenshot({ path, fullPage: true });
      }
    }
  });
}
