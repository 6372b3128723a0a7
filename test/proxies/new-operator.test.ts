import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { app, type GithubLike, startGithubLike } from '../gateway/github-like.ts';
import {
  type Answer,
  answerScreenOne,
  authorizationUrl,
  exchangeForm,
  postToken,
  register,
  send,
} from '../gateway/raw-client.ts';
import { codeOf, rawLogin } from '../gateway/raw-login.ts';
import { eventually } from '../support/eventually.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { Browser } from '../support/real/browser-driver.ts';
import { connectV2 } from '../support/real/mcp-clients.ts';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { MemoryOAuthProvider } from '../support/real/memory-oauth-provider.ts';
import { startRedis, withoutRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { isInstalled, programs, snippetsOf, startProxyProgram } from './proxy-programs.ts';

// What somebody does who has only the documents: the README's GitHub, the store's Redis, the proxy's nginx; then everything goes wrong that can.

const folder = temporaryFolder();
const base = 'https://mcp.example.com';
const credentials = { username: 'ada', password: 'a password of our own' };

/** Two gateways on one Redis, behind nginx with TLS, before GitHub. */
interface Deployment {
  readonly github: GithubLike;
  readonly gateways: readonly GatewayProcess[];
}

async function deploy(t: TestContext): Promise<Deployment> {
  const redis = await startRedis(folder, '--maxmemory-policy', 'noeviction');
  t.after(() => redis.kill());
  const github = await startGithubLike();
  t.after(github.close);
  const mcp = await startSdkMcpServer({
    verify: async (token) => github.isLive(token),
    resourceMetadata: { authorization_servers: ['http://127.0.0.1:1/never-asked'] },
  });
  t.after(mcp.close);
  const keyFile = join(folder, 'gateway.key');
  writeFileSync(keyFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  const start = () =>
    startGatewayProcess(
      {
        MCP_GATEWAY_USERNAME: credentials.username,
        MCP_GATEWAY_PASSWORD: credentials.password,
        MCP_GATEWAY_UPSTREAM_CLIENT_SECRET: app.clientSecret,
      },
      `--upstream-rs=${mcp.url}`,
      `--upstream-client-id=${app.clientId}`,
      `--upstream-authorize-endpoint=${github.authorizeEndpoint}`,
      `--upstream-token-endpoint=${github.tokenEndpoint}`,
      `--public-url=${base}`,
      '--trusted-proxy=127.0.0.1,::1',
      `--store=redis://127.0.0.1:${redis.port}`,
      `--key-file=${keyFile}`,
    );
  const gateways = await Promise.all([start(), start()]);
  t.after(() => Promise.all(gateways.map((gateway) => gateway.kill())));
  const [snippet = ''] = snippetsOf('nginx');
  const servers = gateways.map(({ origin }) => `server ${new URL(origin).host};`).join(' ');
  await startProxyProgram(t, programs.nginx, snippet.replace('server 127.0.0.1:8002;', servers), {
    host: new URL(base).hostname,
    gatewayPort: 0,
  });
  return { github, gateways };
}

/** The official SDK as a client, and a browser that says yes everywhere. */
async function connect() {
  const provider = new MemoryOAuthProvider();
  const browser = new Browser(provider.redirectUrl);
  return connectV2({
    url: `${base}/mcp`,
    provider,
    authorize: async (url) => {
      const page = await answerScreenOne(browser, await browser.visit(url), 'allow', credentials);
      return page.callback ?? assert.fail(`The browser stayed at ${page.url}.`);
    },
  });
}

interface Failure {
  readonly name: string;
  /** What goes wrong; what the user or the client is told. */
  readonly provoke: (deployment: Deployment) => Promise<string>;
  readonly told: RegExp;
  /** The words of the line that says why, and a part of it that says what or who. */
  readonly line: readonly [words: string, detail: string];
}

/** A browser that comes from somewhere else than the others, so that its failures are its own. */
const from = (address: string) => ({ accept: 'text/html', 'x-forwarded-for': address });
const stage = { base, as: { approve: (url: string) => url } } as Parameters<typeof rawLogin>[0];
const words = ({ status, headers, text }: Answer) =>
  `${status} ${headers.location ?? ''} ${text
    .replace(/<style>[^<]*<\/style>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')}`;

/** Signs in and follows GitHub's redirect, which is the way back. */
async function wayBack(headers: Readonly<Record<string, string>>) {
  const client = await register(base);
  const { signedIn, cookie } = await rawLogin(stage, client, { typed: credentials, headers });
  const answered = await send(signedIn.headers.location ?? '');
  return { client, cookie, back: answered.headers.location ?? '' };
}

async function guess(address: string): Promise<Answer> {
  const typed = { ...credentials, password: 'a guess' };
  return (await rawLogin(stage, await register(base), { typed, headers: from(address) })).signedIn;
}

const failures: readonly Failure[] = [
  {
    name: 'a wrong password',
    provoke: async () => words(await guess('192.0.2.1')),
    told: /401.*do not go together/,
    line: ['sign-in refused', 'reason=wrong_password'],
  },
  {
    name: 'too many wrong passwords, at two gateways',
    provoke: async () => {
      // On a slow machine one or another comes late enough to be tried; each makes the next wait longer.
      for (let time = 0; time < 20; time += 1) {
        const answer = await guess('192.0.2.2');
        if (answer.status === 429) return words(answer);
      }
      return 'No attempt was turned away.';
    },
    told: /429.*too many wrong passwords/,
    line: ['sign-in refused', 'reason=too_many_attempts'],
  },
  {
    name: 'an application that is not registered',
    provoke: async () =>
      words(
        await send(authorizationUrl(base, { client_id: 'forgotten' }), {
          headers: from('192.0.2.3'),
        }),
      ),
    told: /400.*This application is not registered here/,
    line: ['authorization refused', 'client=forgotten'],
  },
  {
    name: 'a redirect URI that is another than the registered one',
    provoke: async () => {
      const changes = { redirect_uri: 'https://elsewhere.example/callback' };
      const url = authorizationUrl(base, await register(base), changes);
      return words(await send(url, { headers: from('192.0.2.4') }));
    },
    told: /400.*The application cannot be returned to/,
    line: ['authorization refused', 'redirect_uri=https://elsewhere.example/callback'],
  },
  {
    name: 'a sign-in that goes on in another browser',
    provoke: async () => {
      const { back } = await wayBack(from('192.0.2.5'));
      return words(await send(back, { headers: from('192.0.2.6') }));
    },
    told: /403.*belongs to another browser/,
    line: ['step refused', 'reason=wrong_browser'],
  },
  {
    name: 'a no at GitHub',
    provoke: async ({ github }) => {
      github.next = 'deny';
      const refused = await connect().catch((error: unknown) => String(error));
      github.next = 'allow';
      return String(refused);
    },
    told: /access_denied/,
    line: ['authorization denied', 'by=upstream'],
  },
  {
    name: 'a code that GitHub refuses',
    provoke: async ({ github }) => {
      github.next = 'spoil';
      const refused = await connect().catch((error: unknown) => String(error));
      github.next = 'allow';
      return String(refused);
    },
    told: /server_error.*bad_verification_code/,
    line: ['upstream failed', 'bad_verification_code'],
  },
  {
    name: 'a code without its verifier',
    provoke: async () => {
      const headers = from('192.0.2.7');
      const { client, cookie, back } = await wayBack(headers);
      const code = codeOf(await send(back, { headers: { ...headers, cookie } }));
      const form = { ...exchangeForm(code, client), code_verifier: 'x'.repeat(43) };
      return words(await postToken(base, form));
    },
    told: /400.*invalid_grant/,
    line: ['token refused', 'error=invalid_grant'],
  },
  {
    name: 'an access that the user took back at GitHub',
    provoke: async ({ github }) => {
      const connection = await connect();
      github.revokeAll();
      const refused = await connection.call('whoami').catch((error: unknown) => String(error));
      await connection.leave();
      return refused;
    },
    told: /Unauthorized/,
    line: ['grant ended', 'reason=upstream_refused'],
  },
  {
    name: 'GitHub that is away',
    provoke: async ({ github }) => {
      const headers = from('192.0.2.8');
      const { cookie, back } = await wayBack(headers);
      await github.close();
      return words(await send(back, { headers: { ...headers, cookie } }));
    },
    told: /error=temporarily_unavailable/,
    line: ['upstream failed', 'ECONNREFUSED'],
  },
];

test('a new operator’s gateways serve a real client, and what goes wrong is found in one look', {
  skip: withoutRedis || (isInstalled(programs.nginx) ? false : 'nginx is not installed'),
  timeout: 120_000,
}, async (t) => {
  const deployment = await deploy(t);
  const { gateways } = deployment;
  const log = () => gateways.map((gateway) => gateway.printed()).join('');
  const documented = readFileSync('docs/troubleshooting.md', 'utf8');

  await t.test('a client connects and calls, and both gateways had their part in it', async () => {
    const connection = await connect();

    assert.equal(await connection.call('echo', { text: 'hello' }), 'hello');
    assert.equal(await connection.call('echo', { text: 'again' }), 'again');
    await connection.close();
    for (const gateway of gateways) {
      await eventually(
        async () => gateway.printed(),
        (printed) => / request .*route=\S+ .*status=/.test(printed),
      );
    }
    // One login is one id, whichever of them wrote the line.
    const id = /authorization started .*flow=(\S+)/.exec(log())?.[1] ?? '';
    for (const step of ['signed in', 'sent upstream', 'code issued', 'code exchanged']) {
      assert.match(log(), new RegExp(` ${step} .*flow=${id}`), step);
    }
  });

  for (const { name, provoke, told, line } of failures) {
    await t.test(`${name} is found by the line that the documents name`, async () => {
      const before = gateways.map((gateway) => gateway.printed().length);
      const since = () =>
        gateways.flatMap((gateway, place) => gateway.printed().slice(before[place]).split('\n'));
      const [message, detail] = line;
      const isIt = (text: string) => text.includes(` ${message} `) && text.includes(detail);

      const seen = await provoke(deployment);

      assert.match(seen, told);
      const found = await eventually(
        async () => since().filter(isIt),
        ({ length }) => length > 0,
      );
      assert.equal(found.length, 1, since().join('\n'));
      assert.match(documented, new RegExp(`^\\|.*\`${message}\``, 'm'), 'the table has this line');
    });
  }

  await t.test('no secret is in what they wrote', () => {
    for (const secret of [credentials.password, app.clientSecret, 'gho_', 'a guess']) {
      assert.equal(log().includes(secret), false, 'a secret');
    }
  });
});
