import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openLog } from '../../src/adapters/log/log.ts';
import { type Stage, startStage } from './fake-stage.ts';
import { credentials, movableClock } from './gateway-setup.ts';
import {
  type Answer,
  authorizationUrl,
  exchangeForm,
  postToken,
  refreshForm,
  register,
  send,
  tokensOf,
} from './raw-client.ts';
import { codeOf, rawLogin } from './raw-login.ts';

const html = { accept: 'text/html' };
const wrong = { ...credentials, password: 'wrong' };

interface Failure {
  readonly name: string;
  /** Makes a login fail; what its user or client is told at last. */
  readonly provoke: (stage: Stage) => Promise<Answer>;
  /** What they see: a title, or the error that a program gets. */
  readonly seen: RegExp;
  /** How the line of the log begins (after time and level) that tells why, and a part of it that says which login. */
  readonly line: readonly [message: string, detail: string];
}

const told = (answer: Answer) =>
  `${answer.status} ${answer.headers.location ?? ''} ${answer.text.replace(/<[^>]*>/g, ' ')}`;

const failures: readonly Failure[] = [
  {
    name: 'a wrong password',
    provoke: async (stage) =>
      (await rawLogin(stage, await register(stage.base), { typed: wrong })).signedIn,
    seen: /do not go together/,
    line: ['sign-in refused', 'reason=wrong_password'],
  },
  {
    name: 'too many wrong passwords',
    provoke: async (stage) => {
      const client = await register(stage.base);
      // On a slow machine one or another comes late enough to be tried; each makes the next wait longer.
      for (let time = 0; time < 20; time += 1) {
        const { signedIn } = await rawLogin(stage, client, { typed: wrong });
        if (signedIn.status === 429) return signedIn;
      }
      throw new Error('No attempt was turned away.');
    },
    seen: /too many wrong passwords/,
    line: ['sign-in refused', 'reason=too_many_attempts'],
  },
  {
    name: 'an unknown client',
    provoke: ({ base }) =>
      send(authorizationUrl(base, { client_id: 'forgotten' }), { headers: html }),
    seen: /This application is not registered here/,
    line: ['authorization refused', 'client=forgotten'],
  },
  {
    name: 'a redirect URI that is not registered',
    provoke: async ({ base }) => {
      const client = await register(base);
      const changes = { redirect_uri: 'https://elsewhere.example/callback' };
      return send(authorizationUrl(base, client, changes), { headers: html });
    },
    seen: /The application cannot be returned to/,
    line: ['authorization refused', 'https://elsewhere.example/callback'],
  },
  {
    name: 'a sign-in that took too long',
    provoke: async (stage) => {
      const { back } = await rawLogin(stage, await register(stage.base));
      stage.clock.advance(1000);
      return back();
    },
    seen: /This sign-in took too long/,
    line: ['step refused', 'reason=expired'],
  },
  {
    name: 'another browser',
    provoke: async (stage) => {
      const { signedIn } = await rawLogin(stage, await register(stage.base));
      return send(stage.as.approve(signedIn.headers.location ?? ''), { headers: html });
    },
    seen: /This sign-in belongs to another browser/,
    line: ['step refused', 'reason=wrong_browser'],
  },
  {
    name: 'an upstream that does not let the gateway register',
    provoke: async (stage) => {
      stage.as.misbehave({ type: 'status', status: 403 }, '/register');
      const { signedIn } = await rawLogin(stage, await register(stage.base));
      assert.equal(signedIn.status, 503);
      assert.ok(signedIn.text.includes(`${stage.base}/upstream/callback`), signedIn.text);
      assert.match(signedIn.text, /href="[^"]*\?[^"]*error=server_error[^"]*">Back to the/);
      return signedIn;
    },
    seen: /This gateway is not registered at its upstream/,
    line: ['upstream failed', 'register a client by hand'],
  },
  {
    name: 'an upstream that is down',
    provoke: async (stage) => {
      const { back } = await rawLogin(stage, await register(stage.base));
      stage.as.misbehave({ type: 'status', status: 503 }, '/token');
      return back();
    },
    seen: /error=temporarily_unavailable/,
    line: ['upstream failed', 'status 503'],
  },
  {
    name: 'a user who says no at the upstream',
    provoke: async (stage) => {
      const { signedIn, cookie } = await rawLogin(stage, await register(stage.base));
      const asked = new URL(signedIn.headers.location ?? '').searchParams;
      const no = new URL(asked.get('redirect_uri') ?? '');
      no.search = String(
        new URLSearchParams({
          error: 'access_denied',
          state: asked.get('state') ?? '',
          iss: stage.as.issuer,
        }),
      );
      return send(no.href, { headers: { cookie, ...html } });
    },
    seen: /error=access_denied/,
    line: ['authorization denied', 'by=upstream'],
  },
  {
    name: 'a code without its verifier',
    provoke: async (stage) => {
      const client = await register(stage.base);
      const code = codeOf(await (await rawLogin(stage, client)).back());
      return postToken(stage.base, {
        ...exchangeForm(code, client),
        code_verifier: 'x'.repeat(43),
      });
    },
    seen: /"error":"invalid_grant"/,
    line: ['token refused', 'error=invalid_grant'],
  },
  {
    name: 'a refresh token that two use',
    provoke: async (stage) => {
      const client = await register(stage.base);
      const code = codeOf(await (await rawLogin(stage, client)).back());
      const first = tokensOf(await postToken(stage.base, exchangeForm(code, client)));
      const use = (token: string) => postToken(stage.base, refreshForm(token, client));
      const second = tokensOf(await use(first.refresh_token));
      tokensOf(await use(second.refresh_token));
      stage.clock.advance(5000);
      return use(first.refresh_token);
    },
    seen: /"error":"invalid_grant"/,
    line: ['grant ended', 'reason=refresh_replayed'],
  },
  {
    name: 'a name that the gateway does not have',
    provoke: ({ local }) =>
      send(`${local}/.well-known/oauth-protected-resource`, {
        headers: { host: 'mcp.example.com' },
      }),
    seen: /"resource":"http:\/\/(localhost|127)/,
    line: ['reached by another name', 'host=mcp.example.com'],
  },
];

const documented = readFileSync('docs/troubleshooting.md', 'utf8');

for (const { name, provoke, seen, line } of failures) {
  test(`${name} is seen in the log in one look, as the documentation says`, async (t) => {
    const lines: string[] = [];
    const log = openLog({ format: 'text', level: 'info', write: (text) => lines.push(text) });
    const clock = movableClock();
    const stage = await startStage(t, {}, {}, { clock, events: log });

    const answer = await provoke({ ...stage, clock: { ...clock, advance: clock.advance } });
    await stage.gateway.close();

    assert.match(told(answer), seen);
    const [message, detail] = line;
    const found = lines.filter((text) => text.includes(message) && text.includes(detail));
    assert.equal(found.length, 1, lines.join(''));
    assert.match(documented, new RegExp(`^\\|.*\`${message}\``, 'm'), 'the table has this line');
  });
}
