import type { RedirectUri } from '../../domain/redirect-uri.ts';
import { returnHost } from '../../domain/redirect-uri.ts';
import { scopeTokens } from '../../domain/scope.ts';
import type { AuthorizationAsk } from './authorization-core.ts';

/** What the upstream's consent page says. */
export interface ScreenTwo {
  readonly ask: AuthorizationAsk;
  /** The query of the authorization request, which the form brings back. */
  readonly query: string;
  /** What the upstream calls itself. */
  readonly serverName: string;
}

/** The upstream's own consent page: a form with two buttons, no script. */
export function screenTwoPage({ ask, query, serverName }: ScreenTwo): string {
  const scopes = scopeTokens(ask.scope)
    .map((token) => `<li><code>${escaped(token)}</code></li>`)
    .join('');
  const returnsTo = escaped(returnHost(ask.redirectUri as RedirectUri));
  return page(
    serverName,
    `<p class="eyebrow">${escaped(serverName)}</p>
<h1>Allow access?</h1>
<p><strong>${returnsTo}</strong> (client <code>${escaped(ask.clientId)}</code>) asks for access to your account.</p>
${scopes === '' ? '' : `<p>It will be able to:</p>\n<ul>${scopes}</ul>`}
<form method="post" action="/authorize">
<input type="hidden" name="request" value="${escaped(query)}">
<button name="decision" value="deny">Deny</button>
<button class="primary" name="decision" value="allow" autofocus>Allow</button>
</form>`,
  );
}

/** A page that says what is wrong with a request that cannot be answered. */
export function refusalPage(serverName: string, reason: string): string {
  return page(
    serverName,
    `<p class="eyebrow">${escaped(serverName)}</p>\n<h1>That did not work</h1>\n<p>${escaped(reason)}</p>`,
  );
}

/** For everything but the form's target: browsers apply `form-action` to the whole chain of redirects behind it. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --text: #1c2430; --soft: #5b6675; --back: #f3f5f8; --card: #fff; --line: #d5dbe3; --main: #14653f; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8ecf2; --soft: #9aa6b5; --back: #12161c; --card: #1b212a; --line: #36404d; --main: #2c8f60; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--back); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
h1 { margin: 0 0 1rem; font-size: 1.4rem; }
.eyebrow { margin: 0 0 .25rem; color: var(--soft); font-size: .9rem; }
code { overflow-wrap: anywhere; }
form { display: flex; gap: .75rem; margin-top: 1.5rem; }
button { flex: 1; padding: .65rem 1rem; font: inherit; font-weight: 600; color: inherit; background: none; border: 1px solid var(--line);
  border-radius: 8px; cursor: pointer; }
button.primary { color: #fff; background: var(--main); border-color: var(--main); }
button:focus-visible { outline: 3px solid var(--main); outline-offset: 2px; }
`;

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
