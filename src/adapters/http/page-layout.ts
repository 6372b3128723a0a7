import { createHash } from 'node:crypto';
import { type Html, html, trustedHtml } from './html.ts';

/** The one style sheet of all pages. No page carries a style attribute: the hash in the policy covers this text only. */
export const pageStyle = `
:root { color-scheme: light dark; --ground: #f3f5f4; --surface: #fff; --panel: #f9fafa; --ink: #15191c; --soft: #56616a;
  --line: #dde2e1; --edge: #858f95; --accent: #0b6149; --accent-over: #084c39; --on-accent: #fff; --tint: #e6f1ed;
  --warn: #6b4500; --warn-line: #b57a12; --bad: #a01c1c; --bad-ground: #fdf0ef; --bad-line: #d9534b;
  --shadow: 0 1px 2px rgb(16 24 32 / 5%), 0 12px 32px -12px rgb(16 24 32 / 14%);
  --mono: ui-monospace, SFMono-Regular, "SF Mono", Menlo, "Cascadia Mono", Consolas, "Liberation Mono", monospace; }
@media (prefers-color-scheme: dark) { :root { --ground: #0e1113; --surface: #161a1d; --panel: #121619; --ink: #e9edee;
  --soft: #9ba6ad; --line: #293035; --edge: #69747b; --accent: #5cc4a0; --accent-over: #79d4b4; --on-accent: #04241a;
  --tint: #16302a; --warn: #edc069; --warn-line: #a97b26; --bad: #ffada6; --bad-ground: #2b1717; --bad-line: #b9443d;
  --shadow: 0 1px 2px rgb(0 0 0 / 40%), 0 16px 40px -16px rgb(0 0 0 / 60%); } }
@media (prefers-contrast: more) { :root { --soft: var(--ink); --line: var(--edge); } }
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; min-height: 100vh; min-height: 100svh; display: flex; flex-direction: column; justify-content: safe center; gap: 18px;
  padding: 24px 16px 40px; background: var(--ground); color: var(--ink);
  font: 400 16px/1.5 -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", Ubuntu, Cantarell,
    "Helvetica Neue", "Liberation Sans", system-ui, sans-serif; -webkit-font-smoothing: antialiased; }
h1, h2, p, dl, dd, ul, ol, pre { margin: 0; }
h1 { font-size: 26px; line-height: 1.25; font-weight: 650; letter-spacing: -0.015em; text-wrap: balance; }
h2 { font-size: 18px; line-height: 1.35; font-weight: 650; letter-spacing: -0.005em; }
h1, h2, p, dd, li, summary { overflow-wrap: anywhere; }
p, dd { text-wrap: pretty; }
body > * { width: 100%; max-width: 520px; margin: 0 auto; }
.middle > * { max-width: 720px; }
.top { display: flex; align-items: center; gap: 10px; font-size: 14px; font-weight: 600; }
.mark { width: 24px; height: 24px; flex: none; color: var(--accent); }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); overflow: hidden; }
.pad { padding: 28px; display: flex; flex-direction: column; gap: 16px; min-width: 0; }
.eyebrow { font-size: 13px; font-weight: 600; color: var(--accent); }
.eyebrow.bad { color: var(--bad); }
.eyebrow + h1 { margin-top: -12px; }
.soft, .foot { color: var(--soft); }
a { color: var(--accent); text-underline-offset: 3px; }
button.link { width: auto; min-height: 0; padding: 0; border: 0; background: none; color: var(--accent); font-weight: 500;
  text-decoration: underline; text-underline-offset: 3px; }
.small { font-size: 14px; line-height: 1.45; }
.foot { font-size: 13px; line-height: 1.45; display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 24px; }
.foot p { min-width: 0; }
code { font-family: var(--mono); font-size: 0.92em; }
.foot code { user-select: all; -webkit-user-select: all; }
.request { background: var(--panel); border-bottom: 1px solid var(--line); gap: 20px; }
.facts { display: grid; gap: 16px; }
.facts > div { display: grid; gap: 2px; min-width: 0; }
.facts dt { font-size: 13px; color: var(--soft); }
.facts .value { font-weight: 600; font-size: 17px; line-height: 1.35; overflow: hidden; }
.facts .host { font: 600 15px/1.45 var(--mono); }
.facts .none { font-weight: 400; font-size: 16px; }
.note { font-size: 14px; line-height: 1.45; color: var(--soft); }
.note.warn { color: var(--warn); border-left: 3px solid var(--warn-line); padding-left: 10px; margin-top: 4px; }
.scopes { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 6px; margin-top: 4px; }
.scopes li { font: 500 13.5px/1.4 var(--mono); padding: 2px 8px; border: 1px solid var(--line); border-radius: 6px; background: var(--surface); }
.more { margin-top: 8px; } .more summary { font-size: 14px; color: var(--accent); cursor: pointer; }
.field { display: grid; gap: 6px; }
label { font-size: 14px; font-weight: 600; }
input { width: 100%; min-height: 46px; padding: 10px 12px; font: inherit; color: var(--ink); background: var(--surface);
  border: 1px solid var(--edge); border-radius: 8px; }
button { width: 100%; min-height: 46px; padding: 10px 16px; font: inherit; font-weight: 600; border-radius: 8px; cursor: pointer;
  border: 1px solid transparent; background: transparent; color: var(--ink); }
.allow { background: var(--accent); color: var(--on-accent); } .allow:hover { background: var(--accent-over); }
.deny { border-color: var(--edge); } .deny:hover { background: var(--panel); }
.actions { display: grid; gap: 10px; margin-top: 4px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
input:focus-visible { outline-width: 2px; outline-offset: 0; border-color: var(--accent); }
.message { padding: 10px 14px; border: 1px solid var(--bad-line); border-radius: 8px; background: var(--bad-ground); color: var(--bad); font-weight: 500; }
.remedy { padding: 14px 16px; border-radius: 10px; background: var(--tint); display: grid; gap: 4px; }
.remedy h2 { font-size: 15px; }
.snippet { font: 13.5px/1.55 var(--mono); padding: 12px 14px; border: 1px solid var(--line); border-radius: 8px; background: var(--panel);
  white-space: pre-wrap; overflow-wrap: anywhere; user-select: all; -webkit-user-select: all; }
.address { font-size: 16px; font-weight: 600; }
.clients { border-top: 1px solid var(--line); }
.clients details + details { border-top: 1px solid var(--line); }
.clients summary { padding: 13px 28px; font-weight: 600; cursor: pointer; display: flex; justify-content: space-between; align-items: center; gap: 16px; list-style: none; }
.clients summary::-webkit-details-marker { display: none; }
.clients summary::after { content: ""; width: 8px; height: 8px; flex: none; border: solid var(--soft); border-width: 0 2px 2px 0; transform: translateY(-2px) rotate(45deg); }
.clients [open] > summary::after { transform: translateY(2px) rotate(225deg); }
.clients summary:hover { background: var(--panel); }
.clients summary:focus-visible { outline-offset: -3px; }
.steps { padding: 2px 28px 22px; display: grid; gap: 10px; min-width: 0; }
@media (min-width: 840px) { .wide > * { max-width: 920px; } .split { display: grid; grid-template-columns: minmax(0, 1.12fr) minmax(0, 1fr); }
  .split .pad { padding: 36px; } .request { border-bottom: 0; border-right: 1px solid var(--line); } }
@media (max-width: 480px) { body { padding-block: 16px 24px; justify-content: start; gap: 14px; } .pad { padding: 20px; } h1 { font-size: 22px; }
  .request { gap: 14px; } .facts { gap: 12px; }
  .clients summary { padding-inline: 20px; } .steps { padding-inline: 20px; } }
`;

/** The Content-Security-Policy source that admits `pageStyle` and no other style. */
export const pageStyleHash: string = `'sha256-${createHash('sha256').update(pageStyle).digest('base64')}'`;

/** Response headers of every page. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  // No form-action: browsers hold it against every redirect that follows the form, so it would have to name each
  // upstream and each client; where it does not, the click on "Allow" dies without a word.
  'Content-Security-Policy': [
    "default-src 'none'",
    `style-src ${pageStyleHash}`,
    // For the icon below, which spares every visit a request for /favicon.ico.
    'img-src data:',
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'Cache-Control': 'no-store',
  // The form is then posted with `Origin: null` (Fetch, "append a request Origin header"): do not check Origin there.
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // No Cross-Origin-Opener-Policy: it cuts `window.opener` for good, also after the redirect back, and browser clients
  // that run the flow in a popup wait for their own callback page to speak through it.
};

const GATE = 'M3 21h18M6 21V10a6 6 0 0 1 12 0v11M12 12.4v4.6';
const KEYHOLE = 'M12 13.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4Z';
const ICON = `data:image/svg+xml,${encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#1b8f6d" stroke-width="2.2" stroke-linecap="round"><path d="${GATE}"/><path d="${KEYHOLE}" fill="#1b8f6d" stroke="none"/></svg>`,
)}`;

/** What differs from page to page. */
export interface PageView {
  /** For the tab; the product's name is added. */
  readonly title: string;
  /** The content of `<main>`. */
  readonly body: Html;
  /** One line under the card, such as the id to quote to an operator. */
  readonly smallPrint: Html | undefined;
  readonly width: 'narrow' | 'middle' | 'wide';
}

/** A complete HTML document: send it with `pageHeaders`. */
export function page(view: PageView): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
<meta name="theme-color" content="#f3f5f4" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0e1113" media="(prefers-color-scheme: dark)">
<title>${view.title} · MCP OAuth Gateway</title>
<link rel="icon" href="${ICON}">
<style>${trustedHtml(pageStyle)}</style>
</head>
<body class="${view.width}">
<header class="top">
<svg class="mark" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" aria-hidden="true"><path d="${GATE}"/><path d="${KEYHOLE}" fill="currentColor" stroke="none"/></svg>
<span>MCP OAuth Gateway</span>
</header>
<main>
${view.body}
</main>
${view.smallPrint !== undefined && html`<footer class="foot">${view.smallPrint}</footer>`}
</body>
</html>
`.toString();
}
