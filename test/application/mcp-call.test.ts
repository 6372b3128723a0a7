import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  challengeAnswer,
  chunkQueue,
  eventStreamAnswer,
  jsonAnswer,
} from '../../src/adapters/testing/testing.ts';
import { StoreUnavailable, type UpstreamResourceServer } from '../../src/application/ports.ts';
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
  tamper,
  touching,
} from './dance.ts';
import { failureIn, valueIn, type WiredOptions, type WorldOptions, wired, world } from './wired.ts';

/** A client with its first pair. */
async function granted(options: WiredOptions = {}, outsideOptions: WorldOptions = {}) {
  const outside = world(outsideOptions);
  const gateway = wired(outside, options);
  const { client, tokens, grant } = await aGrant(gateway, outside);
  const refresh = (token: string) => gateway.refresh(client, refreshOf(token));
  const bearer = tokens.accessToken;
  const upstreamHalf = halvesOf(bearer).upstream;
  return { outside, gateway, client, grant, first: tokens, bearer, upstreamHalf, refresh };
}

const body = { body: initialize } as const;

describe('a call to /mcp', () => {
  it('is forwarded with the upstream half, and its answer passed on as it is', async () => {
    const { outside, gateway, bearer, upstreamHalf } = await granted();

    const { heard } = call(gateway, bearer, body);

    assert.deepEqual(await heard.ended, { type: 'end' });
    assert.equal(heard.status, 200);
    assert.match(heard.text, /protocolVersion/);
    const [received] = outside.mcp.calls;
    assert.equal(received?.token, upstreamHalf);
    assert.equal(Buffer.from(received?.body ?? []).toString(), initialize);
  });

  it('goes nowhere where the client’s end has no room for it', async () => {
    const { outside, gateway, bearer } = await granted();
    const { heard } = call(gateway, bearer, body);
    heard.room = false;

    assert.deepEqual(await heard.ended, { type: 'full' });
    assert.deepEqual(outside.mcp.calls, []);
  });

  it('at another gateway that shares the store is not forwarded', async () => {
    const { outside, gateway, bearer } = await granted();

    assert.equal(await opensMcp(wired(outside, { base: 'https://other.example' }), bearer), false);
    assert.equal(await opensMcp(gateway, bearer), true);
  });

  it('is answered chunk by chunk, at the pace of the client', async () => {
    const { outside, gateway, bearer } = await granted();
    const stream = chunkQueue();
    outside.mcp.answerNext(eventStreamAnswer(stream));
    const { heard, exchange } = call(gateway, bearer, { method: 'GET' });
    heard.hold = true;
    stream.push('one ');
    await heard.firstChunk;

    stream.push('two');
    stream.end();
    await outside.clock.sleep(10);
    assert.equal(heard.text, 'one ');
    heard.hold = false;
    exchange.resume();

    await heard.ended;
    assert.equal(heard.text, 'one two');
  });

  it('brings interim answers before the answer', async () => {
    const hinting: UpstreamResourceServer = {
      forward: (_call, _token, sink) => {
        queueMicrotask(() => {
          sink.interim(103, ['Link', '</style.css>; rel=preload']);
          sink.start(200, [], undefined);
          sink.end([]);
        });
        return { resume: () => {}, abort: () => {}, drop: () => {} };
      },
      close: () => Promise.resolve(),
    };
    const { gateway, bearer } = await granted({ ports: { resourceServer: hinting } });

    const { heard } = call(gateway, bearer, body);

    assert.deepEqual(await heard.ended, { type: 'end' });
    assert.deepEqual(heard.interims, [103]);
    assert.equal(heard.status, 200);
  });

  for (const [name, spoiled] of [
    ['no token of ours', () => 'a token'],
    ['a refresh token', (token: string) => token],
    ['an unknown grant', () => `${'A'.repeat(22)}.${'A'.repeat(43)}`],
  ] as const) {
    it(`with ${name} is challenged, and never forwarded`, async () => {
      const { outside, gateway, first } = await granted();

      const { heard } = call(gateway, spoiled(first.refreshToken), body);

      assert.deepEqual(await heard.ended, { type: 'challenge' });
      assert.equal(outside.mcp.calls.length, 0);
    });
  }

  it('with the halves of two grants is challenged', async () => {
    const { outside, gateway, bearer } = await granted();
    const other = await aGrant(gateway, outside);
    const gatewayHalf = readPresentedToken(bearer)?.gateway;
    const upstreamHalf = upstreamToken(halvesOf(other.tokens.accessToken).upstream ?? '');
    assert.ok(gatewayHalf && upstreamHalf);

    assert.equal(await opensMcp(gateway, encodeTokenPair(gatewayHalf, upstreamHalf)), false);
  });

  it('is accepted until the end of its token and the allowance for clocks, and then no more', async () => {
    const traits = { accessTtl: 86_400 };
    const { outside, gateway, bearer } = await granted({}, { traits });

    outside.clock.advance(3600 + 59);
    assert.ok(await opensMcp(gateway, bearer));
    outside.clock.advance(1);
    assert.equal(await opensMcp(gateway, bearer), false);
  });

  it('with an older pair is served with the newest upstream token', async () => {
    const { outside, gateway, first, refresh } = await granted();
    const second = valueIn(await refresh(first.refreshToken));

    assert.ok(await opensMcp(gateway, first.accessToken));

    const newest = halvesOf(second.accessToken).upstream;
    assert.equal(outside.mcp.calls.at(-1)?.token, newest);
  });

  it('with an opaque token is served out of the opened grant', async () => {
    const { outside, gateway, bearer } = await granted({ policy: { format: 'opaque' } });

    assert.ok(await opensMcp(gateway, bearer));

    assert.ok(outside.upstream.access(outside.mcp.calls[0]?.token ?? ''));
  });

  it('passes a 403 and its challenge to whoever answers the client', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.mcp.answerNext(challengeAnswer('Bearer error="insufficient_scope"', 403));

    const { heard } = call(gateway, bearer, body);

    await heard.ended;
    assert.equal(heard.status, 403);
    assert.equal(heard.upstreamChallenge, 'Bearer error="insufficient_scope"');
  });

  it('fails when the upstream cannot be reached, and when it breaks in the middle', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.mcp.goDown();
    const unreachable = call(gateway, bearer, body);
    assert.deepEqual(await unreachable.heard.ended, { type: 'fail', failure: 'unreachable' });

    outside.mcp.recover();
    outside.mcp.answerNext(eventStreamAnswer(['one '], { breaks: true }));
    const broken = call(gateway, bearer, body);
    assert.deepEqual(await broken.heard.ended, { type: 'fail', failure: 'broken' });
    assert.equal(broken.heard.text, 'one ');
  });

  it('ends at the upstream when the client leaves', async () => {
    const { outside, gateway, bearer } = await granted();
    const stream = chunkQueue();
    outside.mcp.answerNext(eventStreamAnswer(stream));
    const { heard, exchange } = call(gateway, bearer, { method: 'GET' });
    stream.push('one ');
    await heard.firstChunk;

    exchange.abort();

    await stream.left;
    assert.equal(heard.text, 'one ');
  });

  it('is not even begun when the client left before', async () => {
    const { outside, gateway, bearer } = await granted();

    const { exchange } = call(gateway, bearer, body);
    exchange.resume();
    exchange.abort();
    await outside.clock.sleep(10);

    assert.equal(outside.mcp.calls.length, 0);
  });

  it('is told apart from a store that cannot be reached', async () => {
    const { outside, bearer } = await granted();
    const gone = new StoreUnavailable('gone');
    const grants = { ...outside.store.grants, read: () => Promise.reject(gone) };
    const gateway = wired(outside, { ports: { store: { ...outside.store, grants } } });

    const { heard } = call(gateway, bearer, body);
    const { heard: left, exchange } = call(gateway, bearer, body);
    exchange.abort();

    assert.deepEqual(await heard.ended, { type: 'crash', error: gone });
    assert.equal(await Promise.race([left.ended, outside.clock.sleep(10)]), undefined);
  });
});

describe('an upstream half that is spent', () => {
  const short = { traits: { accessTtl: 600 } } as const;

  it('is renewed before the call is forwarded, and the client notices nothing', async () => {
    const { outside, gateway, bearer } = await granted({}, short);
    outside.clock.advance(600);

    assert.ok(await opensMcp(gateway, bearer));

    assert.equal(outside.mcp.calls.length, 1);
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
    assert.equal(outside.events.of('upstream_tokens_renewed').length, 1);
  });

  it('is renewed once, however many calls come', async () => {
    const { outside, gateway, bearer } = await granted({}, short);
    outside.clock.advance(600);

    const open = await Promise.all(Array.from({ length: 10 }, () => opensMcp(gateway, bearer)));

    assert.ok(open.every(Boolean));
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });

  it('is renewed once, though a refresh comes at the same time', async () => {
    const { outside, gateway, bearer, first, refresh } = await granted({}, short);
    outside.clock.advance(600);

    const [open, second] = await Promise.all([
      opensMcp(gateway, bearer),
      refresh(first.refreshToken),
    ]);

    assert.ok(open);
    assert.ok(await opensMcp(gateway, valueIn(second).accessToken));
    assert.equal(outside.events.of('grant_ended').length, 0);
  });

  it('makes the client come back when it cannot be renewed just now', async () => {
    const { outside, gateway, bearer } = await granted({}, short);
    outside.clock.advance(600);
    outside.upstream.goDown(20);

    const { heard } = call(gateway, bearer, body);

    assert.deepEqual(await heard.ended, { type: 'unavailable', retryAfter: 20 });
    outside.upstream.recover();
    assert.ok(await opensMcp(gateway, bearer));
  });

  it('ends the grant when the upstream refuses to renew it', async () => {
    const { outside, gateway, bearer } = await granted({}, short);
    outside.clock.advance(600);
    outside.upstream.revokeEverything();

    assert.equal(await opensMcp(gateway, bearer), false);

    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_refused');
  });

  it('is used all the same when it cannot be renewed at all: the upstream decides', async () => {
    const traits = { accessTtl: 600, refreshTokens: 'none' } as const;
    const { outside, gateway, bearer } = await granted({}, { traits });
    outside.clock.advance(600);
    outside.mcp.answerNext(jsonAnswer({ still: 'good' }));

    assert.ok(await opensMcp(gateway, bearer));
    assert.equal(await opensMcp(gateway, bearer), false);
  });
});

describe('an upstream half that is refused', () => {
  it('is renewed, and the call sent once more', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.upstream.dropAccessTokens();

    const { heard } = call(gateway, bearer, { body: initialize, stream: 'kept' });

    await heard.ended;
    assert.equal(heard.status, 200);
    assert.equal(outside.mcp.calls.length, 2);
    for (const { body: sent } of outside.mcp.calls) {
      assert.equal(Buffer.from(sent).toString(), initialize);
    }
  });

  it('is renewed for a call without a body', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.upstream.dropAccessTokens();

    const { heard } = call(gateway, bearer, { method: 'GET' });

    await heard.ended;
    assert.equal(heard.status, 400); // of the MCP server: there is no session
  });

  it('is renewed, and the client sends a body again that was not kept', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.upstream.dropAccessTokens();

    const { heard } = call(gateway, bearer, { body: initialize, stream: 'gone' });

    assert.deepEqual(await heard.ended, { type: 'challenge' });
    assert.ok(await opensMcp(gateway, bearer));
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });

  it('is renewed once, however many calls were refused', async () => {
    const { outside, gateway, bearer } = await granted();
    assert.ok(await opensMcp(gateway, bearer));
    outside.upstream.dropAccessTokens();

    const open = await Promise.all(Array.from({ length: 10 }, () => opensMcp(gateway, bearer)));

    assert.ok(open.every(Boolean));
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });

  it('is not asked for again when the client leaves meanwhile', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.upstream.dropAccessTokens();
    const gate = outside.upstream.holdNextAnswer();
    const { exchange } = call(gateway, bearer, body);
    await gate.reached;

    exchange.abort();
    gate.open();
    await outside.clock.sleep(10);

    assert.equal(outside.mcp.calls.length, 1);
  });

  it('makes the client come back when it cannot be renewed just now', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.upstream.dropAccessTokens();
    outside.upstream.goDown();

    const { heard } = call(gateway, bearer, body);

    assert.equal((await heard.ended).type, 'unavailable');
  });

  it('is marked when the renewed one is refused too, and /mcp renews no more', async () => {
    const { outside, gateway, bearer, first, refresh } = await granted();
    outside.mcp.answerNext(challengeAnswer(), challengeAnswer(), challengeAnswer());

    assert.equal(await opensMcp(gateway, bearer), false);
    assert.equal(await opensMcp(gateway, bearer), false);

    assert.equal(outside.mcp.calls.length, 3);
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
    assert.equal(outside.events.of('upstream_token_refused').length, 1);
    assert.ok(await opensMcp(gateway, valueIn(await refresh(first.refreshToken)).accessToken));
  });

  it('ends the grant when every new token is refused as well, however gladly they are given', async () => {
    const { outside, gateway, bearer, first, refresh } = await granted();
    outside.mcp.answerNext(...Array.from({ length: 4 }, () => challengeAnswer()));
    assert.equal(await opensMcp(gateway, bearer), false);
    const second = valueIn(await refresh(first.refreshToken));
    assert.equal(await opensMcp(gateway, second.accessToken), false);

    const third = await refresh(second.refreshToken);

    assert.equal(failureIn(third).error, 'invalid_grant');
    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_refused');
  });
});

describe('other writers of the same grant', () => {
  it('are waited out when a pair comes back for the first time', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.store.beforeWrite('grants', touching(outside), 20);

    assert.ok(await opensMcp(gateway, bearer));
  });

  it('are not waited for without an end', async () => {
    const { outside, gateway, bearer } = await granted();
    outside.store.beforeWrite('grants', touching(outside), 21);

    const { heard } = call(gateway, bearer, body);

    assert.deepEqual(await heard.ended, { type: 'unavailable', retryAfter: 1 });
  });

  it('are waited out when a refused token is marked', async () => {
    const traits = { refreshTokens: 'none' } as const;
    const { outside, gateway, bearer } = await granted({}, { traits });
    assert.ok(await opensMcp(gateway, bearer));
    outside.upstream.revokeEverything();
    outside.store.beforeWrite('grants', touching(outside));

    assert.equal(await opensMcp(gateway, bearer), false);

    assert.equal(outside.events.of('upstream_token_refused').length, 1);
  });

  it('may end it between two looks', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    const code = await aCode(gateway, outside, client);
    const { accessToken } = valueIn(await gateway.exchange(client, exchangeOf(code)));
    outside.store.beforeWrite('grants', () => gateway.exchange(client, exchangeOf(code)));

    const { heard } = call(gateway, accessToken, body);

    assert.deepEqual(await heard.ended, { type: 'challenge' });
    assert.equal(outside.mcp.calls.length, 0);
  });
});

describe('a record that was changed in the store', () => {
  it('opens nothing, neither to forward nor to renew', async () => {
    const { outside, gateway, bearer, grant } = await granted({ policy: { format: 'opaque' } });
    await tamper(outside, grant, (live) => ({
      ...live,
      upstream: { ...live.upstream, version: 9 },
    }));

    assert.equal(await opensMcp(gateway, bearer), false);
    outside.clock.advance(3600);
    assert.equal(await opensMcp(gateway, bearer), false);
    assert.equal(outside.mcp.calls.length, 0);
  });

  it('cannot make a refresh token of nothing', async () => {
    const traits = { refreshTokens: 'none' } as const;
    const { outside, gateway, bearer, grant } = await granted({}, { traits });
    await tamper(outside, grant, (live) => ({
      ...live,
      upstream: { ...live.upstream, renewable: true },
    }));
    outside.upstream.dropAccessTokens();

    assert.equal(await opensMcp(gateway, bearer), false);

    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_refused');
  });
});
