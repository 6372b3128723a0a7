import { displayText, type Html, html } from './html.ts';
import { page } from './page-layout.ts';

/** The two addresses the page is about. */
export interface HomeView {
  /** What a client is given, byte for byte: `https://gateway.example/mcp`. */
  readonly mcpUrl: string;
  readonly upstreamHost: string;
  /** Whether there is no screen 2. */
  readonly onlyScreen?: boolean | undefined;
}

interface ClientGuide {
  readonly client: string;
  readonly steps: Html;
}

/** For a person who opens / or /mcp in a browser: what this is, and what to paste into which client. */
export function homePage(view: HomeView): string {
  const guides = [...terminalGuides(view), ...applicationGuides(view)];
  return page({
    title: 'Connect',
    width: 'middle',
    smallPrint: html`<p>On the first connection your browser opens ${view.onlyScreen ? 'to sign in here' : html`twice: to sign in here, then at ${displayText(view.upstreamHost, 300)}`}.</p>`,
    body: html`<article class="card">
<div class="pad">
<p class="eyebrow">MCP server address</p>
<h1>Connect your MCP client to ${displayText(view.upstreamHost, 300)}</h1>
<p class="soft">This address is for MCP clients, not for browsers. Add it to yours; the client then opens a sign-in page by itself.</p>
<pre class="snippet address" tabindex="0" aria-label="MCP server address">${view.mcpUrl}</pre>
</div>
<div class="clients">${guides.map(guideSection)}</div>
</article>`,
  });
}

// The shared name makes the browser keep one open at a time, without a script.
function guideSection(guide: ClientGuide, index: number): Html {
  return html`<details name="client"${index === 0 && html` open`}><summary>${guide.client}</summary>
<div class="steps">${guide.steps}</div></details>`;
}

function terminalGuides(view: HomeView): readonly ClientGuide[] {
  const name = serverName(view.upstreamHost);
  const url = shellWord(view.mcpUrl);
  return [
    {
      client: 'Claude Code',
      steps: html`<p>In a terminal:</p>
${snippet(`claude mcp add --transport http ${name} ${url}`)}
<p>Then, in Claude Code, type <code>/mcp</code>, choose <code>${name}</code> and authenticate.</p>`,
    },
    {
      client: 'Codex CLI',
      steps: html`<p>In a terminal:</p>
${snippet(`codex mcp add ${name} --url ${url}`)}
<p>If no sign-in page opens: <code>codex mcp login ${name}</code></p>`,
    },
    {
      client: 'Gemini CLI',
      steps: html`<p>In a terminal:</p>
${snippet(`gemini mcp add --transport http ${name} ${url}`)}
<p>Then, in Gemini CLI, type <code>/mcp auth ${name}</code>.</p>`,
    },
    {
      client: 'VS Code',
      steps: html`<p>In a terminal:</p>
${snippet(`code --add-mcp ${shellWord(JSON.stringify({ name, type: 'http', url: view.mcpUrl }))}`)}
<p>Or, in the Command Palette: <b>MCP: Add Server…</b>, then <b>HTTP</b>, and paste the address.</p>`,
    },
  ];
}

function applicationGuides(view: HomeView): readonly ClientGuide[] {
  const name = serverName(view.upstreamHost);
  const cursor = { mcpServers: { [name]: { url: view.mcpUrl } } };
  return [
    {
      client: 'Cursor',
      steps: html`<p>In <code>~/.cursor/mcp.json</code>, or <code>.cursor/mcp.json</code> of a project:</p>
${snippet(JSON.stringify(cursor, undefined, 2))}
<p>Then open the MCP settings of Cursor and choose <b>Connect</b> beside <code>${name}</code>.</p>`,
    },
    {
      client: 'claude.ai and Claude Desktop',
      steps: html`<p>Open <b>Settings</b>, then <b>Connectors</b>, then <b>Add custom connector</b>, and paste the address:</p>
${snippet(view.mcpUrl)}
<p>Claude connects from the internet: an address on your own network or computer is out of its reach.</p>`,
    },
  ];
}

function snippet(text: string): Html {
  return html`<pre class="snippet" tabindex="0">${text}</pre>`;
}

// Short, because clients put it in front of every tool name, and those are limited to 64 characters.
function serverName(upstreamHost: string): string {
  const labels = (upstreamHost.split(':')[0] ?? '').toLowerCase().split('.');
  const telling = labels.find((label) => !['api', 'mcp', 'www'].includes(label)) ?? '';
  return /^[a-z][a-z0-9-]*$/.test(telling) ? telling : 'upstream';
}

// The address can come from a Host header: what is pasted into a shell must stay one word there.
function shellWord(text: string): string {
  return /^[\w.:/%@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
