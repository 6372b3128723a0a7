import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  isLoopbackRedirect,
  type ReturnKind,
  redirectUri,
  redirectWith,
  returnHost,
  returnKind,
  sameRedirectUri,
} from '../../src/domain/redirect-uri.ts';
import { anyText } from './any-text.ts';
import { uri } from './sample-grant.ts';

const accepted: readonly string[] = [
  'https://app.example.com/callback',
  'https://app.example.com',
  'https://app.example.com:8443/callback?tenant=1',
  'https://APP.example.com/Callback',
  'http://localhost/callback',
  'http://localhost:3118/callback',
  'http://localhost?tenant=1',
  'http://127.0.0.1:1/',
  'http://[::1]:65535/callback',
  'https://localhost:3000/callback',
  'cursor://anysphere.cursor-deeplink/mcp/callback',
  'com.example.app:/oauth',
  'com.example.app:oauth@home',
];
for (const text of accepted) {
  test(`a redirect URI may be ${text}`, () => {
    assert.deepEqual(redirectUri(text), { ok: true, value: text });
  });
}

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['nothing', '', /characters/],
  ['a path', '/callback', /absolute/],
  ['a host without a scheme', '//evil.example/callback', /absolute/],
  ['no host', 'https://', /absolute/],
  ['a scheme and a colon, relative to our own page', 'https:evil.example', /absolute/],
  ['one slash, relative to our own page', 'https:/authorize', /absolute/],
  ['three slashes', 'https:///evil.example', /absolute/],
  ['a port above 65535', 'http://localhost:65536/', /absolute/],
  ['a space inside', 'https://a.example/call back', /spaces/],
  ['a space before it', ' https://a.example/', /spaces/],
  ['a line break after it', 'https://a.example/\n', /spaces/],
  ['a header of its own', 'https://a.example/\r\nX-Evil:1', /spaces/],
  ['a tab in the scheme', 'java\tscript:alert(1)', /spaces/],
  ['a host beyond ASCII', 'https://аpple.example/', /non-ASCII/],
  ['a backslash before the at sign', 'https://good.example\\@evil.example/', /backslashes/],
  ['a backslash for a slash', 'https:\\\\evil.example/', /backslashes/],
  ['a backslash after the host', 'https://evil.example\\.good.example/', /backslashes/],
  ['a fragment', 'https://a.example/#x', /fragment/],
  ['an empty fragment', 'https://a.example/#', /fragment/],
  ['a wildcard path', 'https://a.example/*', /wildcard/],
  ['a wildcard host', 'https://*.example/', /wildcard/],
  ['a user name', 'https://good.example@evil.example/', /user information/],
  ['a password alone', 'https://:pw@evil.example/', /user information/],
  ['empty user information', 'https://@evil.example/', /user information/],
  ['user information dressed as a port', 'http://127.0.0.1:1@evil.example/', /user information/],
  ['user information in front of loopback', 'http://evil.example@localhost/', /user information/],
  ['user information in an own scheme', 'cursor://user@host/callback', /user information/],
  ['http to elsewhere', 'http://a.example/', /loopback/],
  ['http to a host that begins like loopback', 'http://localhost.evil.example/', /loopback/],
  ['http to a host that ends like loopback', 'http://evil-localhost/', /loopback/],
  ['http to 127.0.0.1 as a prefix', 'http://127.0.0.1.evil.example/', /loopback/],
  ['http to loopback with an empty port', 'http://localhost:/', /loopback/],
  ['http to loopback in short', 'http://127.1/', /loopback/],
  ['http to loopback as a number', 'http://2130706433/', /loopback/],
  ['http to another loopback address', 'http://127.0.0.2/', /loopback/],
  ['http to every address', 'http://0.0.0.0/', /loopback/],
  ['http to loopback in capitals', 'HTTP://LOCALHOST/', /loopback/],
  ['javascript', 'javascript:alert(1)', /scheme "javascript:"/],
  ['javascript in odd case', 'JaVaScRiPt:alert(1)', /scheme "javascript:"/],
  ['javascript dressed as a host', 'javascript://localhost/%0aalert(1)', /scheme "javascript:"/],
  ['data', 'data:text/html,x', /scheme "data:"/],
  ['a blob', 'blob:https://a.example/x', /scheme "blob:"/],
  ['a file', 'file:///etc/passwd', /scheme "file:"/],
  ['a browser page', 'about:blank', /scheme "about:"/],
  ['a page in source', 'view-source:https://a.example/', /scheme "view-source:"/],
  ['more than 2048 characters', `https://a.example/${'a'.repeat(2031)}`, /at most 2048/],
];
for (const [what, text, reason] of refused) {
  test(`a redirect URI is refused: ${what}`, () => {
    const outcome = redirectUri(text);

    assert.ok(!outcome.ok, 'accepted');
    assert.match(outcome.failure, reason);
  });
}

test('a redirect URI of 2048 characters is taken', () => {
  assert.equal(redirectUri(`https://a.example/${'a'.repeat(2030)}`).ok, true);
});

test('whatever is accepted leads a browser to the host that the consent page names', () => {
  const parts = fc.constantFrom(
    ...['https:', 'http:', 'x:', '/', '//', '\\', '@', ':', ':1', '.', '?', '#', '%', ' ', '\t'],
    ...['localhost', '127.0.0.1', '[::1]', 'evil.example', 'good.example', '*', 'javascript:'],
  );
  const texts = fc.array(parts, { maxLength: 8 }).map((each) => each.join(''));
  fc.assert(
    fc.property(texts, (text) => {
      const outcome = redirectUri(text);
      if (!outcome.ok) return;

      // A browser resolves the Location against the page that redirects; it must not matter which that is.
      const target = new URL(text, 'https://gateway.example/upstream/callback');
      const shown = returnHost(outcome.value);

      assert.equal(shown.endsWith(target.host === '' ? target.protocol : target.host), true);
      assert.equal(target.username + target.password, '');
      assert.equal(target.protocol !== 'http:' || isLoopbackRedirect(text), true);
    }),
    { numRuns: 2000 },
  );
});

const pairs: readonly (readonly [string, string, string, boolean])[] = [
  ['is the same string', 'https://a.example/cb', 'https://a.example/cb', true],
  ['has another path', 'https://a.example/cb', 'https://a.example/cb/', false],
  ['adds a query', 'https://a.example/cb', 'https://a.example/cb?x=1', false],
  ['has another port off loopback', 'https://a.example/cb', 'https://a.example:444/cb', false],
  ['spells out the default port', 'https://a.example/cb', 'https://a.example:443/cb', false],
  ['spells the host in capitals', 'https://a.example/cb', 'https://A.example/cb', false],
  ['has a slash where none was', 'https://a.example', 'https://a.example/', false],
  ['has another port', 'http://127.0.0.1:1/cb', 'http://127.0.0.1:2/cb', true],
  ['has a port where none was', 'http://127.0.0.1/cb', 'http://127.0.0.1:2/cb', true],
  ['has no port where one was', 'http://localhost:1/cb', 'http://localhost/cb', true],
  ['has another port on IPv6', 'http://[::1]:1/cb', 'http://[::1]:2/cb', true],
  ['has a slash for an empty path', 'http://localhost:1', 'http://localhost:2/', true],
  ['has an empty path for a slash', 'http://localhost:1/', 'http://localhost:2', true],
  ['has another path on loopback', 'http://localhost:1/cb', 'http://localhost:1/evil', false],
  ['has another query on loopback', 'http://localhost:1/?a', 'http://localhost:1/?b', false],
  ['drops the query on loopback', 'http://localhost:1/?a', 'http://localhost:1/', false],
  ['has another scheme on loopback', 'https://localhost:1/', 'http://localhost:1/', false],
  ['is 127.0.0.1 for localhost', 'http://localhost:1/', 'http://127.0.0.1:1/', false],
  ['is localhost for 127.0.0.1', 'http://127.0.0.1:1/', 'http://localhost:1/', false],
  ['is [::1] for localhost', 'http://localhost:1/', 'http://[::1]:1/', false],
  ['dresses user info as a port', 'http://127.0.0.1:1/', 'http://127.0.0.1:2@evil/', false],
  ['continues the host', 'http://localhost/', 'http://localhost.evil/', false],
  ['has a port of letters', 'http://localhost/', 'http://localhost:evil/', false],
  ['has a backslash for the slash', 'http://localhost/', 'http://localhost:1\\evil', false],
  ['has another scheme altogether', 'cursor://cb', 'vscode://cb', false],
  ['has another port in an own scheme', 'cursor://cb:1/', 'cursor://cb:2/', false],
];
for (const [what, registered, presented, same] of pairs) {
  test(`a presented redirect URI that ${what} ${same ? 'is' : 'is not'} the registered one`, () => {
    assert.equal(sameRedirectUri(registered, presented), same);
  });
}

const hosts: readonly (readonly [string, string, ReturnKind])[] = [
  ['https://App.Example.com/cb', 'app.example.com', 'website'],
  ['https://app.example.com:8443/cb', 'app.example.com:8443', 'website'],
  ['http://localhost:3118/cb', 'localhost:3118', 'loopback'],
  ['http://[::1]:3118/cb', '[::1]:3118', 'loopback'],
  ['https://127.0.0.1/cb', '127.0.0.1', 'loopback'],
  ['cursor://anysphere.cursor-deeplink/cb', 'cursor://anysphere.cursor-deeplink', 'app'],
  ['com.example.app:/cb', 'com.example.app:', 'app'],
  ['claude.ai:/cb', 'claude.ai:', 'app'],
  ['https.claude.ai:/cb', 'https.claude.ai:', 'app'],
];
for (const [text, host, kind] of hosts) {
  test(`the consent page names ${host} for ${text}, and it leads to: ${kind}`, () => {
    assert.equal(returnHost(uri(text)), host);
    assert.equal(returnKind(uri(text)), kind);
  });
}

test('a response is added to the query, and the redirect URI stays as the client spelled it', () => {
  const parameters = { code: 'c', state: 'a b&c=d', iss: undefined };

  assert.equal(
    redirectWith(uri('https://APP.example.com/%7ecb'), parameters),
    'https://APP.example.com/%7ecb?code=c&state=a%20b%26c%3Dd',
  );
  assert.equal(
    redirectWith(uri('https://a.example/cb?tenant=1'), parameters),
    'https://a.example/cb?tenant=1&code=c&state=a%20b%26c%3Dd',
  );
  assert.equal(
    redirectWith(uri('com.example.app:/cb'), { error: 'access_denied' }),
    'com.example.app:/cb?error=access_denied',
  );
});

test('any state comes back to the client as it was', () => {
  fc.assert(
    fc.property(anyText, (state) => {
      const back = redirectWith(uri('https://a.example/cb'), { code: 'c', state });

      assert.equal(new URL(back).searchParams.get('state'), state);
    }),
  );
});
