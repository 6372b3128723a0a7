import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { upstreamToken } from '../../src/domain/token-pair.ts';
import { aClient, aCode, aGrant, exchangeOf, halvesOf, opensMcp, refreshOf } from './dance.ts';
import { failureIn, gatewayKeys, valueIn, type WiredOptions, wired, world } from './wired.ts';

/** A client with its first pair, whose first two halves at the upstream are known. */
async function granted(options: WiredOptions = {}) {
  const outside = world();
  const gateway = wired(outside, options);
  const { client, tokens, grant } = await aGrant(gateway, outside);
  const upstreamHalves = [
    halvesOf(tokens.refreshToken).upstream,
    halvesOf(tokens.accessToken).upstream,
  ];
  return { outside, gateway, client, grant, tokens, upstreamHalves };
}

type Scene = Awaited<ReturnType<typeof granted>>;

/** Waits until the background has nothing left to do for this grant, which is what the record says. */
async function settled({ outside, grant }: Scene): Promise<void> {
  for (let turn = 0; turn < 2000; turn += 1) {
    const stored = await outside.store.quiet.grants.read(grant);
    if (stored?.value.state !== 'ended' || stored.value.revocation === undefined) return;
    await outside.clock.sleep(1000);
  }
  throw new Error('the order is still there');
}

describe('a client that revokes', () => {
  for (const kind of ['accessToken', 'refreshToken'] as const) {
    it(`its ${kind} ends the grant here and at the upstream, the refresh token first`, async () => {
      const scene = await granted();

      await scene.gateway.revoke(scene.client.value, scene.tokens[kind]);
      await settled(scene);

      assert.equal(await opensMcp(scene.gateway, scene.tokens.accessToken), false);
      const refreshed = await scene.gateway.refresh(
        scene.client,
        refreshOf(scene.tokens.refreshToken),
      );
      assert.equal(failureIn(refreshed).error, 'invalid_grant');
      assert.deepEqual(scene.outside.upstream.revocations, scene.upstreamHalves);
      assert.equal(scene.outside.events.of('grant_ended')[0]?.reason, 'revoked');
      assert.equal(scene.outside.events.of('upstream_revoked').length, 1);
    });
  }

  it('a used refresh token ends the grant as well, with the newest tokens of the upstream', async () => {
    const scene = await granted();
    const { refreshToken } = scene.tokens;
    const second = valueIn(await scene.gateway.refresh(scene.client, refreshOf(refreshToken)));

    await scene.gateway.revoke(scene.client.value, refreshToken);
    await settled(scene);

    assert.equal(await opensMcp(scene.gateway, second.accessToken), false);
    assert.equal(scene.outside.upstream.revocations[0], halvesOf(second.refreshToken).upstream);
  });

  for (const [what, token] of [
    ['that is none', 'a token'],
    ['of a grant that is none', `${'A'.repeat(22)}.${'A'.repeat(43)}`],
  ] as const) {
    it(`a token ${what} changes nothing`, async () => {
      const { gateway, client, tokens } = await granted();

      await gateway.revoke(client.value, token);

      assert.equal(await opensMcp(gateway, tokens.accessToken), true);
    });
  }

  it('a token with another secret changes nothing', async () => {
    const { gateway, client, grant, tokens } = await granted();

    await gateway.revoke(client.value, `${grant}.${'A'.repeat(43)}`);

    assert.equal(await opensMcp(gateway, tokens.accessToken), true);
  });

  it("another client's token changes nothing", async () => {
    const { outside, gateway, tokens } = await granted();
    const stranger = await aClient(gateway, outside);

    await gateway.revoke(stranger.value, tokens.refreshToken);

    assert.equal(await opensMcp(gateway, tokens.accessToken), true);
  });

  it('a token that the gateway key no longer opens ends the grant here, and cannot at the upstream', async () => {
    for (const kind of ['accessToken', 'refreshToken'] as const) {
      const scene = await granted();
      const strange = wired(scene.outside, { keys: gatewayKeys('another key') });

      await strange.revoke(scene.client.value, scene.tokens[kind]);

      assert.equal(await opensMcp(scene.gateway, scene.tokens.accessToken), false);
      assert.deepEqual(scene.outside.upstream.revocations, []);
    }
  });
});

describe('the order to revoke at the upstream', () => {
  it('is carried out when the upstream is back, and tried until then', async () => {
    const scene = await granted();
    scene.outside.upstream.goDown();
    await scene.gateway.revoke(scene.client.value, scene.tokens.accessToken);
    await scene.outside.clock.sleep(60_000);
    assert.deepEqual(scene.outside.upstream.revocations, []);

    scene.outside.upstream.recover();
    await settled(scene);

    assert.deepEqual(scene.outside.upstream.revocations, scene.upstreamHalves);
  });

  it('is given up after a day, when the grant is forgotten', async () => {
    const scene = await granted();
    scene.outside.upstream.goDown();
    await scene.gateway.revoke(scene.client.value, scene.tokens.accessToken);

    await scene.outside.clock.sleep(2 * 86_400_000);
    scene.outside.upstream.recover();
    await scene.outside.clock.sleep(86_400_000);

    assert.deepEqual(scene.outside.upstream.revocations, []);
  });

  it('waits for an upstream that cannot even be found', async () => {
    const scene = await granted();
    const other = wired(scene.outside); // a process that has not looked for the upstream yet
    scene.outside.upstream.goDown();
    await other.revoke(scene.client.value, scene.tokens.accessToken);
    await scene.outside.clock.sleep(30_000);

    scene.outside.upstream.recover();
    await settled(scene);

    assert.deepEqual(scene.outside.upstream.revocations, scene.upstreamHalves);
  });

  it('waits for a store that is out of reach', async () => {
    const scene = await granted();
    const away = async () => {
      throw new Error('the store is away');
    };
    await scene.gateway.revoke(scene.client.value, scene.tokens.accessToken);
    scene.outside.store.beforeWrite('grants', away);

    await settled(scene);

    assert.equal(scene.outside.upstream.revocations[0], scene.upstreamHalves[0]);
  });

  it('is done with when the upstream refuses it: asking again would change nothing', async () => {
    const scene = await granted();
    scene.outside.upstream.refuse('unsupported_token_type');

    await scene.gateway.revoke(scene.client.value, scene.tokens.accessToken);
    await settled(scene);

    assert.equal(scene.outside.events.of('upstream_revoked').length, 0);
    assert.equal(scene.outside.events.of('upstream_failed').length, 2);
  });

  it('is not sent where the operator switched it off', async () => {
    const scene = await granted({ upstreamRevocation: false });

    await scene.gateway.revoke(scene.client.value, scene.tokens.accessToken);
    await settled(scene);

    assert.deepEqual(scene.outside.upstream.revocations, []);
  });

  it('is not sent where the upstream has no endpoint for it', async () => {
    const scene = await granted({
      settings: {
        authorizationEndpoint: 'https://as.upstream.example/authorize',
        tokenEndpoint: 'https://as.upstream.example/token',
      },
    });

    await scene.gateway.revoke(scene.client.value, scene.tokens.accessToken);
    await settled(scene);

    assert.deepEqual(scene.outside.upstream.revocations, []);
  });

  it('holds no usable token: a thief of the store reads nothing', async () => {
    const scene = await granted();
    scene.outside.upstream.goDown();

    await scene.gateway.revoke(scene.client.value, scene.tokens.accessToken);

    const stored = JSON.stringify(await scene.outside.store.quiet.grants.read(scene.grant));
    for (const half of scene.upstreamHalves) {
      assert.equal(stored.includes(half ?? 'none'), false);
    }
  });
});

describe("a replay takes the upstream's tokens along", () => {
  it('of a refresh token', async () => {
    const scene = await granted({ policy: { refreshGrace: 0 as never } });
    const { refreshToken } = scene.tokens;
    valueIn(await scene.gateway.refresh(scene.client, refreshOf(refreshToken)));

    failureIn(await scene.gateway.refresh(scene.client, refreshOf(refreshToken)));
    await settled(scene);

    assert.equal(scene.outside.upstream.revocations.length, 2);
  });

  it('of a code', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    const code = await aCode(gateway, outside, client);
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    failureIn(await gateway.exchange(client, exchangeOf(code)));
    const grant = halvesOf(tokens.accessToken).upstream;
    await outside.clock.sleep(1000);

    assert.equal(outside.upstream.revocations.includes(grant ?? ''), true);
  });

  it('also those that another writer brought between reading and ending', async () => {
    const scene = await granted();
    assert.notEqual(upstreamToken(scene.upstreamHalves[0] ?? ''), undefined);
    scene.outside.store.beforeWrite('grants', async () => {
      await wired({
        ...scene.outside,
        ports: { ...scene.outside.ports, store: scene.outside.store.quiet },
      }).refresh(scene.client, refreshOf(scene.tokens.refreshToken));
    });

    await scene.gateway.revoke(scene.client.value, scene.tokens.accessToken);
    await settled(scene);

    assert.equal(scene.outside.upstream.tokenRequests.refresh_token, 1);
    assert.notEqual(scene.outside.upstream.revocations[0], scene.upstreamHalves[0]);
  });
});
