import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { completedPage } from '../../src/adapters/http/completed-page.ts';
import { errorPage } from '../../src/adapters/http/error-page.ts';
import { homePage } from '../../src/adapters/http/home-page.ts';
import { type LoginView, loginPage, type NameSource } from '../../src/adapters/http/login-page.ts';
import { pageHeaders, pageStyleHash } from '../../src/adapters/http/page-layout.ts';
import type { ReturnKind } from '../../src/domain/redirect-uri.ts';

const registered = { type: 'registered' } as const;
const EVIL = `"'><script>alert(1)</script>\u202E`;

function view(changes: Partial<LoginView> = {}): LoginView {
  return {
    client: {
      name: 'Claude',
      nameSource: registered,
      returnHost: 'claude.ai',
      returnKind: 'website',
    },
    upstreamHost: 'mcp.example.com',
    scopes: [],
    action: '/login/callback',
    flow: 'flow-identifier-1',
    csrf: 'csrf-1',
    signedIn: undefined,
    message: undefined,
    ...changes,
  };
}

const everyPage: readonly (readonly [string, string])[] = [
  ['login', loginPage(view())],
  [
    'error',
    errorPage({ status: 400, title: 'T', explanation: 'E', remedy: 'R', requestId: undefined }),
  ],
  ['completed', completedPage()],
  ['home', homePage({ mcpUrl: 'https://gw.example/mcp', upstreamHost: 'mcp.example.com' })],
];

for (const [name, text] of everyPage) {
  test(`the ${name} page carries exactly the style that its policy admits`, () => {
    const styles = [...text.matchAll(/<style>([\s\S]*?)<\/style>/g)].map((match) => match[1] ?? '');

    assert.equal(styles.length, 1);
    const digest = createHash('sha256')
      .update(styles[0] ?? '')
      .digest('base64');
    assert.equal(pageStyleHash, `'sha256-${digest}'`);
    assert.ok(pageHeaders['Content-Security-Policy']?.includes(`style-src ${pageStyleHash};`));
  });

  test(`the ${name} page has no script, no style attribute and nothing from elsewhere`, () => {
    assert.doesNotMatch(text, /<script|<link rel="stylesheet"|<img|<iframe|\sstyle=|\son[a-z]+=/i);
    assert.doesNotMatch(text, /\s(?:src|href)="(?!data:image\/svg\+xml,)/);
    assert.doesNotMatch(text, /url\(|@import/);
  });

  test(`the ${name} page says its language, its heading and its main part, once each`, () => {
    assert.match(text, /^<!doctype html>\n<html lang="en">/);
    assert.equal(text.match(/<h1/g)?.length, 1);
    assert.equal(text.match(/<main>/g)?.length, 1);
    assert.match(text, /<title>[^<]+ · MCP OAuth Gateway<\/title>/);
  });
}

test('the policy names no form-action, so that a redirect after the form may lead anywhere', () => {
  assert.doesNotMatch(pageHeaders['Content-Security-Policy'] ?? '', /form-action|unsafe-/);
});

test('no page may be framed or stored, and none cuts the window that opened it', () => {
  assert.match(pageHeaders['Content-Security-Policy'] ?? '', /frame-ancestors 'none'/);
  assert.equal(pageHeaders['X-Frame-Options'], 'DENY');
  assert.equal(pageHeaders['Cache-Control'], 'no-store');
  assert.equal(pageHeaders['Cross-Origin-Opener-Policy'], undefined);
});

const evilViews: readonly (readonly [string, Partial<LoginView>])[] = [
  [
    'client name',
    {
      client: {
        name: EVIL,
        nameSource: registered,
        returnHost: 'claude.ai',
        returnKind: 'website',
      },
    },
  ],
  [
    'host of a document',
    {
      client: {
        name: 'Claude',
        nameSource: { type: 'document', host: EVIL },
        returnHost: 'claude.ai',
        returnKind: 'website',
      },
    },
  ],
  [
    'return host',
    {
      client: {
        name: 'Claude',
        nameSource: registered,
        returnHost: EVIL,
        returnKind: 'loopback',
      },
    },
  ],
  ['upstream host', { upstreamHost: EVIL }],
  ['scope', { scopes: ['repo', EVIL] }],
  ['form action', { action: EVIL }],
  ['flow', { flow: EVIL }],
  ['csrf', { csrf: EVIL }],
  ['message', { message: EVIL }],
  ['name of the user', { signedIn: EVIL }],
];
for (const [field, changes] of evilViews) {
  test(`markup in the ${field} of a login stays text`, () => {
    const text = loginPage(view(changes));

    assert.doesNotMatch(text, /<script|"'>/);
    assert.match(text, /&quot;&#39;&gt;/);
  });
}

test('text direction cannot be turned by what a stranger wrote', () => {
  const client: LoginView['client'] = {
    name: EVIL,
    nameSource: registered,
    returnHost: EVIL,
    returnKind: 'website',
  };

  const text = loginPage(view({ client, upstreamHost: EVIL, scopes: [EVIL], message: EVIL }));

  assert.doesNotMatch(text, /\u202E/);
});

test('markup in every field of an error stays text', () => {
  const text = errorPage({
    status: 502,
    title: EVIL,
    explanation: EVIL,
    remedy: EVIL,
    requestId: EVIL,
  });

  assert.doesNotMatch(text, /<script|"'>|\u202E/);
  // The title stands in the tab and in the heading.
  assert.equal(text.match(/&lt;script&gt;/g)?.length, 5);
});

test('an error page shows its status, what to do now, and the request id when there is one', () => {
  const error = { status: 410, title: 'Expired', explanation: 'Too late.', remedy: 'Start again.' };

  const text = errorPage({ ...error, requestId: 'req-1' });

  for (const part of ['Error 410', 'Too late.', 'What to do now', 'Start again.', 'req-1']) {
    assert.ok(text.includes(part), part);
  }
  assert.doesNotMatch(errorPage(error), /<footer/);
});

test('a login starts with no value in a field that a person fills', () => {
  const text = loginPage(view({ message: 'The username or the password is wrong.' }));

  const filled = [...text.matchAll(/<input[^>]*>/g)].filter(([tag]) => tag.includes('value='));
  assert.deepEqual(
    filled.map(([tag]) => tag),
    [
      '<input type="hidden" name="flow" value="flow-identifier-1">',
      '<input type="hidden" name="csrf" value="csrf-1">',
    ],
  );
});

test('the first submit button of a login allows, so Enter does; cancelling needs no field filled', () => {
  const buttons = [...loginPage(view()).matchAll(/<button[^>]*>/g)].map(([tag]) => tag);

  assert.equal(buttons.length, 2);
  assert.match(buttons[0] ?? '', /type="submit" name="decision" value="allow"/);
  assert.doesNotMatch(buttons[0] ?? '', /formnovalidate/);
  assert.match(buttons[1] ?? '', /type="submit" name="decision" value="deny" formnovalidate/);
});

test('every field of a login has a label, and says to a password manager what it is', () => {
  const text = loginPage(view());

  assert.match(text, /<label for="username">Username<\/label>/);
  assert.match(text, /<label for="password">Password<\/label>/);
  assert.match(text, /id="username"[^>]*autocomplete="username"/);
  assert.match(text, /id="password"[^>]*type="password"[^>]*autocomplete="current-password"/);
});

const returns: readonly (readonly [string, ReturnKind, string, RegExp])[] = [
  ['a website', 'website', 'claude.ai', /note">Continue only if you know this website/],
  ['a loopback address', 'loopback', 'localhost:3118', /warn">A program on this computer/],
  ['a custom scheme', 'app', 'cursor://anysphere.cursor-mcp', /warn">An app on this computer/],
  ['a custom scheme without a host', 'app', 'com.example.app:', /warn">An app on this computer/],
  ['a custom scheme like a website', 'app', 'claude.ai:', /warn">An app on this computer/],
];
for (const [what, returnKind, returnHost, note] of returns) {
  test(`a login that returns to ${what} (${returnHost}) says where, and what that means`, () => {
    const client = { name: 'X', nameSource: registered, returnHost, returnKind };

    const text = loginPage(view({ client }));

    assert.ok(text.includes(`<bdi>${returnHost}</bdi>`), text);
    assert.match(text, note);
    const alone = [...text.matchAll(/an app that opens (?:<code>)?<bdi>/g)].length;
    assert.equal(alone, returnKind === 'app' ? 2 : 0, 'an app’s scheme stands alone');
    assert.equal(text.includes('this website'), returnKind === 'website');
  });
}

test('a claimed name is said to be unchecked, and the lack of one is said too', () => {
  assert.match(loginPage(view()), /<bdi>Claude<\/bdi>[\s\S]*Nobody has checked it/);
  for (const name of [undefined, '', ' \u3164 ']) {
    const client = {
      name,
      nameSource: registered,
      returnHost: 'claude.ai',
      returnKind: 'website',
    } as const;
    assert.match(loginPage(view({ client })), /registered itself without a name/);
  }
});

const sources: readonly (readonly [string, NameSource, RegExp])[] = [
  ['itself, at registration', { type: 'registered' }, /calls itself[\s\S]*registered itself/],
  [
    'the host of its document',
    { type: 'document', host: 'app.example:8443' },
    /calls itself[\s\S]*comes from <code><bdi>app\.example:8443<\/bdi><\/code>/,
  ],
  [
    'the operator',
    { type: 'configured' },
    /is called[\s\S]*The operator of this gateway let it in/,
  ],
];

for (const [source, nameSource, text] of sources) {
  test(`a name is shown with who gave it: ${source}`, () => {
    const client = {
      name: 'X',
      nameSource,
      returnHost: 'claude.ai',
      returnKind: 'website',
    } as const;

    const shown = loginPage(view({ client }));
    const others = sources.filter(([name]) => name !== source);

    assert.match(shown, text);
    for (const [, , other] of others) assert.doesNotMatch(shown, other);
    assert.doesNotMatch(loginPage(view({ client: { ...client, name: undefined } })), /<bdi>X/);
  });
}

test('a long return host is shown to its end, where its owner stands', () => {
  const returnHost = `claude.ai.${'login.'.repeat(30)}attacker.example`;

  const text = loginPage(
    view({
      client: { name: 'Claude', nameSource: registered, returnHost, returnKind: 'website' },
    }),
  );

  assert.ok(text.includes(`<bdi>${returnHost}</bdi>`));
});

test('what is asked for is listed, or said in words when nothing is named', () => {
  const listed = loginPage(view({ scopes: ['repo', 'read:org'] }));
  assert.match(listed, /<li><bdi>repo<\/bdi><\/li><li><bdi>read:org<\/bdi><\/li>/);

  assert.match(loginPage(view()), /the access that mcp\.example\.com grants on the next screen/);
});

test('a long list of scopes is folded, and none is left out', () => {
  const scopes = Array.from({ length: 40 }, (_, index) => `scope:${index}`);

  const text = loginPage(view({ scopes }));

  assert.match(text, /<summary>and 34 more<\/summary>/);
  assert.equal(text.match(/<li>/g)?.length, 40);
});

test('a message is announced, and described by the field that has the focus', () => {
  const text = loginPage(view({ message: 'The username or the password is wrong.' }));

  assert.match(text, /<p class="message" id="message" role="alert">The username or/);
  assert.match(text, /id="username"[^>]*autofocus aria-describedby="message"/);
  assert.match(text, /<title>Not signed in: /);
  assert.doesNotMatch(loginPage(view()), /role="alert"|aria-describedby/);
});

test('the small print names the flow by its first eight characters', () => {
  assert.match(loginPage(view()), /Flow <code>flow-ide<\/code>/);
});

test('the home page gives each client its snippet', () => {
  const text = homePage({ mcpUrl: 'https://gw.example/mcp', upstreamHost: 'api.example.com:8443' });

  const json = '{&quot;name&quot;:&quot;example&quot;,&quot;type&quot;:&quot;http&quot;';
  for (const part of [
    'claude mcp add --transport http example https://gw.example/mcp',
    'codex mcp add example --url https://gw.example/mcp',
    'gemini mcp add --transport http example https://gw.example/mcp',
    `code --add-mcp &#39;${json}`,
    '&quot;url&quot;: &quot;https://gw.example/mcp&quot;',
    'Add custom connector',
  ]) {
    assert.ok(text.includes(part), part);
  }
});

test('an address with the letters of a shell stays one quoted word in what is pasted', () => {
  const text = homePage({ mcpUrl: "http://h/mcp?a=$(id);'", upstreamHost: '127.0.0.1:9000' });

  const word = '&#39;http://h/mcp?a=$(id);&#39;\\&#39;&#39;&#39;';
  assert.ok(text.includes(`claude mcp add --transport http upstream ${word}`));
});

test('a home page with hostile addresses stays text', () => {
  assert.doesNotMatch(homePage({ mcpUrl: EVIL, upstreamHost: EVIL }), /<script|"'>/);
});
