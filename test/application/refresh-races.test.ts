import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { challengeAnswer, gate } from '../../src/adapters/testing/testing.ts';
import type { UpstreamAuthorizationServer } from '../../src/application/ports.ts';
import { after, seconds } from '../../src/domain/lifetime.ts';
import { failure, success } from '../../src/domain/result.ts';
import { upstreamToken } from '../../src/domain/token-pair.ts';
import { initialize } from '../support/initialize.ts';
import { aGrant, call, halvesOf, opensMcp, refreshOf, tamper, touching } from './dance.ts';
import { failureIn, valueIn, type WiredOptions, type WorldOptions, wired, world } from './wired.ts';

/** A client with its first pair. */
async function granted(options: WiredOptions = {}, outsideOptions: WorldOptions = {}) {
  const outside = world(outsideOptions);
  const gateway = wired(outside, options);
  const { client, tokens, grant } = await aGrant(gateway, outside);
  const refresh = (token: string, by = gateway) => by.refresh(client, refreshOf(token));
  return { outside, gateway, client, grant, first: tokens, refresh };
}

describe('refreshes that come together', () => {
  it('are ten answers with a working pair and one upstream refresh', async () => {
    const { outside, gateway, first, refresh } = await granted();

    const answers = await Promise.all(
      Array.from({ length: 10 }, () => refresh(first.refreshToken)),
    );

    for (const answer of answers) assert.ok(await opensMcp(gateway, valueIn(answer).accessToken));
    assert.equal(new Set(answers.map((answer) => valueIn(answer).refreshToken)).size, 1);
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
    const [{ refreshToken } = first] = answers.map((answer) => valueIn(answer));
    valueIn(await refresh(refreshToken));
  });

  it('may come to three processes', async () => {
    const { outside, first, refresh } = await granted();
    const processes = [wired(outside), wired(outside), wired(outside)];

    const answers = await Promise.all(processes.map((each) => refresh(first.refreshToken, each)));

    for (const answer of answers) {
      assert.ok(await opensMcp(wired(outside), valueIn(answer).accessToken));
    }
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });

  it('may come with tokens of several generations', async () => {
    const { outside, gateway, first, refresh } = await granted();
    const second = valueIn(await refresh(first.refreshToken));
    const third = valueIn(await refresh(second.refreshToken));
    const tokens = [first, second, third, first, second, third];

    const answers = await Promise.all(tokens.map(({ refreshToken }) => refresh(refreshToken)));

    for (const answer of answers) assert.ok(await opensMcp(gateway, valueIn(answer).accessToken));
    assert.equal(outside.upstream.tokenRequests.refresh_token, 3);
    assert.equal(outside.events.of('grant_ended').length, 0);
  });

  it('go on when another writer takes the grant between reading and claiming it', async () => {
    const { outside, first, refresh } = await granted();
    outside.store.beforeWrite('grants', touching(outside));

    valueIn(await refresh(first.refreshToken));

    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });

  it('never ask the upstream again when the answer could not be written at once', async () => {
    const { outside, gateway, first, refresh } = await granted();
    const gate = outside.upstream.holdNextAnswer();
    const waiting = refresh(first.refreshToken);
    await gate.reached;
    assert.ok(await opensMcp(gateway, first.accessToken)); // notes that the pair came back
    gate.open();

    const second = valueIn(await waiting);

    assert.ok(await opensMcp(gateway, second.accessToken));
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });
});

describe('an upstream in trouble', () => {
  it('cannot be reached: the client is asked to come back, and nothing is consumed', async () => {
    const { outside, gateway, first, refresh } = await granted();
    outside.upstream.goDown(30);

    const refused = failureIn(await refresh(first.refreshToken));

    assert.equal(refused.error, 'temporarily_unavailable');
    assert.equal(refused.retryAfter, 30);
    assert.ok(await opensMcp(gateway, first.accessToken));
    assert.match(outside.events.of('upstream_failed')[0]?.reason ?? '', /ECONNREFUSED/);
    outside.upstream.recover();
    valueIn(await refresh(first.refreshToken));
  });

  it('cannot even be found: nothing is consumed either', async () => {
    const { outside, first, refresh } = await granted();
    outside.upstream.goDown();

    const refused = await refresh(first.refreshToken, wired(outside));

    assert.equal(failureIn(refused).error, 'temporarily_unavailable');
    outside.upstream.recover();
    valueIn(await refresh(first.refreshToken));
  });

  for (const [name, trouble] of [
    ['does not know this gateway any more', 'invalid_client'],
    ['does not understand the request', 'invalid_request'],
  ] as const) {
    it(`${name}: that is the operator's to mend, and no grant ends`, async () => {
      const { outside, first, refresh } = await granted();
      outside.upstream.refuse(trouble);

      assert.equal(failureIn(await refresh(first.refreshToken)).error, 'temporarily_unavailable');
      outside.upstream.recover();
      valueIn(await refresh(first.refreshToken));
    });
  }

  it('answers with something else: no grant ends', async () => {
    const { outside, first, refresh } = await granted();
    outside.upstream.babble();

    assert.equal(failureIn(await refresh(first.refreshToken)).error, 'temporarily_unavailable');
    outside.upstream.recover();
    valueIn(await refresh(first.refreshToken));
  });

  it('says invalid_grant: the grant ends, and the upstream is not asked again', async () => {
    const { outside, gateway, first, refresh } = await granted();
    outside.upstream.revokeEverything();

    assert.equal(failureIn(await refresh(first.refreshToken)).error, 'invalid_grant');
    assert.equal(failureIn(await refresh(first.refreshToken)).error, 'invalid_grant');

    assert.equal(await opensMcp(gateway, first.accessToken), false);
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_refused');
  });

  it('rotated and lost its answer: the client authorizes again', async () => {
    const { outside, first, refresh } = await granted();
    outside.upstream.loseNextAnswer();

    assert.equal(failureIn(await refresh(first.refreshToken)).error, 'temporarily_unavailable');
    assert.equal(failureIn(await refresh(first.refreshToken)).error, 'invalid_grant');
  });
});

describe('those who wait for another process that asks', () => {
  it('do not ask as well when it came back without an answer', async () => {
    const { outside, first, refresh } = await granted();
    outside.upstream.loseNextAnswer();
    const gate = outside.upstream.holdNextAnswer();
    const asking = refresh(first.refreshToken);
    await gate.reached;
    const waiting = refresh(first.refreshToken);
    await outside.clock.sleep(100);
    gate.open();

    assert.equal(failureIn(await asking).error, 'temporarily_unavailable');
    assert.equal(failureIn(await waiting).error, 'temporarily_unavailable');
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });

  it('are refused with it when the grant ended meanwhile', async () => {
    const { outside, client, gateway, first, refresh } = await granted();
    const second = valueIn(await refresh(first.refreshToken));
    const gate = outside.upstream.holdNextAnswer();
    const asking = refresh(second.refreshToken);
    await gate.reached;
    const waiting = refresh(second.refreshToken);
    assert.ok(await opensMcp(gateway, second.accessToken));
    const strict = wired(outside, { policy: { refreshGrace: seconds(0) } });
    assert.ok(!(await strict.refresh(client, refreshOf(first.refreshToken))).ok);
    gate.open();

    assert.equal(failureIn(await asking).error, 'invalid_grant');
    assert.equal(failureIn(await waiting).error, 'invalid_grant');
  });

  it('are asked to come back when it takes too long', async () => {
    const { outside, grant, first, refresh } = await granted();
    const until = after(outside.clock.now(), seconds(15));
    await tamper(outside, grant, (live) => ({ ...live, claim: { owner: 'killed', until } }));

    const early = failureIn(await refresh(first.refreshToken));

    assert.equal(early.error, 'temporarily_unavailable');
    assert.equal(outside.upstream.tokenRequests.refresh_token, 0);
    outside.clock.advance(3);
    valueIn(await refresh(first.refreshToken));
  });

  it('ask themselves when its claim runs out: it was killed', async () => {
    const { outside, grant, first, refresh } = await granted();
    const until = after(outside.clock.now(), seconds(5));
    await tamper(outside, grant, (live) => ({ ...live, claim: { owner: 'killed', until } }));

    valueIn(await refresh(first.refreshToken));

    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });

  it('move the grant once, though the one that was taken for dead comes back', async () => {
    const { outside, gateway, first, refresh } = await granted({}, kept);
    const gate = outside.upstream.holdNextAnswer();
    const slow = refresh(first.refreshToken);
    await gate.reached;
    outside.clock.advance(20);
    const quick = valueIn(await refresh(first.refreshToken));

    gate.open();
    const late = valueIn(await slow);

    assert.equal(halvesOf(late.refreshToken).gateway, halvesOf(quick.refreshToken).gateway);
    assert.ok(await opensMcp(gateway, quick.accessToken));
    assert.ok(await opensMcp(gateway, late.accessToken));
    valueIn(await refresh(late.refreshToken));
  });

  it('do not lose the claim of another when they give up', async () => {
    const { outside, gateway, first, refresh } = await granted({}, kept);
    outside.upstream.loseNextAnswer();
    const gate = outside.upstream.holdNextAnswer();
    const slow = refresh(first.refreshToken);
    await gate.reached;
    outside.clock.advance(20);
    const other = outside.upstream.holdNextAnswer();
    const quick = refresh(first.refreshToken);
    await other.reached;

    gate.open();
    assert.equal(failureIn(await slow).error, 'temporarily_unavailable');
    other.open();

    assert.ok(await opensMcp(gateway, valueIn(await quick).accessToken));
  });
});

describe('a no of the upstream that comes too late', () => {
  it('ends no grant that another process has renewed meanwhile', async () => {
    const { outside, first, gateway, client } = await granted({}, kept);
    const { slow, held } = lateNo(outside.upstream);
    const late = wired(outside, { ports: { authorizationServer: slow } });
    const asking = late.refresh(client, refreshOf(first.refreshToken));
    await held.reached;
    outside.clock.advance(30);
    const quick = valueIn(await gateway.refresh(client, refreshOf(first.refreshToken)));

    held.open();

    const answer = valueIn(await asking);
    assert.equal(answer.refreshToken, quick.refreshToken);
    assert.deepEqual(outside.events.of('grant_ended'), []);
    assert.ok(await opensMcp(gateway, quick.accessToken), 'the grant works');
  });

  it('ends none either whose token the MCP server took for spent, where that was before the renewal', async () => {
    const { outside, gateway, first, grant, refresh } = await granted({}, kept);
    await tamper(outside, grant, (live) => ({
      ...live,
      upstream: { ...live.upstream, hopeless: true },
    }));
    outside.store.beforeWrite('grants', () =>
      tamper(outside, grant, ({ upstream, ...live }) => ({
        ...live,
        upstream: { ...upstream, version: upstream.version + 1, hopeless: false },
      })),
    );

    // The stand-in for a renewal has sealed nothing: it is enough that nobody ended the grant.
    await refresh(first.refreshToken);

    assert.deepEqual(outside.events.of('grant_ended'), []);
    assert.ok(await opensMcp(gateway, first.accessToken), 'the grant works');
  });
});

/** An upstream whose next refresh waits at a gate, and is refused then. */
function lateNo(upstream: UpstreamAuthorizationServer) {
  const held = gate();
  const slow: UpstreamAuthorizationServer = {
    probe: (...asked) => upstream.probe(...asked),
    resourceDocument: (...asked) => upstream.resourceDocument(...asked),
    serverDocument: (...asked) => upstream.serverDocument(...asked),
    register: (...asked) => upstream.register(...asked),
    revokeToken: (...asked) => upstream.revokeToken(...asked),
    requestTokens: async () => {
      await held.pass();
      return failure({ kind: 'refused', error: 'invalid_grant', description: undefined });
    },
  };
  return { slow, held };
}

describe('those who come while the upstream says no', () => {
  it('do not ask it again', async () => {
    const { outside, first, refresh } = await granted();
    outside.upstream.revokeEverything();
    const gate = outside.upstream.holdNextAnswer();
    const asking = refresh(first.refreshToken);
    await gate.reached;
    const others: ReturnType<typeof refresh>[] = [];
    // Between any two writes there is time enough for another.
    const rival = async () => {
      others.push(refresh(first.refreshToken, wired(outside)));
      await outside.clock.sleep(1000);
    };
    outside.store.beforeWrite('grants', rival, 2);
    gate.open();

    for (const refused of [await asking, ...(await Promise.all(others))]) {
      assert.equal(failureIn(refused).error, 'invalid_grant');
    }
    assert.notEqual(others.length, 0);
    assert.equal(outside.upstream.tokenRequests.refresh_token, 1);
  });
});

describe('an upstream token that was refused for good', () => {
  it('has to be replaced by another one at the next refresh', async () => {
    const { outside, gateway, first, refresh } = await granted();
    await refusedTwice(outside, gateway, first.accessToken);

    const second = valueIn(await refresh(first.refreshToken));

    assert.ok(await opensMcp(gateway, second.accessToken));
  });

  it('ends the grant when the upstream gives the same one again', async () => {
    const outside = world();
    const stubborn = givesAgain(outside.upstream);
    const gateway = wired(outside, { ports: { authorizationServer: stubborn } });
    const { client, tokens } = await aGrant(gateway, outside);
    await refusedTwice(outside, gateway, tokens.accessToken);

    const refused = await gateway.refresh(client, refreshOf(tokens.refreshToken));

    assert.equal(failureIn(refused).error, 'invalid_grant');
    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_refused');
  });
});

const kept = { traits: { refreshTokens: 'kept' } } as const;

/** A call whose token the upstream refuses, and the renewed one as well. */
async function refusedTwice(
  outside: ReturnType<typeof world>,
  gateway: ReturnType<typeof wired>,
  bearer: string,
): Promise<void> {
  outside.mcp.answerNext(challengeAnswer(), challengeAnswer());
  const { heard } = call(gateway, bearer, { body: initialize });
  assert.equal((await heard.ended).type, 'challenge');
}

/** An upstream that always refreshes to one and the same access token. */
function givesAgain(upstream: UpstreamAuthorizationServer): UpstreamAuthorizationServer {
  const access = upstreamToken('the-same-as-ever');
  const refresh = upstreamToken('refresh-with-this');
  assert.ok(access && refresh);
  return {
    probe: (...asked) => upstream.probe(...asked),
    resourceDocument: (...asked) => upstream.resourceDocument(...asked),
    serverDocument: (...asked) => upstream.serverDocument(...asked),
    register: (endpoint, request) => upstream.register(endpoint, request),
    revokeToken: (to, endpoint, token) => upstream.revokeToken(to, endpoint, token),
    requestTokens: (to, form) =>
      form.grant_type === 'refresh_token'
        ? Promise.resolve(success({ access, refresh, expiresIn: 3600, scope: undefined }))
        : upstream.requestTokens(to, form),
  };
}
