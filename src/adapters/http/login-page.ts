import { displayText, type Html, html } from './html.ts';
import { page } from './page-layout.ts';

/** Who gave a client its name: itself at registration, the host of its document, or the operator. */
export type NameSource =
  | { readonly type: 'registered' }
  | { readonly type: 'document'; readonly host: string }
  | { readonly type: 'configured' };

/** The client as the user has to judge it. */
export interface LoginClient {
  readonly name: string | undefined;
  /** Without this a name says nothing: anybody can claim any. */
  readonly nameSource: NameSource;
  /** Where the browser returns to: `claude.ai`, `localhost:3118` or `cursor://anysphere.cursor-mcp`. */
  readonly returnHost: string;
  readonly loopback: boolean;
}

/** What screen 1 shows: who asks, for what, and the form that answers. */
export interface LoginView {
  readonly client: LoginClient;
  /** Where screen 2 is: `api.githubcopilot.com`. */
  readonly upstreamHost: string;
  /** Whether there is no screen 2, since the upstream has no users of its own. */
  readonly onlyScreen?: boolean;
  readonly scopes: readonly string[];
  readonly action: string;
  readonly flow: string;
  readonly csrf: string;
  /** Who is signed in on this browser already, and has only to say yes or no. */
  readonly signedIn: string | undefined;
  /** Why the form is shown again, such as a wrong password. */
  readonly message: string | undefined;
}

// A host is never cut at the end, where the part that tells who owns it stands: DNS ends at 253 characters.
const HOST_LIMIT = 300;
const SCOPE_LIMIT = 100;
const SCOPES_IN_SIGHT = 6;
// About what a phone shows above the form.
const SHORT_REQUEST = 240;

/** Screen 1: sign-in and consent in one form, posting `flow`, `csrf`, `username`, `password` and `decision` (`allow` or `deny`). */
export function loginPage(view: LoginView): string {
  const upstream = displayText(view.upstreamHost, HOST_LIMIT);
  const question = `Allow access to ${upstream}?`;
  return page({
    // First in the title, because a screen reader reads that first.
    title: view.message === undefined ? question : `Not signed in: ${question}`,
    width: 'wide',
    smallPrint: html`<p>Cancel tells the application that you refused, and gives it nothing.</p><p>Flow <code>${view.flow.slice(0, 8)}</code></p>`,
    body: html`<div class="card split">
<section class="pad request" aria-labelledby="question">
<p class="eyebrow">${view.onlyScreen ? 'One screen, and you are through' : 'Screen 1 of 2'}</p>
<h1 id="question">${question}</h1>
<dl class="facts">
${nameFact(view.client)}
${returnFact(view.client)}
${scopeFact(view, upstream)}
</dl>
</section>
${form(view, upstream)}
</div>`,
  });
}

// The claimed name stands alone, never inside a sentence of ours: no quotation mark could keep it from continuing one.
function nameFact({ name = '', nameSource }: LoginClient): Html {
  const shown = displayText(name);
  const { label, note, none } = nameTexts(nameSource);
  return html`<div><dt>${label}</dt>${
    shown === ''
      ? html`<dd class="value none">${none}</dd>`
      : html`<dd class="value"><bdi>${shown}</bdi></dd>
<dd class="note">${note}</dd>`
  }</div>`;
}

interface NameTexts {
  readonly label: string;
  /** Where the name comes from. */
  readonly note: string | Html;
  /** Instead of a name. */
  readonly none: string;
}

function nameTexts(source: NameSource): NameTexts {
  switch (source.type) {
    case 'registered':
      return {
        label: 'The application calls itself',
        note: 'It chose this name when it registered itself. Nobody has checked it.',
        none: 'nothing: it registered itself without a name',
      };
    case 'document':
      return {
        label: 'The application calls itself',
        note: html`The name comes from <code><bdi>${displayText(source.host, HOST_LIMIT)}</bdi></code>, which publishes this application. Nobody else has checked it.`,
        none: 'nothing: it was published without a name',
      };
    case 'configured':
      return {
        label: 'The application is called',
        note: 'The operator of this gateway let it in under this name.',
        none: 'nothing: the operator of this gateway let it in without a name',
      };
  }
}

function returnFact(client: LoginClient): Html {
  return html`<div><dt>Your browser returns to</dt>
<dd class="value host"><bdi>${displayText(client.returnHost, HOST_LIMIT)}</bdi></dd>
${returnNote(client)}</div>`;
}

function returnNote(client: LoginClient): Html {
  if (client.loopback) {
    return html`<dd class="note warn">A program on this computer. Continue only if you started this connection yourself, just now.</dd>`;
  }
  if (client.returnHost.includes('://')) {
    return html`<dd class="note warn">An app on this computer; any installed app can claim such a link. Continue only if you started this connection yourself, just now.</dd>`;
  }
  return html`<dd class="note">Continue only if you know this website and came from there.</dd>`;
}

function scopeFact({ scopes, onlyScreen }: LoginView, upstream: string): Html {
  if (onlyScreen) {
    return html`<div><dt>It asks for</dt><dd>everything that ${upstream} offers to this gateway</dd></div>`;
  }
  if (scopes.length === 0) {
    return html`<div><dt>It asks for</dt><dd>the access that ${upstream} grants on the next screen</dd></div>`;
  }
  const items = scopes.map((scope) => html`<li><bdi>${displayText(scope, SCOPE_LIMIT)}</bdi></li>`);
  const rest = items.slice(SCOPES_IN_SIGHT);
  return html`<div><dt>It asks for</dt>
<dd><ul class="scopes">${items.slice(0, SCOPES_IN_SIGHT)}</ul>${
    rest.length > 0 &&
    html`<details class="more"><summary>and ${rest.length} more</summary><ul class="scopes">${rest}</ul></details>`
  }</dd></div>`;
}

// "Allow" comes first in the tree: Enter in a field presses the form's first submit button (HTML, "implicit submission").
function form(view: LoginView, upstream: string): Html {
  const returnHost = displayText(view.client.returnHost, HOST_LIMIT);
  return html`<form class="pad" method="post" action="${view.action}" aria-labelledby="sign-in">
<h2 id="sign-in">${view.signedIn === undefined ? 'Sign in to this gateway' : 'You are signed in'}</h2>
${view.message !== undefined && html`<p class="message" id="message" role="alert">${displayText(view.message, 300)}</p>`}
<input type="hidden" name="flow" value="${view.flow}">
<input type="hidden" name="csrf" value="${view.csrf}">
${view.signedIn === undefined ? credentialFields(view) : rememberedUser(view.signedIn)}
<div class="actions"><button class="allow" type="submit" name="decision" value="allow">Allow and continue</button>
<button class="deny" type="submit" name="decision" value="deny" formnovalidate>Cancel</button></div>
${view.signedIn !== undefined && html`<p class="small"><button class="link" type="submit" name="decision" value="switch">Sign in as somebody else</button></p>`}
<p class="small soft">${!view.onlyScreen && html`Next, ${upstream} asks you on its own screen. `}After that your browser returns to <code><bdi>${returnHost}</bdi></code>.</p>
</form>`;
}

function credentialFields(view: LoginView): Html {
  const described = view.message !== undefined && html` aria-describedby="message"`;
  return html`<div class="field"><label for="username">Username</label>
<input id="username" name="username" type="text" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" enterkeyhint="next" required${isShort(view) && html` autofocus`}${described}></div>
<div class="field"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" enterkeyhint="go" required></div>`;
}

function rememberedUser(subject: string): Html {
  return html`<p class="value"><bdi>${displayText(subject)}</bdi></p>
<p class="note">This browser remembers your sign-in. It allows nothing by itself: decide about this application.</p>`;
}

// Focus scrolls: a stranger who asks for a lot must not have the browser move who asks out of sight.
function isShort({ client, upstreamHost, scopes }: LoginView): boolean {
  const texts = [client.name ?? '', client.returnHost, upstreamHost];
  return [...texts, ...scopes.slice(0, SCOPES_IN_SIGHT)].join('').length <= SHORT_REQUEST;
}
