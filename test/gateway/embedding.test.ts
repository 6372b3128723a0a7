import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { memoryStore } from '../../src/adapters/store/memory.ts';
import { chunkQueue } from '../../src/adapters/testing/chunk-queue.ts';
import { countingRandom } from '../../src/adapters/testing/counting-random.ts';
import { fakeAuthorizationServer } from '../../src/adapters/testing/fake-authorization-server.ts';
import { fakeResourceServer } from '../../src/adapters/testing/fake-resource-server.ts';
import { fakeSignIn } from '../../src/adapters/testing/fake-sign-in.ts';
import { eventStreamAnswer, jsonAnswer } from '../../src/adapters/testing/mcp-answers.ts';
import { recordedEvents } from '../../src/adapters/testing/recorded-events.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { type Ports, type Store, StoreUnavailable } from '../../src/application/ports.ts';
import { ConfigurationError, createGateway } from '../../src/main.ts';
import { Browser } from '../support/real/browser-driver.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';
import { startStage } from './fake-stage.ts';
import { movableClock } from './gateway-setup.ts';
import {
  answerScreenOne,
  authorizationUrl,
  authorize,
  exchangeForm,
  logIn,
  postToken,
  redirectUri,
  refreshForm,
  register,
  send,
  tokensOf,
  verifier,
} from './raw-client.ts';

test('two gateways live in one process and know nothing of each other', async (t) => {
  const one = await startStage(t);
  const two = await startStage(t);
  const { client, tokens } = await logIn(one.base);
  const headers = { authorization: `Bearer ${tokens.access_token}` };

  const own = await send(`${one.base}/mcp`, { method: 'POST', headers });
  const other = await send(`${two.base}/mcp`, { method: 'POST', headers });
  const refreshed = await postToken(two.base, refreshForm(tokens.refresh_token, client));
  const begun = await send(authorizationUrl(two.base, client));

  assert.equal(own.status, 400);
  assert.equal(other.status, 401);
  assert.equal(refreshed.json().error, 'invalid_client');
  assert.equal(begun.json().error, 'unknown_client');
  assert.equal(two.events.of('token_refused').length, 0);
  await one.gateway.close();
  assert.ok((await logIn(two.base)).tokens);
});

test('the handler alone, mounted in a server of one’s own, is a whole gateway', async (t) => {
  const { mcp } = await startStage(t);
  const server = createServer();
  const { origin, close } = await listenOnLoopback(server);
  t.after(close);
  const gateway = createGateway({ upstreamRs: mcp.url, publicUrl: origin });
  t.after(() => gateway.close());
  server.on('request', (received, response) => {
    if (received.url === '/own') response.end('own');
    else gateway.handler(received, response);
  });

  const { tokens } = await logIn(origin);
  mcp.answerNext(jsonAnswer({ through: true }));
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const called = await send(`${origin}/mcp`, { method: 'POST', headers });

  assert.equal(gateway.url, origin);
  assert.deepEqual(called.json(), { through: true });
  assert.equal((await send(`${origin}/own`)).text, 'own');
});

/** A gateway of replaced ports: nothing of it leaves this process but the door itself. */
async function startFake(t: TestContext, ports: Partial<Ports> = {}) {
  const clock = standingClock();
  const random = countingRandom();
  const events = recordedEvents();
  const authorizationServer = fakeAuthorizationServer({ clock, random });
  const resourceServer = fakeResourceServer({
    clock,
    random,
    access: authorizationServer.access.bind(authorizationServer),
  });
  const gateway = createGateway(
    { port: 0, upstreamRs: 'https://mcp.upstream.example/mcp' },
    {
      clock,
      events,
      authorizationServer,
      resourceServer,
      signIn: fakeSignIn({ ada: 'lovelace' }),
      ...ports,
    },
  );
  await gateway.listen();
  t.after(() => gateway.close());
  return { gateway, base: gateway.url, clock, events, authorizationServer, resourceServer };
}

test('every port can be replaced: the whole way on a standing clock, with one’s own sign-in, upstream and events', async (t) => {
  const { base, clock, events, authorizationServer, resourceServer } = await startFake(t);
  const client = await register(base);
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(base, client));
  const wrong = await answerScreenOne(browser, page);
  assert.equal(wrong.status, 401, 'the password of the configuration opens nothing');
  const [form] = page.forms;
  const fields = Object.fromEntries(form?.fields.map(({ name, value }) => [name, value]) ?? []);
  const [cookie] = browser.cookies.at(base);
  const headers = { cookie: cookie?.join('=') ?? '' };

  const signedIn = await send(`${base}/login/callback`, {
    method: 'POST',
    headers,
    body: { ...fields, username: 'ada', password: 'lovelace', decision: 'allow' },
  });
  const callback = authorizationServer.approve(signedIn.headers.location ?? '');
  const back = await send(callback, { headers });
  const code = new URL(back.headers.location ?? '').searchParams.get('code') ?? '';
  const tokens = tokensOf(await postToken(base, exchangeForm(code, client)));
  resourceServer.answerNext(jsonAnswer({ fake: true }));
  const bearer = { authorization: `Bearer ${tokens.access_token}` };
  const called = await send(`${base}/mcp`, { method: 'POST', headers: bearer, body: '{}' });
  // To the second: this clock does not move by itself.
  assert.equal(tokens.expires_in, 3600);
  clock.advance(3600 + 60);
  const late = await send(`${base}/mcp`, { method: 'POST', headers: bearer, body: '{}' });

  assert.deepEqual(called.json(), { fake: true });
  assert.equal(late.status, 401);
  assert.deepEqual(
    events.all.map(({ type }) => type).filter((type) => type !== 'request_answered'),
    [
      'client_registered',
      'authorization_started',
      'sign_in_refused',
      'signed_in',
      'upstream_registered',
      'sent_upstream',
      'upstream_returned',
      'code_issued',
      'code_exchanged',
      'tokens_first_used',
    ],
  );
  assert.deepEqual(
    events.of('signed_in').map(({ subject }) => subject),
    ['ada'],
  );
  const told = JSON.stringify(events.all);
  for (const secret of ['lovelace', verifier, code, tokens.access_token, tokens.refresh_token]) {
    assert.ok(!told.includes(secret), 'an event holds a secret');
  }
});

test('a configuration with many faults is one error that lists them all, and no secret', () => {
  const options = {
    port: 99_999,
    host: 'http://x',
    publicUrl: 'ftp://x',
    upstreamRs: '',
    upstreamAuthorizeEndpoint: 'http://elsewhere.example/authorize',
    upstreamClientSecret: 'hunter2',
    password: 'line\nbreak',
    accessTokenTtl: -1,
    tokenFormat: 'jwt' as 'pair',
    upstreamTokenEndpiont: 'https://a.example/',
  };

  assert.throws(
    () => createGateway(options),
    (error) => {
      assert.ok(error instanceof ConfigurationError);
      assert.deepEqual(
        error.faults.map(({ setting }) => setting),
        [
          'port',
          'host',
          'publicUrl',
          'upstreamRs',
          'upstreamClientSecret',
          'upstreamAuthorizeEndpoint',
          'upstreamTokenEndpoint',
          'password',
          'accessTokenTtl',
          'tokenFormat',
          'upstreamTokenEndpiont',
        ],
      );
      for (const { setting, message } of error.faults) {
        assert.match(message, /^[A-Z"\d-].*[.?]$/s, setting);
        assert.ok(error.message.includes(message), setting);
      }
      assert.match(error.faults.at(-1)?.message ?? '', /upstreamTokenEndpoint/);
      assert.doesNotMatch(error.message, /hunter2|line\nbreak/);
      return true;
    },
  );
});

test('close() ends open streams cleanly, and then nobody listens', async (t) => {
  const { base, local, gateway, mcp } = await startStage(t);
  const { tokens } = await logIn(base);
  const events = chunkQueue();
  mcp.answerNext(eventStreamAnswer(events));
  const sent = request(`${local}/mcp`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  sent.end();
  const [answer] = await once(sent, 'response');
  events.push('data: 1\n\n');
  await once(answer, 'data');

  const ended = once(answer, 'end');
  await gateway.close();

  await ended;
  await events.left;
  assert.equal(answer.complete, true);
  await assert.rejects(send(local), { code: 'ECONNREFUSED' });
});

test('close() lets a running call finish', async (t) => {
  const { base, local, gateway, mcp } = await startStage(t);
  const { tokens } = await logIn(base);
  const events = chunkQueue();
  mcp.answerNext(eventStreamAnswer(events));
  const sent = request(`${local}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  sent.end('{}');
  const [answer] = await once(sent, 'response');
  answer.setEncoding('utf8');

  const closing = gateway.close();
  events.push('data: the result\n\n');
  assert.deepEqual(await once(answer, 'data'), ['data: the result\n\n']);
  events.end();
  await Promise.all([once(answer, 'end'), closing]);

  assert.equal(answer.complete, true);
});

test('a port in use is the system’s error, and nothing is left listening', async (t) => {
  const { gateway, mcp } = await startStage(t);
  const port = Number(new URL(gateway.url).port);
  const second = createGateway({ port, upstreamRs: mcp.url });

  await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
  await second.close();
});

test('an upstream that is down never stops a start', async (t) => {
  const gateway = createGateway({ port: 0, upstreamRs: 'http://127.0.0.1:1/mcp' });
  t.after(() => gateway.close());

  const { port, addresses } = await gateway.listen();

  assert.equal(gateway.url, `http://localhost:${port}`);
  assert.ok(addresses.includes('127.0.0.1'));
  assert.equal((await send(`${gateway.url}/.well-known/oauth-protected-resource`)).status, 200);
});

test('at the bound of its store the gateway refuses new registrations with 503, and forgets nobody who is in use', async (t) => {
  const clock = movableClock();
  const { base } = await startStage(
    t,
    {},
    {},
    { clock, store: memoryStore(clock, { clients: 2 }) },
  );
  const { client } = await logIn(base);
  await logIn(base);

  const refused = await send(`${base}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ redirect_uris: [redirectUri] }),
  });

  assert.equal(refused.status, 503);
  assert.equal(refused.json().error, 'temporarily_unavailable');
  assert.equal(refused.headers['retry-after'], '60');
  assert.equal((await authorize(base, client)).has('code'), true);
  // Those that no longer come make room after 90 days.
  clock.advance(90 * 86_400);
  await register(base);
});

test('at the bound of its flows the gateway tells the client to come back, until old ones have ended', async (t) => {
  const clock = movableClock();
  const { base } = await startStage(
    t,
    {},
    {},
    { clock, store: memoryStore(clock, { flows: 1, grants: 1 }) },
  );
  const client = await register(base);
  await send(authorizationUrl(base, client));

  const refused = await send(authorizationUrl(base, client, { state: 's' }));
  clock.advance(25 * 60);
  const granted = await authorize(base, client);
  const tokens = tokensOf(await postToken(base, exchangeForm(granted.get('code') ?? '', client)));
  clock.advance(25 * 60);
  const noGrant = await authorize(base, client);

  const told = new URL(refused.headers.location ?? '').searchParams;
  assert.equal(told.get('error'), 'temporarily_unavailable');
  assert.equal(told.get('state'), 's');
  assert.equal(noGrant.get('error'), 'temporarily_unavailable');
  // The grant that lives was not thrown out for it.
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  assert.equal((await send(`${base}/mcp`, { method: 'POST', headers })).status, 400);
});

const anyone = { client_id: 'anyone', client_secret: undefined };

test('a store that cannot be reached is 503 everywhere, says nothing of itself, and is told to the operator', async (t) => {
  const away = async () => {
    throw new StoreUnavailable('redis://secret@store.internal: ECONNREFUSED');
  };
  const records = {
    read: away,
    write: away,
    // biome-ignore lint/correctness/useYield: it never comes so far
    async *scan() {
      await away();
    },
  };
  const store: Store = {
    flows: records,
    clients: records,
    grants: records,
    registrations: records,
    assertions: records,
    stepUps: records,
    probe: away,
    close: async () => {},
  };
  const { base, events } = await startFake(t, { store });
  const bearer = `Bearer ${`${'a'.repeat(22)}.${'b'.repeat(43)}`}`;

  const answers = [
    await send(`${base}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"redirect_uris":["https://a.example/"]}',
    }),
    await send(authorizationUrl(base, anyone)),
    await send(`${base}/login?flow=${'a'.repeat(22)}`),
    await postToken(base, refreshForm('x', anyone)),
    await send(`${base}/mcp`, { method: 'POST', headers: { authorization: bearer } }),
  ];

  for (const answer of answers) {
    assert.equal(answer.status, 503);
    assert.equal(answer.json().error, 'temporarily_unavailable');
    assert.equal(answer.headers['retry-after'], '5');
    assert.doesNotMatch(answer.text, /redis|internal/);
  }
  assert.equal(events.of('internal_error').length, answers.length);
});

test('a mistake in a port of one’s own is 500 without a word about it, and the gateway goes on', async (t) => {
  const verify = async () => {
    throw new TypeError('secret: cannot read properties of undefined');
  };
  const { base, events } = await startFake(t, { signIn: { verify } });
  const client = await register(base);
  const browser = new Browser(redirectUri);
  const page = await browser.visit(authorizationUrl(base, client));

  const failed = await answerScreenOne(browser, page);

  assert.equal(failed.status, 500);
  assert.doesNotMatch(failed.body, /secret|undefined/);
  assert.match(events.of('internal_error')[0]?.reason ?? '', /cannot read properties/);
  assert.equal((await send(base)).status, 200);
});
