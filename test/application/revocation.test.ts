import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreUnavailable } from '../../src/application/ports.ts';
import { epochSeconds, seconds } from '../../src/domain/lifetime.ts';
import type { GrantId } from '../../src/domain/token-pair.ts';
import {
  aClient,
  aCode,
  aGrant,
  exchangeOf,
  halvesOf,
  opensMcp,
  refreshOf,
  tamper,
} from './dance.ts';
import {
  failureIn,
  gatewayKeys,
  valueIn,
  type WiredOptions,
  type World,
  type WorldOptions,
  wired,
  world,
} from './wired.ts';

const none = seconds(0);
const minute = 60;
const hour = 3600;
const day = 86_400;

async function granted(options: WiredOptions = {}, worldOptions: WorldOptions = {}) {
  const outside = world(worldOptions);
  const gateway = wired(outside, options);
  return { outside, gateway, ...(await aGrant(gateway, outside)) };
}

/** Lets this much time pass, and all that waits for it happen. */
function later(outside: World, passed = 0): Promise<void> {
  return outside.clock.sleep(passed * 1000 + 1);
}

/** What is still to be revoked of a grant that ended. */
async function orderOf(outside: World, grant: GrantId): Promise<string | undefined> {
  const stored = await outside.store.grants.read(grant);
  assert.ok(stored?.value.state === 'ended');
  return stored.value.revocation;
}

function isLiveUpstream(outside: World, pair: string): boolean {
  return outside.upstream.access(halvesOf(pair).upstream ?? '') !== undefined;
}

describe('a revocation', () => {
  const presented = [
    ['the access token', ({ accessToken }) => accessToken],
    ['the refresh token', ({ refreshToken }) => refreshToken],
  ] as const satisfies readonly (readonly [
    string,
    (tokens: { accessToken: string; refreshToken: string }) => string,
  ])[];
  for (const [name, token] of presented) {
    it(`by ${name} ends the grant: nothing of it works any more`, async () => {
      const { outside, gateway, client, tokens, grant } = await granted();

      await gateway.revoke(client.value, token(tokens));

      assert.equal(await opensMcp(gateway, tokens.accessToken), false);
      const refresh = await gateway.refresh(client, refreshOf(tokens.refreshToken));
      assert.equal(failureIn(refresh).error, 'invalid_grant');
      assert.deepEqual(outside.events.of('grant_ended'), [
        {
          type: 'grant_ended',
          grant,
          client: client.value.id,
          subject: 'alice',
          reason: 'revoked',
        },
      ]);
    });
  }

  it('tells the upstream, the refresh token first', async () => {
    const { outside, gateway, client, tokens, grant } = await granted();

    await gateway.revoke(client.value, tokens.accessToken);
    await later(outside);

    assert.deepEqual(outside.upstream.revocations, [
      halvesOf(tokens.refreshToken).upstream,
      halvesOf(tokens.accessToken).upstream,
    ]);
    assert.equal(isLiveUpstream(outside, tokens.accessToken), false);
    assert.deepEqual(outside.events.of('upstream_revoked'), [{ type: 'upstream_revoked', grant }]);
    assert.equal(await orderOf(outside, grant), undefined);
  });

  it('works for a token that was used, or has expired: the client is done with the grant', async () => {
    for (const [wait, pick] of [
      [0, 'refreshToken'],
      [2 * hour, 'accessToken'],
      [40 * day, 'refreshToken'],
    ] as const) {
      const { outside, gateway, client, tokens } = await granted({
        policy: { refreshGrace: none },
      });
      if (pick === 'refreshToken') {
        valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
      }
      await keepAlive(outside, tokens.accessToken);
      outside.clock.advance(wait);

      await gateway.revoke(client.value, tokens[pick]);

      assert.equal(outside.events.of('grant_ended')[0]?.reason, 'revoked', `${wait} ${pick}`);
    }
  });

  it('changes nothing for a token that is not known', async () => {
    const { outside, gateway, client, tokens, grant } = await granted();
    const other = await aGrant(gateway, outside);
    const { gateway: secret } = halvesOf(other.tokens.accessToken);

    for (const token of ['', 'guess', `${grant}.${'x'.repeat(43)}`, `${grant}.${secret}`]) {
      await gateway.revoke(client.value, token);
    }

    assert.ok(await opensMcp(gateway, tokens.accessToken));
    assert.deepEqual(outside.events.of('grant_ended'), []);
  });

  it('changes nothing for a token of another client', async () => {
    const { outside, gateway, tokens } = await granted();
    const stranger = await aClient(gateway, outside);

    await gateway.revoke(stranger.value, tokens.accessToken);
    await gateway.revoke(stranger.value, tokens.refreshToken);

    assert.ok(await opensMcp(gateway, tokens.accessToken));
    assert.deepEqual(outside.events.of('grant_ended'), []);
  });

  it('changes nothing for a code: whoever has it has no token yet', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    const code = await aCode(gateway, outside, client);

    await gateway.revoke(client.value, code);

    valueIn(await gateway.exchange(client, exchangeOf(code)));
  });

  it('is done once, however often it is asked for', async () => {
    const { outside, gateway, client, tokens } = await granted();

    await Promise.all(
      [tokens.accessToken, tokens.refreshToken, tokens.accessToken].map((token) =>
        gateway.revoke(client.value, token),
      ),
    );
    await gateway.revoke(client.value, tokens.refreshToken);
    await later(outside);

    assert.equal(outside.events.of('grant_ended').length, 1);
    assert.equal(outside.upstream.revocations.length, 2);
  });

  it('takes along the tokens that a refresh brought while it was under way', async () => {
    const { outside, gateway, client, tokens } = await granted();
    let newest = '';
    outside.store.beforeWrite('grants', async () => {
      const rival = wired({ ...outside, ports: { ...outside.ports, store: outside.store.quiet } });
      newest = valueIn(await rival.refresh(client, refreshOf(tokens.refreshToken))).accessToken;
    });

    await gateway.revoke(client.value, tokens.accessToken);
    await later(outside);

    assert.notEqual(newest, '');
    assert.equal(await opensMcp(gateway, newest), false);
    assert.equal(isLiveUpstream(outside, newest), false);
  });

  it('ends the grant also where the gateway key is another now, though its tokens stay sealed', async () => {
    for (const pick of ['accessToken', 'refreshToken'] as const) {
      const { outside, client, tokens, grant } = await granted();
      const gateway = wired(outside, { keys: gatewayKeys('another key') });

      await gateway.revoke(client.value, tokens[pick]);
      await later(outside);

      assert.equal(await opensMcp(gateway, tokens.accessToken), false);
      assert.equal(await orderOf(outside, grant), undefined);
      assert.deepEqual(outside.upstream.revocations, []);
    }
  });

  it('ends the grant also where its sealed tokens were changed in the store', async () => {
    const { outside, gateway, client, tokens, grant } = await granted();
    await tamper(outside, grant, (live) => ({
      ...live,
      upstream: { ...live.upstream, version: live.upstream.version + 1 },
    }));

    await gateway.revoke(client.value, tokens.refreshToken);

    assert.equal(await orderOf(outside, grant), undefined);
  });
});

/** Keeps the record although everything in it has expired. */
async function keepAlive(outside: World, token: string): Promise<void> {
  const { grants } = outside.store.quiet;
  const id = Buffer.from(token, 'base64url').toString().slice(0, 22);
  const stored = await grants.read(id);
  assert.ok(stored);
  await grants.write(id, stored.value, stored.version, epochSeconds(4_000_000_000));
}

describe('an order to revoke at the upstream', () => {
  it('lies sealed in the record of the grant while the upstream is down', async () => {
    const { outside, gateway, client, tokens, grant } = await granted();
    outside.upstream.goDown();

    await gateway.revoke(client.value, tokens.accessToken);

    const record = JSON.stringify(await outside.store.grants.read(grant));
    const sealed = Buffer.from((await orderOf(outside, grant)) ?? '', 'base64url').toString();
    assert.ok(!`${record}${sealed}`.includes(halvesOf(tokens.accessToken).upstream ?? '?'));
    assert.ok(!`${record}${sealed}`.includes(halvesOf(tokens.refreshToken).upstream ?? '?'));
    assert.equal(await opensMcp(gateway, tokens.accessToken), false);
  });

  it('is carried out when the upstream is back', async () => {
    const { outside, gateway, client, tokens, grant } = await granted();
    outside.upstream.goDown();
    await gateway.revoke(client.value, tokens.accessToken);
    await later(outside, 3 * hour);
    assert.equal(outside.upstream.revocations.length, 0);
    assert.ok(await orderOf(outside, grant));

    outside.upstream.recover();
    await later(outside, 15 * minute);

    assert.equal(outside.upstream.revocations.length, 2);
    assert.equal(isLiveUpstream(outside, tokens.accessToken), false);
    assert.equal(await orderOf(outside, grant), undefined);
  });

  it('is tried soon at first, and then less and less often', async () => {
    const { outside, gateway, client, tokens } = await granted();
    outside.upstream.goDown();
    await gateway.revoke(client.value, tokens.accessToken);

    await later(outside, minute);
    const soon = outside.events.of('upstream_failed').length;
    await later(outside, hour);

    assert.equal(soon, 4);
    assert.ok(outside.events.of('upstream_failed').length < soon + 7);
  });

  it('is given up after a day', async () => {
    const { outside, gateway, client, tokens } = await granted();
    outside.upstream.goDown();
    await gateway.revoke(client.value, tokens.accessToken);
    await later(outside, day + 15 * minute);
    const tries = outside.events.of('upstream_failed').length;

    outside.upstream.recover();
    await later(outside, day);

    assert.equal(outside.events.of('upstream_failed').length, tries);
    assert.deepEqual(outside.upstream.revocations, []);
  });

  it('waits for an upstream whose metadata cannot be had', async () => {
    const { outside, client, tokens } = await granted();
    const restarted = wired(outside);
    outside.upstream.goDown();
    await restarted.revoke(client.value, tokens.accessToken);
    await later(outside, hour);

    outside.upstream.recover();
    await later(outside, hour);

    assert.equal(outside.upstream.revocations.length, 2);
  });

  it('is not repeated where the upstream says no: the operator is told, and nobody is told that it was done', async () => {
    const { outside, gateway, client, tokens, grant } = await granted();
    outside.upstream.refuse('unsupported_token_type');

    await gateway.revoke(client.value, tokens.accessToken);
    await later(outside, hour);

    assert.deepEqual(
      outside.events.of('upstream_failed').map((event) => [event.grant, event.reason]),
      Array(2).fill([grant, 'revocation: unsupported_token_type']),
    );
    assert.deepEqual(outside.events.of('upstream_revoked'), []);
    assert.equal(await orderOf(outside, grant), undefined);
  });

  it('counts as done where the upstream took one of two tokens', async () => {
    const { outside, gateway, client, tokens } = await granted();
    const { upstream } = outside;
    const revoke = upstream.revokeToken.bind(upstream);
    upstream.revokeToken = async (...asked) => {
      const answer = await revoke(...asked);
      upstream.refuse('unsupported_token_type');
      return answer;
    };

    await gateway.revoke(client.value, tokens.accessToken);
    await later(outside);

    assert.equal(outside.events.of('upstream_revoked').length, 1);
    assert.equal(outside.events.of('upstream_failed').length, 1);
  });

  it('is dropped where the upstream revokes nothing, or the operator wants nothing revoked', async () => {
    const endpoint = 'https://as.upstream.example';
    const named = {
      authorizationEndpoint: `${endpoint}/authorize`,
      tokenEndpoint: `${endpoint}/token`,
    };
    const silent = await granted({}, { traits: { revocation: false } });
    const unknown = await granted({ settings: named });
    const off = await granted({ settings: { revocation: 'off' } });

    for (const { outside, gateway, client, tokens, grant } of [silent, unknown, off]) {
      await gateway.revoke(client.value, tokens.accessToken);
      await later(outside);

      assert.deepEqual(outside.upstream.revocations, []);
      assert.deepEqual(outside.events.of('upstream_revoked'), []);
      assert.equal(await orderOf(outside, grant), undefined);
      assert.equal(await opensMcp(gateway, tokens.accessToken), false);
    }
    assert.ok(isLiveUpstream(off.outside, off.tokens.accessToken));
  });

  it('revokes the access token alone where there is no other', async () => {
    const { outside, gateway, client, tokens } = await granted(
      {},
      { traits: { refreshTokens: 'none' } },
    );

    await gateway.revoke(client.value, tokens.refreshToken);
    await later(outside);

    assert.deepEqual(outside.upstream.revocations, [halvesOf(tokens.accessToken).upstream]);
  });

  it('is tried again where the store was away', async () => {
    const { outside, gateway, client, tokens, grant } = await granted();
    outside.store.beforeWrite('grants', () => Promise.resolve());
    outside.store.beforeWrite('grants', () => Promise.reject(new StoreUnavailable('away')), 2);

    await gateway.revoke(client.value, tokens.accessToken);
    await later(outside, minute);

    assert.equal(await orderOf(outside, grant), undefined);
    assert.equal(isLiveUpstream(outside, tokens.accessToken), false);
  });

  it('is not given where the store is away: the client is told to come back', async () => {
    const { outside, gateway, client, tokens } = await granted();
    outside.store.beforeWrite('grants', () => Promise.reject(new StoreUnavailable('away')));

    await assert.rejects(gateway.revoke(client.value, tokens.accessToken), StoreUnavailable);

    assert.ok(await opensMcp(gateway, tokens.accessToken));
    await gateway.revoke(client.value, tokens.accessToken);
    assert.equal(await opensMcp(gateway, tokens.accessToken), false);
  });
});

describe('orders that nobody is at', () => {
  /** An order whose process went away before the upstream was back. */
  async function leftBehind() {
    const made = await granted();
    made.outside.upstream.goDown();
    await made.gateway.revoke(made.client.value, made.tokens.accessToken);
    made.gateway.revocations.stop();
    await later(made.outside, minute);
    made.outside.upstream.recover();
    return made;
  }

  it('are left alone by a process that is stopped', async () => {
    const { outside, grant } = await leftBehind();

    await later(outside, hour);

    assert.equal(outside.upstream.revocations.length, 0);
    assert.ok(await orderOf(outside, grant), 'the order is still there');
  });

  it('are taken up by the next process at its start', async () => {
    const { outside, grant, tokens } = await leftBehind();
    const next = wired(outside);

    const work = next.revocations.takeUp();
    await later(outside, 1);
    next.revocations.stop();
    await work;

    assert.equal(outside.upstream.revocations.length, 2);
    assert.equal(isLiveUpstream(outside, tokens.accessToken), false);
    assert.equal(await orderOf(outside, grant), undefined);
  });

  it('are taken up by another process that runs already, within an hour', async () => {
    const outside = world();
    const other = wired(outside);
    const work = other.revocations.takeUp();
    await later(outside, minute);
    const gateway = wired(outside);
    const { client, tokens, grant } = await aGrant(gateway, outside);
    outside.upstream.goDown();
    await gateway.revoke(client.value, tokens.accessToken);
    gateway.revocations.stop();
    outside.upstream.recover();

    await later(outside, hour);
    other.revocations.stop();
    await work;

    assert.equal(await orderOf(outside, grant), undefined);
  });

  it('are not begun twice by one process, and those of live grants are none', async () => {
    const { outside, gateway } = await leftBehind();
    await aGrant(gateway, outside);
    outside.upstream.goDown();
    const next = wired(outside);

    const work = next.revocations.takeUp();
    await later(outside, 2 * hour);
    next.revocations.stop();
    await work;

    const tries = outside.events.of('upstream_failed').length;
    assert.ok(tries < 20, `${tries} tries in two hours`);
  });

  it('are looked for again soon where the store could not be read', async () => {
    const { outside, grant } = await leftBehind();
    const { grants } = outside.store;
    let isAway = true;
    const away: typeof grants = {
      read: (key) => grants.read(key),
      write: (...write) => grants.write(...write),
      scan: async function* () {
        if (isAway) throw new StoreUnavailable('away');
        yield* grants.scan();
      },
    };
    const next = wired(outside, { ports: { store: { ...outside.store, grants: away } } });

    const work = next.revocations.takeUp();
    await later(outside, 1);
    assert.ok(await orderOf(outside, grant), 'nothing could be done yet');
    isAway = false;
    await later(outside, 2 * minute);
    next.revocations.stop();
    await work;

    assert.equal(await orderOf(outside, grant), undefined);
  });

  it('are left to the next process where this one is stopped in the middle of its look', async () => {
    const { outside, grant } = await leftBehind();
    const next = wired(outside);

    const work = next.revocations.takeUp();
    next.revocations.stop();
    await work;

    assert.ok(await orderOf(outside, grant), 'the order is still there');
  });
});

describe('a replay', () => {
  it('of a refresh token revokes at the upstream too', async () => {
    const { outside, gateway, client, tokens } = await granted({
      policy: { refreshGrace: none },
    });
    const second = valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));

    failureIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
    await later(outside);

    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'refresh_replayed');
    assert.deepEqual(outside.upstream.revocations, [
      halvesOf(second.refreshToken).upstream,
      halvesOf(second.accessToken).upstream,
    ]);
  });

  it('of a code revokes at the upstream too', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    const code = await aCode(gateway, outside, client);
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    failureIn(await gateway.exchange(client, exchangeOf(code)));
    await later(outside);

    assert.equal(isLiveUpstream(outside, tokens.accessToken), false);
    assert.equal(outside.upstream.revocations.length, 2);
  });

  it('ends the grant also where the gateway key is another now', async () => {
    const outside = world();
    const first = wired(outside);
    const client = await aClient(first, outside);
    const code = await aCode(first, outside, client);
    const tokens = valueIn(await first.exchange(client, exchangeOf(code)));
    const gateway = wired(outside, { keys: gatewayKeys('another key') });

    failureIn(await gateway.exchange(client, exchangeOf(code)));
    await later(outside);

    assert.equal(await opensMcp(first, tokens.accessToken), false);
    assert.deepEqual(outside.upstream.revocations, []);
  });

  it('is told to the upstream under the key of before a rotation', async () => {
    const { outside, client, tokens } = await granted();
    const rotated = wired(outside, { keys: gatewayKeys('new key', 'gateway key') });

    await rotated.revoke(client.value, tokens.refreshToken);
    await later(outside);

    assert.equal(outside.upstream.revocations.length, 2);
  });
});
