import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import { Browser } from '../support/real/browser-driver.ts';
import { CookieJar } from '../support/real/cookie-jar.ts';
import { parseForms } from '../support/real/html-forms.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
}

interface Seen {
  readonly line: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A site whose pages are a table, with a record of what was asked of it. */
async function startSite(
  t: TestContext,
  pages: Readonly<Record<string, (origin: string) => Answer>>,
): Promise<{ readonly origin: string; readonly seen: readonly Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const line = `${request.method} ${request.url}`;
    seen.push({ line, headers: request.headers, body });
    const answer = pages[line]?.(listening.origin) ?? { status: 404 };
    response.writeHead(answer.status ?? 200, answer.headers ?? {});
    response.end(answer.body);
  });
  const listening = await listenOnLoopback(server);
  t.after(listening.close);
  return { origin: listening.origin, seen };
}

function only<Item>(items: readonly Item[]): Item {
  const [item] = items;
  assert.ok(item !== undefined && items.length === 1, `${items.length} items`);
  return item;
}

const redirectUri = 'http://127.0.0.1:33418/callback';

test('a login form is filled in, sent with its hidden fields, and leads to the client', async (t) => {
  const site = await startSite(t, {
    'GET /authorize?client_id=c': () => ({
      status: 302,
      headers: {
        location: '/login',
        'set-cookie': ['flow=f1; HttpOnly; SameSite=Lax; Path=/login'],
      },
    }),
    'GET /login': () => ({
      headers: { 'referrer-policy': 'no-referrer' },
      body: `<form method="post" action="/login/callback?a=1&amp;b=2">
        <input type=hidden name="csrf" value="&quot;x&#39;y&amp;z&quot;">
        <input name="username"><input type="password" name="password">
        <button name="decision" value="allow">Allow</button>
        <button name="decision" value="deny">Cancel</button></form>`,
    }),
    'POST /login/callback?a=1&b=2': () => ({
      status: 303,
      headers: { location: `${redirectUri}?code=c1&state=a+b` },
    }),
  });
  const browser = new Browser(redirectUri);

  const page = await browser.visit(`${site.origin}/authorize?client_id=c`);
  const values = { username: 'u', password: 'p & q' };
  const end = await browser.submit(only(page.forms), values, { name: 'decision', value: 'deny' });

  assert.equal(page.url, `${site.origin}/login`);
  assert.equal(end.callback?.get('code'), 'c1');
  assert.equal(end.callback?.get('state'), 'a b');
  assert.equal(
    site.seen.at(-1)?.body,
    'csrf=%22x%27y%26z%22&username=u&password=p+%26+q&decision=deny',
  );
  assert.equal(site.seen.at(-1)?.headers.cookie, 'flow=f1');
  assert.equal(site.seen.at(-1)?.headers.origin, 'null');
});

test('a field or a button that is not there is a mistake, not a request', async (t) => {
  const site = await startSite(t, {
    'GET /': () => ({
      body: '<form method="post"><input name="username"><button>Go</button></form>',
    }),
  });
  const browser = new Browser(redirectUri);
  const form = only((await browser.visit(site.origin)).forms);

  assert.throws(() => browser.submit(form, { user: 'u' }), /no field user/);
  assert.throws(() => browser.submit(form, {}, 'Stop'), /no button "Stop"/);
  assert.equal(site.seen.length, 1);
});

test('any scheme but http is handed to the client', async (t) => {
  const site = await startSite(t, {
    'GET /': () => ({ status: 302, headers: { location: 'cursor://host/callback?code=c2' } }),
  });

  const page = await new Browser(redirectUri).visit(site.origin);

  assert.equal(page.callback?.get('code'), 'c2');
  assert.equal(page.url, 'cursor://host/callback?code=c2');
});

test('a form sent to another site takes along only the cookies that may cross', async (t) => {
  const site = await startSite(t, {
    'GET /set': () => ({
      headers: {
        'set-cookie': ['lax=1; SameSite=Lax', 'strict=1; SameSite=Strict', 'none=1; SameSite=None'],
      },
    }),
    'POST /post': () => ({ status: 303, headers: { location: '/seen' } }),
    'GET /seen': () => ({}),
  });
  const other = await startSite(t, {
    'GET /': () => ({
      body: `<form method="post" action="${site.origin.replace('127.0.0.1', 'localhost')}/post"></form>`,
    }),
  });
  const atLocalhost = site.origin.replace('127.0.0.1', 'localhost');
  const browser = new Browser(redirectUri);

  await browser.visit(`${atLocalhost}/set`);
  await browser.submit(only((await browser.visit(other.origin)).forms));

  const [, posted, redirected] = site.seen;
  assert.equal(posted?.headers.cookie, 'none=1');
  assert.equal(posted?.headers.origin, other.origin);
  assert.equal(posted?.headers['sec-fetch-site'], 'cross-site');
  assert.equal(redirected?.headers.cookie, 'lax=1; none=1');
});

test('cookies go where their path and host say, and end when they are told to', () => {
  const jar = new CookieJar();
  const at = new URL('http://localhost:1/a/b');

  jar.store(at, [
    'here=1',
    'root=1; Path=/',
    'gone=1; Max-Age=0',
    'old=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
  ]);
  jar.store(at, [
    '__Host-ok=1; Secure; Path=/',
    '__Host-no=1; Path=/',
    'foreign=1; Domain=example.com',
  ]);

  // Another port is the same host: cookies do not know ports.
  assert.deepEqual([...jar.at('http://localhost:2/a/c').keys()], ['here', 'root', '__Host-ok']);
  assert.deepEqual([...jar.at('http://localhost:2/ab').keys()], ['root', '__Host-ok']);
  assert.deepEqual([...jar.at('http://127.0.0.1:1/a/b').keys()], []);
  jar.store(at, ['root=; Path=/; Max-Age=0']);
  assert.deepEqual([...jar.at('http://localhost:2/').keys()], ['__Host-ok']);
});

test('forms are found in untidy pages', () => {
  const forms = parseForms(
    `<!-- <form id=no> --><script>"<form>"</script>
     <FORM id=one action='?x=1'><input type=checkbox name=c checked><input type=checkbox name=d value=v>
     <textarea name=t>\n a &lt;b&gt;</textarea><select name=s><option value=1>One<option value=2 selected>Two</select>
     <input name=off disabled><input type=submit value=Send></FORM>
     <button form=one name=n value=v><b>Press</b> me</button>`,
    'http://localhost/page',
  );

  assert.deepEqual(only(forms), {
    id: 'one',
    method: 'GET',
    action: 'http://localhost/page?x=1',
    fields: [
      { name: 'c', type: 'checkbox', value: 'on', checked: true },
      { name: 'd', type: 'checkbox', value: 'v', checked: false },
      { name: 't', type: 'textarea', value: ' a <b>', checked: true },
      { name: 's', type: 'select', value: '2', checked: true },
    ],
    buttons: [
      { name: '', value: 'Send', label: 'Send' },
      { name: 'n', value: 'v', label: 'Press me' },
    ],
  });
});
