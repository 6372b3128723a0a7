import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heldRenewals } from '../../src/application/held-renewals.ts';
import { StoreUnavailable } from '../../src/application/ports.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import type { GrantId } from '../../src/domain/token-pair.ts';
import {
  aClient,
  aCode,
  aGrant,
  call,
  exchangeOf,
  opensMcp,
  refreshOf,
  touching,
} from './dance.ts';
import {
  gatewayKeys,
  policy,
  valueIn,
  type WiredOptions,
  type World,
  type WorldOptions,
  wired,
  world,
} from './wired.ts';

/** A client with its first pair, at an upstream that takes each refresh token once and ends everything at its second use. */
async function granted(options: WiredOptions = {}, worldOptions: WorldOptions = {}) {
  const outside = world(worldOptions);
  const issued = listening(outside);
  const gateway = wired(outside, options);
  const { client, tokens, grant } = await aGrant(gateway, outside);
  const refresh = (token: string, by = gateway) => by.refresh(client, refreshOf(token));
  return { outside, issued, gateway, client, grant, first: tokens, refresh };
}

/** Every token that the upstream gives, in its order. */
function listening({ upstream }: World): readonly string[] {
  const issued: string[] = [];
  const give = upstream.requestTokens.bind(upstream);
  upstream.requestTokens = async (...asked) => {
    const answer = await give(...asked);
    if (answer.ok) issued.push(answer.value.access, answer.value.refresh ?? '');
    return answer;
  };
  return issued;
}

/** The store is gone when the upstream's answer comes, and no sooner. */
async function awayAtCommit(outside: World, ask: () => Promise<unknown>): Promise<void> {
  const gate = outside.upstream.holdNextAnswer();
  const asking = ask();
  await gate.reached;
  outside.store.isAway = true;
  gate.open();
  await assert.rejects(asking, StoreUnavailable);
}

async function versionOf(outside: World, grant: GrantId): Promise<number> {
  const stored = await outside.store.quiet.grants.read(grant);
  assert.ok(stored?.value.state === 'live', 'the grant is over');
  return stored.value.upstream.version;
}

/** The upstream got no refresh token twice. */
function assertPresentedOnce({ upstream }: World): void {
  const presented = upstream.tokenForms.flatMap((form) => form.refresh_token ?? []);
  assert.equal(new Set(presented).size, presented.length, 'a token was presented twice');
}

/** Lets what goes on in the background happen. */
function later(outside: World, passed = 0): Promise<void> {
  return outside.clock.sleep(passed * 1000 + 1);
}

describe('a store that is away when the upstream has given new tokens', () => {
  it('gets them as soon as it is back, though nobody asks', async () => {
    const { outside, grant, first, refresh } = await granted();
    await awayAtCommit(outside, () => refresh(first.refreshToken));
    await later(outside, 60);
    outside.store.isAway = false;

    await later(outside, 5);

    assert.equal(await versionOf(outside, grant), 2);
    assert.equal(outside.events.of('upstream_tokens_renewed').length, 1);
  });

  it('costs the client nothing: it comes back with the token it has', async () => {
    const { outside, gateway, first, refresh } = await granted();
    await awayAtCommit(outside, () => refresh(first.refreshToken));
    outside.store.isAway = false;

    const second = valueIn(await refresh(first.refreshToken));

    assert.ok(await opensMcp(gateway, second.accessToken), 'the new pair works');
    valueIn(await refresh(second.refreshToken));
    assert.deepEqual(outside.events.of('grant_ended'), []);
  });

  it('costs it nothing under strict rotation either, before and after the tokens are in', async () => {
    for (const wait of [0, 60]) {
      const { outside, gateway, first, refresh } = await granted({
        policy: { refreshGrace: seconds(0) },
      });
      await awayAtCommit(outside, () => refresh(first.refreshToken));
      outside.store.isAway = false;
      await later(outside, wait);

      const second = valueIn(await refresh(first.refreshToken));

      assert.ok(await opensMcp(gateway, second.accessToken), 'the new pair works');
    }
  });

  it('is waited for by all who come to this process meanwhile, and the upstream is not asked with what it has replaced', async () => {
    const { outside, gateway, first, refresh } = await granted();
    await awayAtCommit(outside, () => refresh(first.refreshToken));
    await assert.rejects(refresh(first.refreshToken), StoreUnavailable);
    // Longer than any claim: only this process knows of the new tokens.
    outside.clock.advance(600);
    outside.store.isAway = false;

    const answers = await Promise.all([1, 2, 3].map(() => refresh(first.refreshToken)));

    for (const answer of answers) {
      assert.ok(await opensMcp(gateway, valueIn(answer).accessToken), 'each pair works');
    }
    assertPresentedOnce(outside);
  });

  it('is back after the claim ran out, and the first to come finds the new tokens before it asks', async () => {
    const { outside, gateway, first, refresh } = await granted();
    await awayAtCommit(outside, () => refresh(first.refreshToken));
    // Between two tries of its own: nothing but this refresh can have stored them.
    await outside.clock.sleep(40_001);
    outside.store.isAway = false;

    const second = valueIn(await refresh(first.refreshToken));

    assert.ok(await opensMcp(gateway, second.accessToken), 'the new pair works');
    assertPresentedOnce(outside);
  });

  it('is back after the claim ran out, and another process takes nothing over before they are in', async () => {
    const { outside, first, refresh } = await granted();
    await awayAtCommit(outside, () => refresh(first.refreshToken));
    await outside.clock.sleep(40_001);
    outside.store.isAway = false;
    const other = wired(outside);

    const second = valueIn(await refresh(first.refreshToken, other));

    assert.ok(await opensMcp(other, second.accessToken), 'the new pair works');
    valueIn(await refresh(second.refreshToken, other));
    assertPresentedOnce(outside);
    assert.deepEqual(outside.events.of('grant_ended'), []);
  });

  it('costs a call on /mcp nothing', async () => {
    const { outside, gateway, first } = await granted({}, { traits: { accessTtl: 60 } });
    outside.clock.advance(61);
    const gate = outside.upstream.holdNextAnswer();
    const { heard } = call(gateway, first.accessToken);
    await gate.reached;
    outside.store.isAway = true;
    gate.open();
    assert.equal((await heard.ended).type, 'crash');
    outside.store.isAway = false;

    assert.ok(await opensMcp(gateway, first.accessToken), 'the next call is served');
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });

  it('costs a code nothing whose upstream tokens had to be renewed first', async () => {
    const outside = world({ traits: { accessTtl: 10 } });
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    const code = await aCode(gateway, outside, client);
    outside.clock.advance(15);
    await awayAtCommit(outside, () => gateway.exchange(client, exchangeOf(code)));
    outside.store.isAway = false;

    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    assert.ok(await opensMcp(gateway, tokens.accessToken), 'the pair works');
  });

  it('may have taken them without an answer: they are not written again', async () => {
    const { outside, gateway, grant, first, refresh } = await granted();
    const gate = outside.upstream.holdNextAnswer();
    const asking = refresh(first.refreshToken);
    await gate.reached;
    outside.store.loseNextAnswer('grants');
    gate.open();
    await assert.rejects(asking, StoreUnavailable);
    const second = valueIn(await refresh(first.refreshToken, wired(outside)));
    const third = valueIn(await refresh(second.refreshToken, wired(outside)));
    const version = await versionOf(outside, grant);

    await later(outside, 10);

    assert.equal(await versionOf(outside, grant), version);
    assert.ok(await opensMcp(gateway, third.accessToken), 'the newest pair works');
    valueIn(await refresh(third.refreshToken));
  });

  it('gets the later of two renewals, where a claim ran out between them', async () => {
    const { outside, gateway, first, refresh } = await granted({}, kept);
    const gate = outside.upstream.holdNextAnswer();
    const slow = refresh(first.refreshToken);
    await gate.reached;
    outside.clock.advance(30);
    await awayAtCommit(outside, () => refresh(first.refreshToken));
    gate.open();
    await assert.rejects(slow, StoreUnavailable);
    outside.store.isAway = false;

    await later(outside, 10);

    assert.equal(outside.events.of('upstream_tokens_renewed').length, 1);
    assert.ok(await opensMcp(gateway, first.accessToken), 'the grant works');
  });
});

const kept = { traits: { refreshTokens: 'kept' } } as const;

describe('new tokens that the store did not take', () => {
  it('are tried once more at the stop, and not after', async () => {
    for (const isBack of [true, false]) {
      const { outside, gateway, grant, first, refresh } = await granted();
      await awayAtCommit(outside, () => refresh(first.refreshToken));
      outside.store.isAway = !isBack;

      await gateway.renewals.stop();
      outside.store.isAway = false;
      await later(outside, 3600);

      assert.equal(await versionOf(outside, grant), isBack ? 2 : 1);
      assert.equal(lost(outside), isBack ? 0 : 1);
    }
  });

  it('are not kept by a process that has stopped', async () => {
    const { outside, gateway, first, refresh } = await granted();
    await gateway.renewals.stop();

    await awayAtCommit(outside, () => refresh(first.refreshToken));

    assert.equal(lost(outside), 1);
  });

  it('are kept for an hour, and then the operator is told', async () => {
    const { outside, grant, first, refresh } = await granted();
    await awayAtCommit(outside, () => refresh(first.refreshToken));

    await later(outside, 3590);
    assert.equal(lost(outside), 0);
    await later(outside, 20);
    assert.equal(lost(outside), 1);
    outside.store.isAway = false;
    await later(outside, 60);

    assert.equal(await versionOf(outside, grant), 1);
  });
});

describe('a stop while the upstream is giving new tokens', () => {
  /** A gateway that is told to stop while the upstream has the answer, and its store closed as soon as it has stopped. */
  async function stopping() {
    const given = await granted();
    const { outside, gateway, first, refresh } = given;
    const gate = outside.upstream.holdNextAnswer();
    const asking = refresh(first.refreshToken);
    await gate.reached;
    const stopped = gateway.renewals.stop().then(() => {
      outside.store.isAway = true;
    });
    await later(outside);
    return { ...given, gate, asking, stopped };
  }

  it('waits until they are in the store', async () => {
    const { outside, grant, client, first, gate, asking, stopped } = await stopping();
    gate.open();
    await Promise.allSettled([asking, stopped]);
    outside.store.isAway = false;

    assert.equal(lost(outside), 0);
    assert.equal(await versionOf(outside, grant), 2);
    valueIn(await wired(outside).refresh(client, refreshOf(first.refreshToken)));
  });

  it('waits no longer than a call may take', async () => {
    const { outside, gate, asking, stopped } = await stopping();
    const { clock } = outside;
    const began = clock.now();
    await stopped;

    assert.ok(clock.now() - began <= 12, 'a stop hung on an upstream that says nothing');
    gate.open();
    await assert.rejects(asking, StoreUnavailable);
    assert.equal(lost(outside), 1);
  });

  it('tries once more where the store does not answer', async () => {
    const { outside, grant, gate, asking, stopped } = await stopping();
    outside.store.loseNextAnswer('grants');
    gate.open();
    await Promise.allSettled([asking, stopped]);

    assert.equal(lost(outside), 0);
    assert.equal(await versionOf(outside, grant), 2);
  });
});

function lost(outside: World): number {
  return outside.events.of('upstream_failed').filter(({ reason }) => /stored/.test(reason)).length;
}

describe('what is held of many grants', () => {
  it('is bounded: what there is no room for is lost, and the operator is told', async () => {
    const { outside, grant } = await granted();
    const { ports } = outside;
    const orderRevocation = () => Promise.resolve();
    const keys = gatewayKeys();
    const held = heldRenewals({ ports, policy, keys, orderRevocation, callLimit: seconds(10) }, 1);
    const stored = await outside.store.grants.read(grant);
    assert.ok(stored?.value.state === 'live', 'the grant is over');
    const state = { ...stored.value.upstream, version: 2 };
    const renewal = { grant, state, scope: undefined, order: undefined };

    held.hold(renewal);
    held.hold({ ...renewal, grant: 'another' as GrantId });

    assert.equal(outside.events.of('upstream_failed')[0]?.grant, 'another');
    assert.equal(await held.settle('another' as GrantId), false);
    assert.equal(await held.settle(grant), true);
    assert.equal(await versionOf(outside, grant), 2);
  });
});

describe('a grant that ends while its upstream tokens are renewed', () => {
  const ends: readonly (readonly [
    string,
    (gateway: UseCases, given: Given) => Promise<unknown>,
  ])[] = [
    ['by its client', (by, { client, first }) => by.revoke(client.value, first.accessToken)],
    ['by the operator', (by, { grant }) => by.administer.revoke({ ...nobody, grant })],
  ];
  for (const [name, end] of ends) {
    it(`${name} takes the new ones along at the upstream`, async () => {
      const given = await granted();
      const { outside, issued, gateway, first, refresh } = given;
      const gate = outside.upstream.holdNextAnswer();
      const asking = refresh(first.refreshToken);
      await gate.reached;
      await end(gateway, given);
      gate.open();
      assert.equal((await asking).ok, false);

      await later(outside, 10);

      assertRevoked(outside, issued);
    });
  }

  it('takes them along where they had to wait for the store', async () => {
    const { outside, issued, gateway, client, first, refresh } = await granted();
    await awayAtCommit(outside, () => refresh(first.refreshToken));
    const quiet = wired(outside, { ports: { store: outside.store.quiet } });
    await quiet.revoke(client.value, first.accessToken);
    outside.store.isAway = false;

    await later(outside, 10);

    assertRevoked(outside, issued);
    assert.equal(await opensMcp(gateway, first.accessToken), false);
  });

  it('takes them along where the first order still waits for the upstream', async () => {
    const { outside, issued, gateway, client, first, refresh } = await granted();
    const gate = outside.upstream.holdNextAnswer();
    const asking = refresh(first.refreshToken);
    await gate.reached;
    outside.upstream.goDown();
    await gateway.revoke(client.value, first.accessToken);
    // Another writer is faster once: the order is put together again.
    outside.store.beforeWrite('grants', touching(outside), 2);
    gate.open();
    assert.equal((await asking).ok, false);

    await later(outside, 60);
    outside.upstream.recover();
    await later(outside, 3600);

    assertRevoked(outside, issued);
  });

  it('is nothing to do where it is forgotten by the time they come', async () => {
    const { outside, grant, first, refresh } = await granted();
    const gate = outside.upstream.holdNextAnswer();
    const asking = refresh(first.refreshToken);
    await gate.reached;
    const { grants } = outside.store.quiet;
    const stored = await grants.read(grant);
    assert.ok(stored, 'the grant is there');
    await grants.write(grant, stored.value, stored.version, outside.clock.now());
    gate.open();

    assert.equal((await asking).ok, false);
    assert.deepEqual(outside.upstream.revocations, []);
  });
});

type Given = Awaited<ReturnType<typeof granted>>;
const nobody = { user: undefined, client: undefined, grant: undefined };

/** The upstream was told of everything that it gave last. */
function assertRevoked({ upstream }: World, issued: readonly string[]): void {
  assert.equal(issued.length, 4, 'it gave tokens twice');
  const told = new Set(upstream.revocations);
  for (const token of issued.slice(2)) assert.ok(told.has(token), `${token} still stands`);
}
