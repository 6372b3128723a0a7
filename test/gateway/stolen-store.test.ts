import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Agent } from 'undici';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { httpAuthorizationServer } from '../../src/adapters/upstream/authorization-server.ts';
import { httpCaller } from '../../src/adapters/upstream/http-call.ts';
import type { UpstreamAuthorizationServer } from '../../src/application/ports.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import type { GatewayOptions } from '../../src/main.ts';
import { startRedis, withoutRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { startStage } from './fake-stage.ts';
import { credentials } from './gateway-setup.ts';
import {
  authorizationUrl,
  exchangeForm,
  halvesOf,
  postToken,
  refreshForm,
  register,
  send,
  type Tokens,
  tokensOf,
  verifier,
} from './raw-client.ts';

const folder = temporaryFolder();

/** Every secret of a session, by what it is. */
type Secrets = Map<string, string>;

/** The real upstream adapter, and the secrets that cross it, which no client ever sees. */
function overheard(t: TestContext, secrets: Secrets): UpstreamAuthorizationServer {
  const dispatcher = new Agent();
  t.after(() => dispatcher.close());
  const call = httpCaller({ dispatcher, userAgent: 'gateway/test', watch: undefined });
  const real = httpAuthorizationServer({
    clock: systemClock,
    call,
    callLimit: seconds(10),
    key: undefined,
    header: undefined,
  });
  const note = (what: string, secret: string | undefined) => {
    if (secret !== undefined) secrets.set(`${what} ${secrets.size}`, secret);
  };
  return {
    ...real,
    register: async (endpoint, request) => {
      // An upstream that gives out secrets: the fake one would do without.
      const asked = { ...request, method: 'client_secret_basic' as const };
      const answer = await real.register(endpoint, asked);
      if (answer.ok) note('upstream client secret', answer.value.clientSecret);
      return answer;
    },
    requestTokens: async (upstream, form) => {
      note('upstream code', form.code);
      note('our verifier at the upstream', form.code_verifier);
      note('upstream refresh token', form.refresh_token);
      const answer = await real.requestTokens(upstream, form);
      if (answer.ok) note('upstream access token', answer.value.access);
      if (answer.ok) note('upstream refresh token', answer.value.refresh);
      return answer;
    },
  };
}

function noteTokens(secrets: Secrets, tokens: Tokens): void {
  for (const pair of [tokens.access_token, tokens.refresh_token]) {
    const [gateway, upstream] = halvesOf(pair);
    secrets.set(`pair ${secrets.size}`, pair);
    secrets.set(`gateway half ${secrets.size}`, gateway.split('.')[1] ?? '');
    secrets.set(`upstream half ${secrets.size}`, upstream);
  }
}

/** Goes the whole way, and lets the thief look after every step. Gives back all secrets there were. */
async function liveThrough(
  t: TestContext,
  options: Partial<GatewayOptions>,
  steal: () => void | Promise<void>,
): Promise<Secrets> {
  const secrets: Secrets = new Map([
    ['password', credentials.password],
    ['verifier', verifier],
  ]);
  const { as, base, clock } = await startStage(
    t,
    { session: 3600, ...options },
    { accessTtl: 600 },
    { authorizationServer: overheard(t, secrets) },
  );
  const client = await register(base, { token_endpoint_auth_method: 'client_secret_basic' });
  secrets.set('client secret', client.client_secret ?? '');
  const basic = Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64');
  const authorization = `Basic ${basic}`;
  await steal();

  const begun = await send(authorizationUrl(base, client, { state: 'client state' }));
  const login = await send(begun.headers.location ?? '', { headers: { accept: 'text/html' } });
  const cookie = login.setCookies.map((each) => each.split(';')[0]).join('; ');
  secrets.set('flow cookie', /=([\w-]{43})/.exec(cookie)?.[1] ?? '');
  const hidden = (name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(login.text)?.[1] ?? '';
  secrets.set('secret of the form', hidden('csrf'));
  await steal();

  const signedIn = await send(`${base}/login/callback`, {
    method: 'POST',
    headers: { cookie },
    body: { flow: hidden('flow'), csrf: hidden('csrf'), decision: 'allow', ...credentials },
  });
  const session = signedIn.setCookies.find((each) => !each.startsWith('mcp-flow'));
  secrets.set('session cookie', session?.split(';')[0]?.split('=')[1] ?? '');
  const upstream = new URL(signedIn.headers.location ?? '');
  secrets.set('our state', upstream.searchParams.get('state')?.split('.')[1] ?? '');
  await steal();

  const back = await send(as.approve(upstream.href), { headers: { cookie } });
  const code = new URL(back.headers.location ?? '').searchParams.get('code') ?? '';
  secrets.set('code', code.split('.')[1] ?? '');
  await steal();

  const first = tokensOf(await postToken(base, exchangeForm(code, client), { authorization }));
  noteTokens(secrets, first);
  await steal();
  const second = tokensOf(
    await postToken(base, refreshForm(first.refresh_token, client), { authorization }),
  );
  noteTokens(secrets, second);
  const call = () =>
    send(`${base}/mcp`, {
      method: 'POST',
      headers: { authorization: `Bearer ${second.access_token}` },
      body: '{}',
    });
  await call();
  await steal();
  clock.advance(900); // the upstream's token is over, the gateway's not: it is renewed on the way
  await call();
  await steal();

  const form = { token: second.refresh_token, client_id: client.client_id };
  await send(`${base}/revoke`, { method: 'POST', headers: { authorization }, body: form });
  await steal();
  return secrets;
}

/** The ways in which a secret might lie in a file. */
function spellings(secret: string): readonly Buffer[] {
  const text = Buffer.from(secret);
  const bytes = Buffer.from(secret, 'base64url');
  const isEncoded = bytes.toString('base64url') === secret && bytes.length >= 16;
  return [
    text,
    Buffer.from(text.toString('base64url')),
    Buffer.from(text.toString('base64')),
    Buffer.from(text.toString('hex')),
    ...(isEncoded ? [bytes, Buffer.from(bytes.toString('hex'))] : []),
  ];
}

function assertWorthless(loot: Buffer, secrets: Secrets): void {
  const known = [...secrets.keys()].map((name) => name.replace(/ \d+$/, ''));
  for (const what of ['upstream client secret', 'upstream code', 'our verifier at the upstream']) {
    assert.ok(known.includes(what), `the session had no ${what}`);
  }
  for (const [what, secret] of secrets) {
    assert.ok(secret.length >= 8, `${what} is no secret: "${secret}"`);
    for (const spelling of spellings(secret)) {
      assert.equal(loot.indexOf(spelling), -1, `the store holds the ${what}`);
    }
  }
  // The thief did look into the store that was used.
  assert.notEqual(loot.indexOf(sha256(secrets.get('client secret') ?? '')), -1);
}

test('the file of a store holds no secret of a whole session, at no step of it', async (t) => {
  const store = join(folder, 'thief.mdb');
  const loot: Buffer[] = [];

  const secrets = await liveThrough(t, { store }, () => {
    loot.push(readFileSync(store), readFileSync(`${store}-lock`));
  });

  secrets.set('gateway key', readFileSync(`${store}.key`, 'utf8').trim());
  assertWorthless(Buffer.concat(loot), secrets);
});

describe('with a redis-server of this machine', { skip: withoutRedis }, () => {
  test('a Redis holds no secret of a whole session, at no step of it', async (t) => {
    const redis = await startRedis(folder);
    t.after(() => redis.kill());
    const keyFile = join(folder, 'redis.key');
    const key = randomBytes(32).toString('base64url');
    writeFileSync(keyFile, `${key}\n`, { mode: 0o600 });
    const loot: Buffer[] = [];

    const store = `redis://127.0.0.1:${redis.port}`;
    const secrets = await liveThrough(t, { store, keyFile }, async () => {
      loot.push(Buffer.from(await redis.dump()));
    });

    secrets.set('gateway key', key);
    assertWorthless(Buffer.concat(loot), secrets);
  });
});
