import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sealed } from '../../src/domain/sealing.ts';
import {
  aClient,
  aCode,
  aGrant,
  exchangeOf,
  grantOf,
  halvesOf,
  opensMcp,
  refreshOf,
  tamper,
  touching,
} from './dance.ts';
import {
  base,
  failureIn,
  gatewayKeys,
  valueIn,
  type WiredOptions,
  type WorldOptions,
  wired,
  world,
} from './wired.ts';

/** A client with a code in hand. */
async function withCode(options: WiredOptions = {}, outsideOptions: WorldOptions = {}) {
  const outside = world(outsideOptions);
  const gateway = wired(outside, options);
  const client = await aClient(gateway, outside);
  const code = await aCode(gateway, outside, client);
  return { outside, gateway, client, code };
}

describe('a code', () => {
  it('is exchanged for a pair of two halves that opens /mcp', async () => {
    const { outside, gateway, client, code } = await withCode();

    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    assert.ok(outside.upstream.access(halvesOf(tokens.accessToken).upstream ?? ''));
    assert.equal(tokens.expiresIn, 3600);
    assert.ok(await opensMcp(gateway, tokens.accessToken));
    assert.equal(outside.events.of('code_exchanged')[0]?.grant, grantOf(tokens.accessToken));
  });

  it('brings a pair that ends with the half that ends first', async () => {
    const short = await withCode({}, { traits: { accessTtl: 600 } });
    short.outside.clock.advance(20);

    const tokens = valueIn(await short.gateway.exchange(short.client, exchangeOf(short.code)));

    assert.equal(tokens.expiresIn, 580);
  });

  it('brings the gateway half alone in the opaque format', async () => {
    const { gateway, client, code } = await withCode({ policy: { format: 'opaque' } });

    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    assert.equal(halvesOf(tokens.accessToken).upstream, undefined);
    assert.ok(await opensMcp(gateway, tokens.accessToken));
    valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
  });

  for (const [name, change] of [
    ['without its verifier', { verifier: 'w'.repeat(43) }],
    ['with another redirect URI', { redirectUri: 'http://127.0.0.1:1/callback' }],
    ['of a grant that is none', { code: `${'A'.repeat(22)}.${'A'.repeat(43)}` }],
    ['that is none', { code: 'a code' }],
  ] as const) {
    it(`${name} is refused, and costs nobody anything`, async () => {
      const { outside, gateway, client, code } = await withCode();

      const refused = await gateway.exchange(client, { ...exchangeOf(code), ...change });

      assert.equal(failureIn(refused).error, 'invalid_grant');
      assert.equal(outside.events.of('token_refused')[0]?.client, client.value.id);
      valueIn(await gateway.exchange(client, exchangeOf(code)));
    });
  }

  it('with another secret is refused, and costs nobody anything', async () => {
    const { gateway, client, code } = await withCode();
    const guess = code.replace(/\..*/, `.${'A'.repeat(43)}`);

    assert.equal(
      failureIn(await gateway.exchange(client, exchangeOf(guess))).error,
      'invalid_grant',
    );
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));
    // Nor once the code is used: only who has it can use it twice.
    failureIn(await gateway.exchange(client, exchangeOf(guess)));
    assert.ok(await opensMcp(gateway, tokens.accessToken), 'the guess ended the grant');
  });

  it('may come without its redirect URI', async () => {
    const { gateway, client, code } = await withCode();

    const exchange = { ...exchangeOf(code), redirectUri: undefined };

    valueIn(await gateway.exchange(client, exchange));
  });

  it('of another client is refused, and stays good for its own', async () => {
    const { outside, gateway, client, code } = await withCode();
    const stranger = await aClient(gateway, outside);

    const refused = await gateway.exchange(stranger, exchangeOf(code));

    assert.equal(failureIn(refused).error, 'invalid_grant');
    valueIn(await gateway.exchange(client, exchangeOf(code)));
  });

  it('is not consumed by a request for another resource', async () => {
    const { gateway, client, code } = await withCode();

    const elsewhere = { ...exchangeOf(code), resource: 'https://elsewhere.example/mcp' };
    const refused = await gateway.exchange(client, elsewhere);

    assert.equal(failureIn(refused).error, 'invalid_target');
    valueIn(await gateway.exchange(client, exchangeOf(code)));
  });

  it('is neither good nor consumed at another gateway that shares the store', async () => {
    const { outside, gateway, client, code } = await withCode();
    const other = 'https://other.example';

    const there = { ...exchangeOf(code), bases: [other, other] } as const;
    const refused = await wired(outside, { base: other }).exchange(client, there);

    assert.equal(failureIn(refused).error, 'invalid_grant');
    valueIn(await gateway.exchange(client, exchangeOf(code)));
  });

  it('is good under each name of its gateway, and so are the tokens', async () => {
    const { outside, gateway, client, code } = await withCode();
    const bases = ['http://127.0.0.1:8002', base] as const;
    const resource = 'http://127.0.0.1:8002/mcp';

    const first = valueIn(await gateway.exchange(client, { ...exchangeOf(code), bases, resource }));
    const again = { ...refreshOf(first.refreshToken), bases, resource };
    const next = valueIn(await gateway.refresh(client, again));

    assert.equal(await opensMcp(wired(outside), next.accessToken), true);
  });

  it('is good for a minute', async () => {
    const { outside, gateway, client, code } = await withCode();

    outside.clock.advance(60);

    assert.equal(
      failureIn(await gateway.exchange(client, exchangeOf(code))).error,
      'invalid_grant',
    );
  });

  it('that is used twice ends its grant', async () => {
    const { outside, gateway, client, code } = await withCode();
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    const again = await gateway.exchange(client, exchangeOf(code));

    assert.equal(failureIn(again).error, 'invalid_grant');
    assert.equal(await opensMcp(gateway, tokens.accessToken), false);
    const refresh = await gateway.refresh(client, refreshOf(tokens.refreshToken));
    assert.equal(failureIn(refresh).error, 'invalid_grant');
    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'code_replayed');
  });

  it('that is used twice at once ends its grant', async () => {
    const { outside, gateway, client, code } = await withCode();

    const [one, other] = await Promise.all([
      gateway.exchange(client, exchangeOf(code)),
      gateway.exchange(client, exchangeOf(code)),
    ]);

    assert.equal([one, other].filter(({ ok }) => ok).length, 1);
    assert.equal(outside.events.of('grant_ended').length, 1);
  });

  it('that was used long ago is forgotten, and ends nothing', async () => {
    const { outside, gateway, client, code } = await withCode();
    const first = valueIn(await gateway.exchange(client, exchangeOf(code)));
    outside.clock.advance(7200);
    const second = valueIn(await gateway.refresh(client, refreshOf(first.refreshToken)));

    const late = await gateway.exchange(client, exchangeOf(code));

    assert.equal(failureIn(late).error, 'invalid_grant');
    assert.ok(await opensMcp(gateway, second.accessToken));
  });

  it('of a grant that has ended is refused', async () => {
    const { gateway, client, code } = await withCode();
    await gateway.exchange(client, exchangeOf(code));
    await gateway.exchange(client, exchangeOf(code));

    assert.equal(
      failureIn(await gateway.exchange(client, exchangeOf(code))).error,
      'invalid_grant',
    );
  });
});

describe('the upstream tokens behind a code', () => {
  it('are renewed before they are handed out when they are nearly spent', async () => {
    const { outside, gateway, client, code } = await withCode({}, { traits: { accessTtl: 40 } });
    outside.clock.advance(37);

    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    assert.equal(tokens.expiresIn, 40);
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
    assert.ok(await opensMcp(gateway, tokens.accessToken));
  });

  it('cost nobody the code when they cannot be renewed just now', async () => {
    const { outside, gateway, client, code } = await withCode({}, { traits: { accessTtl: 40 } });
    outside.clock.advance(37);
    outside.upstream.goDown(5);

    const refused = failureIn(await gateway.exchange(client, exchangeOf(code)));

    assert.equal(refused.error, 'temporarily_unavailable');
    outside.upstream.recover();
    valueIn(await gateway.exchange(client, exchangeOf(code)));
  });

  it('end the grant when they are spent and cannot be renewed at all', async () => {
    const traits = { accessTtl: 30, refreshTokens: 'none' } as const;
    const { outside, gateway, client, code } = await withCode({}, { traits });
    outside.clock.advance(30);

    const refused = failureIn(await gateway.exchange(client, exchangeOf(code)));

    assert.equal(refused.error, 'invalid_grant');
    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_refused');
  });
});

describe('the gateway key', () => {
  it('is needed for a code that was issued under it', async () => {
    const { outside, client, code } = await withCode();
    const stranger = wired(outside, { keys: gatewayKeys('another key') });

    const refused = await stranger.exchange(client, exchangeOf(code));

    assert.equal(failureIn(refused).error, 'invalid_grant');
  });

  it('may be followed by another while it is still read', async () => {
    const { outside, client, code } = await withCode();
    const rotated = wired(outside, { keys: gatewayKeys('another key', 'gateway key') });

    const tokens = valueIn(await rotated.exchange(client, exchangeOf(code)));

    assert.ok(await opensMcp(rotated, tokens.accessToken));
  });

  it('does not open what was changed in the store', async () => {
    const { outside, gateway, client, code } = await withCode();
    const other = await aGrant(gateway, outside);
    const stored = await outside.store.grants.read(other.grant);
    assert.ok(stored?.value.state === 'live');
    const sealed: Sealed = stored.value.upstream.sealed;
    const id = grantOf(code);
    await tamper(outside, id, (grant) => ({ ...grant, upstream: { ...grant.upstream, sealed } }));

    const refused = await gateway.exchange(client, exchangeOf(code));

    assert.equal(failureIn(refused).error, 'invalid_grant');
  });
});

describe('other writers of the same grant', () => {
  it('are waited out', async () => {
    const { outside, gateway, client, code } = await withCode();
    outside.store.beforeWrite('grants', touching(outside), 19);

    valueIn(await gateway.exchange(client, exchangeOf(code)));
  });

  it('are not waited for without an end', async () => {
    const { outside, gateway, client, code } = await withCode();
    outside.store.beforeWrite('grants', touching(outside), 20);

    const refused = failureIn(await gateway.exchange(client, exchangeOf(code)));

    assert.equal(refused.error, 'temporarily_unavailable');
    assert.equal(refused.retryAfter, 1);
  });
});
