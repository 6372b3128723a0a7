import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import type { GatewayOptions } from '../../src/main.ts';
import { startStage } from './fake-stage.ts';
import { credentials } from './gateway-setup.ts';
import { authorizationUrl, register, send } from './raw-client.ts';
import { rawLogin } from './raw-login.ts';

const html = { accept: 'text/html' };

/** A gateway for which no time goes by, however slow this machine is. */
async function timelessStage(t: TestContext, options: Partial<GatewayOptions>) {
  const clock = standingClock();
  return { ...(await startStage(t, options, {}, { clock })), clock };
}

test('who begins too many logins is told when to come back, a person by a page', async (t) => {
  const { base, clock } = await timelessStage(t, { authorizationsPerMinute: 2 });
  const client = await register(base);
  const come = (headers = {}) => send(authorizationUrl(base, client), { headers });
  await come();
  await come();

  const page = await come(html);
  const json = await come();
  clock.advance(60);

  assert.equal(page.status, 429);
  assert.match(page.headers['content-type'] ?? '', /^text\/html/);
  assert.match(page.text, /Too many requests/);
  assert.match(page.text, /<code>[\w-]+<\/code>/, 'the request id');
  assert.match(page.headers['retry-after'] ?? '', /^\d+$/);
  assert.equal(json.status, 429);
  assert.equal(json.json().error, 'too_many_requests');
  assert.match(json.headers['retry-after'] ?? '', /^\d+$/);
  assert.equal((await come()).status, 303);
});

test('token requests and revocations share a limit, and nothing of them is read beyond it', async (t) => {
  const { base, clock } = await timelessStage(t, { tokenRequestsPerMinute: 2 });
  const ask = (path: string) =>
    send(base + path, { method: 'POST', body: { grant_type: 'refresh_token', client_id: 'x' } });

  const statuses = [
    (await ask('/token')).status,
    (await ask('/revoke')).status,
    (await ask('/token')).status,
    (await ask('/revoke')).status,
  ];
  clock.advance(60);

  assert.deepEqual(statuses, [401, 400, 429, 429]);
  assert.equal((await ask('/token')).status, 401);
});

test('behind a trusted proxy each client has a limit of its own, and an invented address is none', async (t) => {
  const { base } = await timelessStage(t, { tokenRequestsPerMinute: 1, trustedProxy: '127.0.0.1' });
  const from = async (list: string) =>
    (
      await send(`${base}/token`, {
        method: 'POST',
        headers: { 'x-forwarded-for': list },
        body: { client_id: 'x' },
      })
    ).status;

  assert.deepEqual(
    [await from('192.0.2.1'), await from('192.0.2.1'), await from('192.0.2.2')],
    [401, 429, 401],
  );
  assert.equal(await from('198.51.100.1, 192.0.2.1'), 429);
});

test('after too many wrong passwords the page says how long to wait, the same for an unknown user', async (t) => {
  for (const username of [credentials.username, 'nobody']) {
    const stage = await timelessStage(t, {});
    const client = await register(stage.base);
    const typed = { username, password: 'wrong' };
    const statuses: number[] = [];
    for (let time = 0; time < 5; time += 1) {
      statuses.push((await rawLogin(stage, client, { typed })).signedIn.status);
    }

    const { signedIn } = await rawLogin(stage, client, { typed });
    await stage.gateway.close();

    assert.deepEqual(statuses, [401, 401, 401, 401, 401]);
    assert.equal(signedIn.status, 429);
    assert.equal(signedIn.headers['retry-after'], '1');
    assert.match(signedIn.text, /too many wrong passwords from here.*wait one second/);
    assert.match(signedIn.text, /name="password"/);
    const last = stage.events.of('request_answered').at(-1);
    assert.equal(last?.error, 'too_many_attempts');
  }
});
