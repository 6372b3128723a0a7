import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seconds } from '../../src/domain/lifetime.ts';
import { encodeTokenPair, readPresentedToken, upstreamToken } from '../../src/domain/token-pair.ts';
import { initialize } from '../support/initialize.ts';
import {
  aClient,
  aCode,
  aGrant,
  call,
  exchangeOf,
  halvesOf,
  opensMcp,
  refreshOf,
} from './dance.ts';
import {
  failureIn,
  gatewayKeys,
  valueIn,
  type WiredOptions,
  type WorldOptions,
  wired,
  world,
} from './wired.ts';

const none = seconds(0);

/** A client with its first pair. */
async function granted(options: WiredOptions = {}, outsideOptions: WorldOptions = {}) {
  const outside = world(outsideOptions);
  const gateway = wired(outside, options);
  const { client, tokens, grant } = await aGrant(gateway, outside);
  const refresh = (token: string, by = gateway) => by.refresh(client, refreshOf(token));
  return { outside, gateway, client, grant, first: tokens, refresh };
}

describe('a refresh', () => {
  it('brings another pair, both halves new, and kills no live access token', async () => {
    const { outside, gateway, first, refresh } = await granted();

    const second = valueIn(await refresh(first.refreshToken));

    const [old, fresh] = [halvesOf(first.accessToken), halvesOf(second.accessToken)];
    assert.notEqual(fresh.gateway, old.gateway);
    assert.notEqual(fresh.upstream, old.upstream);
    assert.equal(second.expiresIn, 3600);
    assert.ok(await opensMcp(gateway, second.accessToken));
    assert.ok(await opensMcp(gateway, first.accessToken));
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
    assert.equal(outside.events.of('tokens_refreshed').length, 1);
  });

  it('asks for no other scope, and says what the upstream granted', async () => {
    const { first, refresh } = await granted();

    assert.equal(valueIn(await refresh(first.refreshToken)).scope, first.scope);
  });

  it('keeps the old upstream refresh token where the answer brings none', async () => {
    const { gateway, first, refresh } = await granted({}, { traits: { refreshTokens: 'kept' } });

    const second = valueIn(await refresh(first.refreshToken));
    const third = valueIn(await refresh(second.refreshToken));

    assert.ok(await opensMcp(gateway, third.accessToken));
  });

  for (const [name, token] of [
    ['that is none', 'a token'],
    ['of a grant that is none', `${'A'.repeat(22)}.${'A'.repeat(43)}`],
  ] as const) {
    it(`with a token ${name} is refused`, async () => {
      const { refresh } = await granted();

      assert.equal(failureIn(await refresh(token)).error, 'invalid_grant');
    });
  }

  it('with an access token is refused, and changes nothing', async () => {
    const { first, refresh } = await granted();

    assert.equal(failureIn(await refresh(first.accessToken)).error, 'invalid_grant');
    valueIn(await refresh(first.refreshToken));
  });

  it('by another client is refused, and changes nothing', async () => {
    const { outside, gateway, first, refresh } = await granted();
    const stranger = await aClient(gateway, outside);

    const refused = await gateway.refresh(stranger, refreshOf(first.refreshToken));

    assert.equal(failureIn(refused).error, 'invalid_grant');
    valueIn(await refresh(first.refreshToken));
  });

  it('with the halves of two grants is refused, and changes neither', async () => {
    const { outside, gateway, first, refresh } = await granted();
    const other = await aGrant(gateway, outside);

    const refused = await refresh(mixed(first.refreshToken, other.tokens.refreshToken));

    assert.equal(failureIn(refused).error, 'invalid_grant');
    valueIn(await refresh(first.refreshToken));
  });

  it('for another resource is refused, and changes nothing', async () => {
    const { gateway, client, first, refresh } = await granted();

    const elsewhere = {
      ...refreshOf(first.refreshToken),
      resource: 'https://elsewhere.example/mcp',
    };
    const refused = await gateway.refresh(client, elsewhere);

    assert.equal(failureIn(refused).error, 'invalid_target');
    valueIn(await refresh(first.refreshToken));
  });

  it('at another gateway that shares the store is refused, and changes nothing', async () => {
    const { outside, client, first, refresh } = await granted();
    const other = 'https://other.example';

    const there = { ...refreshOf(first.refreshToken), bases: [other, other] } as const;
    const refused = await wired(outside, { base: other }).refresh(client, there);

    assert.equal(failureIn(refused).error, 'invalid_grant');
    valueIn(await refresh(first.refreshToken));
  });

  it('is possible for thirty days and the allowance for clocks, and then no more', async () => {
    const early = await granted();
    early.outside.clock.advance(30 * 86_400 + 59);
    valueIn(await early.refresh(early.first.refreshToken));

    const late = await granted();
    late.outside.clock.advance(30 * 86_400 + 60);
    assert.equal(failureIn(await late.refresh(late.first.refreshToken)).error, 'invalid_grant');
  });

  it('needs the gateway key', async () => {
    const { outside, first, refresh } = await granted();
    const stranger = wired(outside, { keys: gatewayKeys('another key') });

    assert.equal(failureIn(await refresh(first.refreshToken, stranger)).error, 'invalid_grant');
  });

  it('reads a pair also where the gateway hands out opaque tokens, and the other way round', async () => {
    const { outside, first, refresh } = await granted();
    const opaque = wired(outside, { policy: { format: 'opaque' } });

    const second = valueIn(await refresh(first.refreshToken, opaque));
    const third = valueIn(await refresh(second.refreshToken));

    assert.equal(halvesOf(second.refreshToken).upstream, undefined);
    assert.ok(halvesOf(third.refreshToken).upstream);
  });
});

describe('a used refresh token', () => {
  it('brings the lost answer when it is asked for again, however late', async () => {
    const { outside, gateway, first, refresh } = await granted();
    const lost = valueIn(await refresh(first.refreshToken));
    outside.clock.advance(60);

    const again = valueIn(await refresh(first.refreshToken));

    assert.equal(again.refreshToken, lost.refreshToken);
    assert.equal(again.accessToken, lost.accessToken);
    assert.equal(again.expiresIn, lost.expiresIn - 60);
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
    assert.equal(outside.events.of('superseded_token_answered').length, 1);
    outside.clock.advance(10 * 86_400);
    const late = valueIn(await refresh(first.refreshToken));
    assert.ok(await opensMcp(gateway, late.accessToken));
  });

  it('moves the grant when the newest pair is nearly spent, or the client would be back at once', async () => {
    const { outside, first, refresh } = await granted();
    const lost = valueIn(await refresh(first.refreshToken));
    outside.clock.advance(3590);

    const again = valueIn(await refresh(first.refreshToken));

    assert.equal(again.expiresIn, 3600);
    assert.notEqual(again.refreshToken, lost.refreshToken);
    assert.equal(outside.upstream.tokenRequests.refresh_token, 2);
  });

  it('serves another window of the client that comes when its access token ends', async () => {
    const { outside, gateway, first, refresh } = await granted();
    outside.clock.advance(1000);
    const second = valueIn(await refresh(first.refreshToken));
    assert.ok(await opensMcp(gateway, second.accessToken));
    outside.clock.advance(2600 + 599);

    const otherWindow = valueIn(await refresh(first.refreshToken));

    assert.equal(otherWindow.refreshToken, second.refreshToken);
    assert.ok(await opensMcp(gateway, otherWindow.accessToken));
  });

  it('that comes back after its grace is a replay, and ends the grant', async () => {
    const { outside, gateway, client, first, refresh } = await granted();
    outside.clock.advance(1000);
    const second = valueIn(await refresh(first.refreshToken));
    assert.ok(await opensMcp(gateway, second.accessToken));
    outside.clock.advance(2600 + 600);

    const replay = await refresh(first.refreshToken);

    assert.equal(failureIn(replay).error, 'invalid_grant');
    assert.equal(await opensMcp(gateway, second.accessToken), false);
    assert.equal(failureIn(await refresh(second.refreshToken)).error, 'invalid_grant');
    const [ended] = outside.events.of('grant_ended');
    assert.equal(ended?.reason, 'refresh_replayed');
    assert.equal(ended?.client, client.value.id);
  });

  it('ends the grant also when other writers get in between', async () => {
    const { outside, gateway, first, refresh } = await granted({ policy: { refreshGrace: none } });
    const second = valueIn(await refresh(first.refreshToken));
    const marks = () => opensMcp(gateway, second.accessToken);
    outside.store.beforeWrite('grants', marks, 1);

    assert.equal(failureIn(await refresh(first.refreshToken)).error, 'invalid_grant');

    assert.equal(await opensMcp(gateway, second.accessToken), false);
  });

  it('ends the grant once, though it comes back twice at once', async () => {
    const { outside, first, refresh } = await granted({ policy: { refreshGrace: none } });
    valueIn(await refresh(first.refreshToken));

    await Promise.all([refresh(first.refreshToken), refresh(first.refreshToken)]);

    assert.equal(outside.events.of('grant_ended').length, 1);
  });
});

describe('strict rotation', () => {
  it('ends the old pair with the commit of the new one', async () => {
    const { gateway, first, refresh } = await granted({ policy: { refreshGrace: none } });

    const second = valueIn(await refresh(first.refreshToken));

    assert.equal(await opensMcp(gateway, first.accessToken), false);
    assert.ok(await opensMcp(gateway, second.accessToken));
  });

  it('takes the second use of a refresh token for a replay', async () => {
    const { gateway, first, refresh } = await granted({ policy: { refreshGrace: none } });
    const second = valueIn(await refresh(first.refreshToken));

    assert.equal(failureIn(await refresh(first.refreshToken)).error, 'invalid_grant');
    assert.equal(await opensMcp(gateway, second.accessToken), false);
  });

  it('lets refreshes that are in flight together share one answer', async () => {
    const { outside, gateway, first, refresh } = await granted({ policy: { refreshGrace: none } });

    const answers = await Promise.all(tenTimes(() => refresh(first.refreshToken)));

    const pairs = new Set(answers.map((answer) => valueIn(answer).accessToken));
    assert.equal(pairs.size, 1);
    assert.ok(await opensMcp(gateway, [...pairs][0] ?? ''));
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });
});

describe('an upstream without refresh tokens', () => {
  const github = { refreshTokens: 'none', expiresIn: 'absent' } as const;

  it('is not asked: the upstream access token is used again', async () => {
    const { outside, gateway, first, refresh } = await granted({}, { traits: github });

    const second = valueIn(await refresh(first.refreshToken));
    const third = valueIn(await refresh(second.refreshToken));

    const upstream = halvesOf(first.accessToken).upstream;
    assert.equal(halvesOf(third.accessToken).upstream, upstream);
    assert.notEqual(halvesOf(third.refreshToken).upstream, upstream);
    assert.ok(await opensMcp(gateway, third.accessToken));
    assert.equal(outside.upstream.tokenRequests.refresh_token, 0);
  });

  it('has a placeholder in its pairs that is bound like any other half', async () => {
    const { outside, gateway, first, refresh } = await granted({}, { traits: github });
    const other = await aGrant(gateway, outside);

    const refused = await refresh(mixed(first.refreshToken, other.tokens.refreshToken));

    assert.equal(failureIn(refused).error, 'invalid_grant');
  });

  it('sends the client to the browser once when its token is refused, and never round in circles', async () => {
    const { outside, gateway, first, refresh } = await granted({}, { traits: github });
    outside.upstream.revokeEverything();
    const { heard } = call(gateway, first.accessToken, { body: initialize });
    assert.equal((await heard.ended).type, 'challenge');

    const refused = await refresh(first.refreshToken);

    assert.equal(failureIn(refused).error, 'invalid_grant');
    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_refused');
    assert.equal(outside.upstream.tokenRequests.refresh_token, 0);
  });
});

function tenTimes<Value>(make: () => Value): Value[] {
  return Array.from({ length: 10 }, make);
}

/** The gateway half of one token and the upstream half of another. */
function mixed(one: string, other: string): string {
  const gateway = readPresentedToken(one)?.gateway;
  const upstream = upstreamToken(halvesOf(other).upstream ?? '');
  assert.ok(gateway && upstream);
  return encodeTokenPair(gateway, upstream);
}

describe('a grant that ends so long after its sign-in', () => {
  const day = 86_400;

  it('does so however often it is refreshed, and its user signs in again', async () => {
    const { outside, gateway, first, refresh } = await granted({
      policy: { grantTtl: seconds(10 * day) },
    });
    let newest = first;
    for (let time = 0; time < 9; time += 1) {
      outside.clock.advance(day);
      newest = valueIn(await refresh(newest.refreshToken));
      assert.equal(newest.expiresIn, 3600);
    }
    outside.clock.advance(day - 60);
    newest = valueIn(await refresh(newest.refreshToken));
    assert.equal(newest.expiresIn, 60);
    outside.clock.advance(60);

    assert.equal(failureIn(await refresh(newest.refreshToken)).error, 'invalid_grant');
    assert.ok(await opensMcp(gateway, newest.accessToken), 'within the clock skew');
    outside.clock.advance(60);
    assert.equal(await opensMcp(gateway, newest.accessToken), false);
    assert.deepEqual(outside.events.of('grant_ended'), []);
  });

  it('counts also where it was given before the operator wanted that', async () => {
    const { outside, client, first } = await granted();
    outside.clock.advance(day);
    const stricter = wired(outside, { policy: { grantTtl: seconds(day) } });

    const late = await stricter.refresh(client, refreshOf(first.refreshToken));

    assert.equal(failureIn(late).error, 'invalid_grant');
  });

  it('takes its code along', async () => {
    const outside = world();
    const gateway = wired(outside, { policy: { grantTtl: seconds(30) } });
    const client = await aClient(gateway, outside);
    const code = await aCode(gateway, outside, client);
    outside.clock.advance(30);

    const late = await gateway.exchange(client, exchangeOf(code));

    assert.equal(failureIn(late).error, 'invalid_grant');
  });
});
