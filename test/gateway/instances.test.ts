import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  type HttpAuthorizationServer,
  startHttpAuthorizationServer,
} from '../../src/adapters/testing/http-authorization-server.ts';
import {
  type HttpResourceServer,
  startHttpResourceServer,
} from '../../src/adapters/testing/http-resource-server.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { HonestClient, insist } from '../support/honest-client.ts';
import { freePort, type RedisServer, startRedis, withoutRedis } from '../support/redis-server.ts';
import { type RoundRobin, startRoundRobin } from '../support/round-robin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { halvesOf, logIn, postToken, refreshForm, tokensOf } from './raw-client.ts';

describe('three gateways that share a Redis', { skip: withoutRedis }, () => {
  const folder = temporaryFolder();
  let redis: RedisServer;
  let as: HttpAuthorizationServer;
  let mcp: HttpResourceServer;
  let door: RoundRobin;
  let gateways: readonly GatewayProcess[] = [];
  let ports: readonly number[] = [];
  let told: (port: number, path: string) => void = () => {};

  before(async () => {
    redis = await startRedis(folder);
    // An upstream that would drop the old token with its answer could lock out whoever's gateway dies between that answer and its commit.
    as = await startHttpAuthorizationServer({
      traits: { autoApprove: true, refreshTokens: 'kept' },
    });
    mcp = await startHttpResourceServer({ issuer: as.issuer, access: as.access });
    ports = await Promise.all([freePort(), freePort(), freePort()]);
    door = await startRoundRobin(ports, (port, path) => told(port, path));
    const keyFile = join(folder, 'gateway.key');
    writeFileSync(keyFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
    gateways = ports.map((port) =>
      startGatewayProcess(folder, [
        `--upstream-rs=${mcp.url}`,
        `--port=${port}`,
        `--public-url=${door.url}`,
        `--store=redis://127.0.0.1:${redis.port}`,
        `--key-file=${keyFile}`,
        '--upstream-timeout=2',
      ]),
    );
    await Promise.all(gateways.map((gateway) => gateway.base()));
  });
  after(async () => {
    for (const { child } of gateways) child.kill('SIGKILL');
    await Promise.all(gateways.map(({ ended }) => ended));
    await Promise.all([door.close(), as.close(), mcp.close(), redis.kill()]);
  });

  it('serve one login together, each step at another', async () => {
    const from = door.served.length;

    const client = await HonestClient.logIn(door.url);
    await client.check();

    const steps = door.served.slice(from);
    assert.ok(steps.length > 6, `${steps.length} steps`);
    for (const [place, step] of steps.entries()) {
      assert.notEqual(step.port, steps[place + 1]?.port, `${step.path} and the next`);
    }
    assert.deepEqual(new Set(steps.map(({ port }) => port)), new Set(ports));
    assert.equal(as.registrations, 1);
  });

  it('see a revocation at once, wherever it was made', async () => {
    const client = await HonestClient.logIn(door.url);
    // Each has looked the grant up before.
    for (const _port of ports) await insist(() => client.call());

    await insist(() => client.revoke());

    for (const _port of ports) await client.check();
  });

  it('answer refreshes that arrive together with one pair, and ask the upstream once', async () => {
    const { client, tokens } = await logIn(door.url);
    const before = as.tokenRequests.refresh_token ?? 0;

    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        postToken(door.url, refreshForm(tokens.refresh_token, client)),
      ),
    );

    const halves = answers.map((answer) => halvesOf(tokensOf(answer).access_token)[0]);
    assert.equal(new Set(halves).size, 1);
    assert.equal((as.tokenRequests.refresh_token ?? 0) - before, 1);
  });

  it('lock out no honest client where one of them is killed in the middle of refreshes', async () => {
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => HonestClient.logIn(door.url)),
    );
    const [victim] = gateways;
    let left = 10;
    told = (port, path) => {
      if (port !== ports[0] || path !== '/token') return;
      left -= 1;
      if (left === 0) victim?.child.kill('SIGKILL');
    };
    const isDead = () => left <= 0;

    await Promise.all(
      clients.map(async (client) => {
        for (let rounds = 0; rounds < 10 || !isDead(); rounds += 1) {
          await insist(() => client.refresh());
          await insist(() => client.call());
        }
      }),
    );

    assert.equal(await victim?.ended, 'SIGKILL');
    for (const client of clients) await client.check();
    door.leaveOut(ports[0] ?? 0);
    const late = await HonestClient.logIn(door.url);
    await late.check();
  });
});
