import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type HttpAuthorizationServer,
  startHttpAuthorizationServer,
} from '../../src/adapters/testing/http-authorization-server.ts';
import {
  type HttpResourceServer,
  startHttpResourceServer,
} from '../../src/adapters/testing/http-resource-server.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { type RedisServer, startRedis, withoutRedis } from '../support/redis-server.ts';
import { type RoundRobin, startRoundRobin } from '../support/round-robin.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { credentials } from './gateway-setup.ts';
import {
  callMcp,
  logIn,
  postToken,
  type Registered,
  refreshForm,
  send,
  type Tokens,
  tokensOf,
} from './raw-client.ts';

/** How many calls one after another may be served by a gateway that has not been told yet. */
const mostCalls = 5;

describe('three gateways on one Redis', { skip: withoutRedis, timeout: 120_000 }, () => {
  const folder = temporaryFolder();
  const gateways: GatewayProcess[] = [];
  let redis: RedisServer;
  let as: HttpAuthorizationServer;
  let mcp: HttpResourceServer;
  let balancer: RoundRobin;
  let base: string;

  before(async () => {
    redis = await startRedis(folder);
    as = await startHttpAuthorizationServer({ traits: { autoApprove: true } });
    mcp = await startHttpResourceServer({ issuer: as.issuer, access: as.access });
    balancer = await startRoundRobin();
    base = balancer.origin;
    const keyFile = join(folder, 'gateway.key');
    writeFileSync(keyFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
    const start = () =>
      startGatewayProcess(
        { MCP_GATEWAY_USERNAME: credentials.username, MCP_GATEWAY_PASSWORD: credentials.password },
        `--upstream-rs=${mcp.url}`,
        `--public-url=${base}`,
        `--store=redis://127.0.0.1:${redis.port}`,
        `--key-file=${keyFile}`,
        // What a dead gateway had claimed is free again after a few seconds.
        '--upstream-timeout=1',
      );
    gateways.push(...(await Promise.all([start(), start(), start()])));
    balancer.backends.push(...gateways.map(({ origin }) => origin));
  });
  after(async () => {
    await Promise.all(gateways.map((gateway) => gateway.kill()));
    await Promise.all([balancer.close(), mcp.close(), as.close(), redis.kill()]);
  });

  it('serve each step of a flow, whichever of them it comes to', async () => {
    for (const _ of gateways) {
      const from = balancer.passed.length;
      const { client, tokens } = await logIn(base);
      const refreshed = tokensOf(await postToken(base, refreshForm(tokens.refresh_token, client)));
      assert.equal((await callMcp(base, refreshed)).status, 200);
      assert.equal((await callMcp(base, tokens)).status, 200);

      const steps = balancer.passed.slice(from);
      assert.ok(steps.length >= 8, 'a flow has more steps');
      for (const [place, { backend }] of steps.slice(1).entries()) {
        assert.notEqual(backend, steps[place]?.backend, 'two steps at one gateway');
      }
      // One step that is nobody's, so that the next flow begins at another gateway.
      if (steps.length % gateways.length === 0) await send(`${base}/healthz`);
    }
  });

  it('all see a revocation at once', async () => {
    const { client, tokens } = await logIn(base);
    // Each has seen the token alive, and keeps what it read.
    for (const { origin } of gateways) assert.equal((await callMcp(origin, tokens)).status, 200);

    const form = { token: tokens.refresh_token, client_id: client.client_id };
    await send(`${base}/revoke`, { method: 'POST', body: form });

    // Redis tells the gateways before or while it answers the revocation: it is there with the next requests, however slow this machine is.
    for (const { origin } of gateways) {
      const statuses: (number | undefined)[] = [];
      while (statuses.at(-1) !== 401 && statuses.length < mostCalls) {
        statuses.push((await callMcp(origin, tokens)).status);
      }
      assert.equal(statuses.at(-1), 401, `still alive after ${statuses.length} calls`);
      assert.equal((await callMcp(origin, tokens)).status, 401);
    }
  });

  it('lose no client when one of them is killed in the middle of refreshes', async () => {
    as.traits.refreshTokens = 'kept';
    const clients = await fleet(base, 8);

    const cutOff = await killUnderLoad(clients, 0);

    assert.ok(cutOff > 0, 'it died over nothing');
    assert.equal(clients.filter((client) => client.isLoggedOut).length, 0);
  });

  it('lose none but those whose upstream may just have dropped its old token', async () => {
    as.traits.refreshTokens = 'rotating';
    const clients = await fleet(base, 8);

    const cutOff = await killUnderLoad(clients, 1);

    const loggedOut = clients.filter((client) => client.isLoggedOut).length;
    assert.ok(loggedOut <= cutOff, `${loggedOut} logged out, ${cutOff} cut off`);
  });

  /** Lets all clients refresh until a gateway is killed over refreshes of some, and three times more; how many requests were cut off. */
  async function killUnderLoad(clients: readonly LoadedClient[], victim: number): Promise<number> {
    let killed: Promise<void> | undefined;
    const refreshesThere = () =>
      balancer.passed.filter(({ path, backend }) => path === '/token' && backend === victim);
    const refreshed = (client: LoadedClient) => {
      client.rounds += 1;
      const underWay = refreshesThere().filter(({ status }) => status === undefined);
      const isWarm = clients.every(({ rounds }) => rounds >= 2);
      if (killed !== undefined || !isWarm || underWay.length < 2) return;
      for (const each of clients) each.rounds = 0;
      killed = gateways[victim]?.kill();
    };
    const isEnough = ({ rounds }: LoadedClient) => killed !== undefined && rounds >= 3;
    await Promise.all(clients.map((client) => client.live(refreshed, isEnough)));
    await killed;
    return refreshesThere().filter(({ status }) => status === 502).length;
  }
});

async function fleet(base: string, count: number): Promise<readonly LoadedClient[]> {
  const logins = await Promise.all(Array.from({ length: count }, () => logIn(base)));
  return logins.map(({ client, tokens }) => new LoadedClient(base, client, tokens));
}

/** An honest client with two windows that share their tokens, and refresh them both at once. */
class LoadedClient {
  rounds = 0;
  isLoggedOut = false;
  readonly #base: string;
  readonly #client: Registered;
  #tokens: Tokens;

  constructor(base: string, client: Registered, tokens: Tokens) {
    this.#base = base;
    this.#client = client;
    this.#tokens = tokens;
  }

  /** Refreshes, and calls with what it got, until it is enough. */
  async live(
    refreshed: (client: LoadedClient) => void,
    isEnough: (client: LoadedClient) => boolean,
  ): Promise<void> {
    while (!isEnough(this) && !this.isLoggedOut) {
      const answers = await Promise.all([this.#refresh(), this.#refresh()]);
      const tokens = answers.find((answer) => answer !== undefined);
      if (tokens === undefined) {
        await wait(200); // as it was told: come back
        continue;
      }
      this.#tokens = tokens;
      await this.#call();
      refreshed(this);
    }
  }

  /** New tokens; `undefined` where it is to come back, or heard nothing at all. */
  async #refresh(): Promise<Tokens | undefined> {
    const form = refreshForm(this.#tokens.refresh_token, this.#client);
    const answer = await postToken(this.#base, form);
    if (answer.status === 502 || answer.status === 503) return undefined;
    if (answer.status === 200) return tokensOf(answer);
    assert.equal(answer.json().error, 'invalid_grant');
    this.isLoggedOut = true;
    return undefined;
  }

  async #call(): Promise<void> {
    const { status } = await callMcp(this.#base, this.#tokens);
    assert.ok([200, 502, 503].includes(status), `${status} on /mcp`);
  }
}
