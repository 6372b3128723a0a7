import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import type { GatewayOptions } from '../../src/main.ts';
import { type RedisServer, startRedis, withoutRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Stage, startStage } from './fake-stage.ts';
import { credentials } from './gateway-setup.ts';
import { register, send } from './raw-client.ts';
import { rawLogin } from './raw-login.ts';

const folder = temporaryFolder();
const skip = withoutRedis;

/** Two gateways on one Redis, for which no time goes by, however slow this machine is. */
async function twoGateways(
  t: TestContext,
  options: Partial<GatewayOptions>,
): Promise<{ one: Stage; other: Stage; redis: RedisServer }> {
  const redis = await startRedis(folder, '--maxmemory-policy', 'noeviction');
  t.after(() => redis.kill());
  const keyFile = join(folder, `${redis.port}.key`);
  writeFileSync(keyFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  const shared = { store: `redis://127.0.0.1:${redis.port}`, keyFile, ...options };
  const start = () => startStage(t, shared, {}, { clock: standingClock() });
  return { one: await start(), other: await start(), redis };
}

const askForToken = async ({ base }: Stage) => {
  const answer = await send(`${base}/token`, {
    method: 'POST',
    body: { grant_type: 'refresh_token', client_id: 'unknown' },
  });
  return answer.status;
};

test('two gateways on one Redis have one limit for a sender, and each its own while Redis is away', {
  skip,
}, async (t) => {
  const { one, other, redis } = await twoGateways(t, { tokenRequestsPerMinute: 2 });

  const together = [await askForToken(one), await askForToken(other)];
  const beyond = [await askForToken(one), await askForToken(other)];
  await redis.kill();
  // The client cannot be looked up, which is 503; that there are too many is known without the store.
  const alone = [await askForToken(one), await askForToken(one), await askForToken(one)];

  assert.deepEqual(together, [401, 401]);
  assert.deepEqual(beyond, [429, 429]);
  assert.deepEqual(alone, [503, 503, 429]);
});

test('a guesser gains nothing by changing gateways, and the right user is let in at each', {
  skip,
}, async (t) => {
  const { one, other } = await twoGateways(t, { trustedProxy: '127.0.0.1' });
  const client = await register(one.base);
  const attempt = async (stage: Stage, password: string, from: string) => {
    const headers = { 'x-forwarded-for': from };
    const typed = { ...credentials, password };
    return (await rawLogin(stage, client, { typed, headers })).signedIn.status;
  };

  const guesses: number[] = [];
  for (const stage of [one, other, one, other, one]) {
    guesses.push(await attempt(stage, 'wrong', '192.0.2.1'));
  }
  const beyond = [
    await attempt(other, 'wrong', '192.0.2.1'),
    await attempt(one, credentials.password, '192.0.2.1'),
  ];

  assert.deepEqual(guesses, [401, 401, 401, 401, 401]);
  assert.deepEqual(beyond, [429, 429]);
  assert.equal(await attempt(other, credentials.password, '192.0.2.2'), 303);
});

test('a password that was typed as a name is not among the counts, nor anything to try guesses against', {
  skip,
}, async (t) => {
  const { one, redis } = await twoGateways(t, {});
  const secret = 'correct horse battery staple';

  const typed = { username: secret, password: 'x' };
  const { signedIn } = await rawLogin(one, await register(one.base), { typed });
  const dump = await redis.dump();

  assert.equal(signedIn.status, 401);
  assert.match(dump, /:count:/);
  assert.equal(dump.includes(secret), false);
  assert.equal(dump.includes(sha256(secret)), false);
  assert.equal(dump.includes(sha256(`account:${secret}`)), false);
});
