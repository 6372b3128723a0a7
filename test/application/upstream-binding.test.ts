import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { challengeAnswer } from '../../src/adapters/testing/testing.ts';
import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import type { GrantId } from '../../src/domain/token-pair.ts';
import { initialize } from '../support/initialize.ts';
import {
  aClient,
  aGrant,
  call,
  exchangeOf,
  form,
  openedFlow,
  refreshOf,
  returned,
  upstreamUrl,
} from './dance.ts';
import { failureIn, upstreamMcp, valueIn, type World, wired, world } from './wired.ts';

const patient = { call: seconds(1000), discovery: seconds(1000) };
const unconfigured = { clientId: undefined, clientSecret: undefined };

/** A browser that stands before the upstream's page. */
async function screenTwo(settings: Partial<UpstreamSettings> = {}, outside: World = world()) {
  const gateway = wired(outside, { settings });
  const client = await aClient(gateway, outside);
  const screen = await openedFlow(gateway, client);
  const url = await upstreamUrl(gateway, screen);
  const back = (at: string) => gateway.returnFromUpstream(returned(at, screen));
  const answer = (parameters: Readonly<Record<string, string>>) => {
    const callback = new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
    const state = new URL(url).searchParams.get('state') ?? '';
    callback.search = new URLSearchParams({
      state,
      iss: outside.upstream.issuer,
      ...parameters,
    }).toString();
    return callback.href;
  };
  return { outside, gateway, client, screen, url, back, answer };
}

function resourceIn(url: string): string | null {
  return new URL(url).searchParams.get('resource');
}

describe('an upstream that refuses the resource parameter', () => {
  const refusals = [
    { error: 'invalid_target' },
    { error: 'invalid_request', error_description: 'AADSTS901002: The resource parameter …' },
    { error: 'invalid_request', error_description: 'AADSTS9010010: It does not match.' },
  ];
  for (const refusal of refusals) {
    it(`is asked once more without it (${Object.values(refusal).join(', ')})`, async () => {
      const { outside, gateway, client, url, back, answer } = await screenTwo();

      const outcome = valueIn(await back(answer(refusal)));

      assert.equal(resourceIn(url), upstreamMcp);
      assert.ok(outcome.type === 'upstream');
      assert.equal(resourceIn(outcome.url), null);
      const done = valueIn(await back(outside.upstream.approve(outcome.url)));
      assert.ok(done.type === 'code');
      valueIn(await gateway.exchange(client, exchangeOf(done.code)));
      assert.ok(outside.upstream.tokenForms.every((sent) => !('resource' in sent)));
    });
  }

  it('is asked without it by that flow alone: what comes through a browser may be its user’s words', async () => {
    const { gateway, outside, back, answer } = await screenTwo();
    const again = valueIn(await back(answer({ error: 'invalid_target' })));
    assert.ok(again.type === 'upstream', again.type);
    valueIn(await back(outside.upstream.approve(again.url)));

    const next = await openedFlow(gateway, await aClient(gateway, outside));

    assert.equal(resourceIn(await upstreamUrl(gateway, next)), upstreamMcp);
  });

  it('is asked without it by everybody once its token endpoint refused it, and took the same without', async () => {
    const { gateway, outside, url, back } = await screenTwo();
    const another = async () =>
      resourceIn(
        await upstreamUrl(gateway, await openedFlow(gateway, await aClient(gateway, outside))),
      );
    outside.upstream.refuse('invalid_target');
    const outcome = valueIn(await back(outside.upstream.approve(url)));
    outside.upstream.recover();
    assert.ok(outcome.type === 'upstream', outcome.type);
    assert.equal(resourceIn(outcome.url), null);
    assert.equal(await another(), upstreamMcp, 'nothing is proven yet');

    valueIn(await back(outside.upstream.approve(outcome.url)));

    assert.equal(await another(), null);
  });

  it('is asked with it by the others where the token endpoint refuses without it too', async () => {
    const { gateway, outside, url, back } = await screenTwo();
    outside.upstream.refuse('invalid_target');
    const outcome = valueIn(await back(outside.upstream.approve(url)));
    assert.ok(outcome.type === 'upstream', outcome.type);
    const last = valueIn(await back(outside.upstream.approve(outcome.url)));
    outside.upstream.recover();

    const next = await openedFlow(gateway, await aClient(gateway, outside));

    assert.equal(last.type, 'error');
    assert.equal(resourceIn(await upstreamUrl(gateway, next)), upstreamMcp);
  });

  it('is not asked a third time', async () => {
    const { back, answer } = await screenTwo();
    valueIn(await back(answer({ error: 'invalid_target' })));

    const outcome = valueIn(await back(answer({ error: 'invalid_target' })));

    assert.ok(outcome.type === 'error');
    assert.match(outcome.error.description, /invalid_target/);
  });

  it('is not asked without it where the operator wants it sent', async () => {
    const { back, answer } = await screenTwo({ resourceParameter: upstreamMcp });

    const outcome = valueIn(await back(answer({ error: 'invalid_target' })));

    assert.equal(outcome.type, 'error');
  });

  it('is not asked twice about a parameter that was not sent', async () => {
    const { url, back, answer } = await screenTwo({ resourceParameter: 'off' });
    assert.equal(resourceIn(url), null);

    assert.equal(valueIn(await back(answer({ error: 'invalid_target' }))).type, 'error');
  });

  it('is asked once more without it at a refresh', async () => {
    const outside = world();
    const gateway = wired(outside);
    const { client, tokens } = await aGrant(gateway, outside);
    const request = outside.upstream.requestTokens.bind(outside.upstream);
    outside.upstream.requestTokens = (upstream, sent) =>
      'resource' in sent
        ? Promise.resolve({
            ok: false,
            failure: { kind: 'refused', error: 'invalid_target', description: undefined },
          })
        : request(upstream, sent);

    const first = valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
    valueIn(await gateway.refresh(client, refreshOf(first.refreshToken)));

    assert.equal(outside.upstream.tokenRequests.refresh_token, 2);
  });

  it('is kept for everybody where a refresh without it is refused as well', async () => {
    const outside = world();
    const gateway = wired(outside);
    const { client, tokens } = await aGrant(gateway, outside);
    outside.upstream.refuse('invalid_target');
    failureIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
    outside.upstream.recover();

    const url = await upstreamUrl(gateway, await openedFlow(gateway, client));

    assert.equal(new URL(url).searchParams.get('resource'), upstreamMcp);
  });

  it('takes nobody’s grant where the operator wants it sent', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: { resourceParameter: upstreamMcp } });
    const { client, tokens } = await aGrant(gateway, outside);
    outside.upstream.refuse('invalid_target');

    const refused = await gateway.refresh(client, refreshOf(tokens.refreshToken));

    assert.equal(failureIn(refused).error, 'temporarily_unavailable');
  });
});

describe('a flow that runs out while the upstream is looked for', () => {
  /** Discovery takes longer than the flow lives. */
  function slowly(outside: World): void {
    const probe = outside.upstream.probe.bind(outside.upstream);
    outside.upstream.probe = (...asked) => {
      outside.clock.advance(900);
      outside.upstream.probe = probe;
      return probe(...asked);
    };
  }

  it('does not go upstream', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: { limits: patient } });
    const screen = await openedFlow(gateway, await aClient(gateway, outside));
    slowly(outside);

    assert.equal(failureIn(await gateway.submitSignIn(form(screen))), 'expired');
  });

  it('does not go there again', async () => {
    const outside = world();
    const { url, back } = await screenTwo({ ...unconfigured, limits: patient }, outside);
    outside.upstream.freshFor = seconds(60);
    const register = outside.upstream.register.bind(outside.upstream);
    outside.upstream.register = (...asked) => {
      outside.clock.advance(900);
      return register(...asked);
    };

    const callback = outside.upstream.approve(url);
    outside.upstream.forgetClients();

    assert.equal(failureIn(await back(callback)), 'expired');
  });

  it('is not given up twice', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: { limits: patient } });
    const screen = await openedFlow(gateway, await aClient(gateway, outside));
    outside.upstream.serverDocuments.clear();
    slowly(outside);

    assert.equal(failureIn(await gateway.submitSignIn(form(screen))), 'expired');
  });
});

describe('an upstream that forgot the gateway', () => {
  it('has to say so itself: a browser that says it takes nobody’s grant', async () => {
    const { outside, gateway, back, answer } = await screenTwo(unconfigured);
    const { client, tokens } = await aGrant(gateway, outside);

    const outcome = valueIn(await back(answer({ error: 'invalid_client' })));

    assert.equal(outcome.type, 'error');
    assert.equal(outside.upstream.registrations, 1);
    valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
  });

  it('gets to know it anew, and the user is sent there once more', async () => {
    const { outside, gateway, client, url, back } = await screenTwo(unconfigured);
    const callback = outside.upstream.approve(url);
    outside.upstream.forgetClients();

    const outcome = valueIn(await back(callback));

    assert.ok(outcome.type === 'upstream');
    assert.equal(outside.upstream.registrations, 2);
    assert.deepEqual(
      outside.events.of('sent_upstream').map(({ again }) => again),
      [false, true],
    );
    const done = valueIn(await back(outside.upstream.approve(outcome.url)));
    assert.ok(done.type === 'code');
    valueIn(await gateway.exchange(client, exchangeOf(done.code)));
  });

  it('gets no code that was made for the client of before', async () => {
    const { outside, gateway, url, back } = await screenTwo(unconfigured);
    const other = await openedFlow(gateway, await aClient(gateway, outside));
    const otherUrl = await upstreamUrl(gateway, other);
    const callbacks = [url, otherUrl].map((each) => outside.upstream.approve(each));
    outside.upstream.forgetClients();

    valueIn(await back(callbacks[0] ?? ''));
    const outcome = valueIn(await gateway.returnFromUpstream(returned(callbacks[1] ?? '', other)));

    assert.equal(outcome.type, 'upstream');
    assert.equal(outside.upstream.registrations, 2);
    assert.equal(outside.upstream.tokenRequests.authorization_code, 1);
  });

  it('is not got to know anew where it cannot be', async () => {
    const { outside, url, back } = await screenTwo(unconfigured);
    const callback = outside.upstream.approve(url);
    outside.upstream.forgetClients();
    const cause = { kind: 'unusable', reason: 'No more clients.' } as const;
    outside.upstream.register = async () => ({ ok: false, failure: cause });

    const outcome = valueIn(await back(callback));

    assert.ok(outcome.type === 'error');
    assert.match(outcome.error.description, /invalid_client/);
  });

  it('costs its clients their grants, since the refresh tokens went with it', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: unconfigured });
    const { client, tokens } = await aGrant(gateway, outside);
    outside.upstream.forgetClients();

    const refused = await gateway.refresh(client, refreshOf(tokens.refreshToken));

    assert.equal(failureIn(refused).error, 'invalid_grant');
    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_changed');
    await aGrant(gateway, outside);
    assert.equal(outside.upstream.registrations, 2);
  });

  it('costs nobody a grant where the client is the operator’s, or where there is no new one', async () => {
    for (const settings of [{}, unconfigured]) {
      const outside = world();
      const gateway = wired(outside, { settings });
      const { client, tokens } = await aGrant(gateway, outside);
      outside.upstream.refuse('invalid_client');
      const cause = { kind: 'unusable', reason: 'No more clients.' } as const;
      outside.upstream.register = async () => ({ ok: false, failure: cause });

      const refused = await gateway.refresh(client, refreshOf(tokens.refreshToken));

      assert.equal(failureIn(refused).error, 'temporarily_unavailable');
      assert.equal(outside.events.of('upstream_failed')[0]?.reason, 'invalid_client');
    }
  });
});

describe('an upstream that trusts another authorization server', () => {
  /** From now on the MCP server names another server. */
  function moves(outside: World, issuer = 'https://new.example'): void {
    const { resourceDocuments, serverDocuments } = outside.upstream;
    const [[url, resource] = []] = resourceDocuments;
    const [document] = serverDocuments.values();
    assert.ok(url && resource && document);
    resourceDocuments.set(url, { ...resource, authorizationServers: [issuer] });
    serverDocuments.set(`${issuer}/.well-known/oauth-authorization-server`, {
      ...document,
      issuer,
      authorizationEndpoint: `${issuer}/authorize`,
      tokenEndpoint: `${issuer}/token`,
      issuerInResponse: false,
    });
  }

  /** Waits until nothing is left to do for an ended grant, which is what its record says. */
  async function carriedOut(outside: World, grant: GrantId): Promise<void> {
    for (let turn = 0; turn < 2000; turn += 1) {
      const stored = await outside.store.quiet.grants.read(grant);
      if (stored?.value.state === 'ended' && stored.value.revocation === undefined) return;
      await outside.clock.sleep(1000);
    }
    assert.fail('the order is still there');
  }

  it('is looked at again after a 401: the grants end, and clients authorize there', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: unconfigured });
    const { client, tokens } = await aGrant(gateway, outside);
    const { refresh_token: before } = outside.upstream.tokenRequests;
    outside.clock.advance(61);
    moves(outside);
    outside.mcp.answerNext(challengeAnswer());

    const { heard } = call(gateway, tokens.accessToken, { body: initialize });

    assert.equal((await heard.ended).type, 'challenge');
    assert.equal(outside.events.of('grant_ended')[0]?.reason, 'upstream_changed');
    assert.equal(outside.upstream.tokenRequests.refresh_token, before);
    const screen = await openedFlow(gateway, client);
    assert.match(await upstreamUrl(gateway, screen), /^https:\/\/new\.example\/authorize/);
    assert.equal(outside.upstream.registrations, 2);
  });

  it('is not told of the tokens of the server of before, when their grant ends', async () => {
    for (const here of [true, false]) {
      const outside = world();
      const [[url, document] = []] = outside.upstream.serverDocuments;
      assert.ok(url && document);
      const revocationEndpoint = 'https://as.upstream.example/revoke';
      outside.upstream.serverDocuments.set(url, { ...document, revocationEndpoint });
      const gateway = wired(outside, { settings: unconfigured });
      const { client, tokens, grant } = await aGrant(gateway, outside);
      if (!here) moves(outside);
      const later = here ? gateway : wired(outside, { settings: unconfigured });

      await later.revoke(client.value, tokens.refreshToken);
      await carriedOut(outside, grant);

      assert.equal(outside.upstream.revocations.length, here ? 2 : 0);
      assert.equal(outside.events.of('grant_ended')[0]?.reason, 'revoked');
    }
  });

  it('gets no code of the server of before', async () => {
    const before = world();
    before.upstream.freshFor = seconds(60);
    const { outside, url, back } = await screenTwo(unconfigured, before);
    const callback = outside.upstream.approve(url);
    outside.clock.advance(60);
    moves(outside);

    const outcome = valueIn(await back(callback));

    assert.ok(outcome.type === 'error');
    assert.match(outcome.error.description, /changed its authorization server/);
    assert.equal(outside.upstream.tokenRequests.authorization_code, 0);
  });

  it('is looked for again when its token endpoint fails', async () => {
    const outside = world();
    const gateway = wired(outside);
    const { client, tokens } = await aGrant(gateway, outside);
    outside.clock.advance(61);
    outside.upstream.babble();
    const looks = outside.upstream.asked.length;

    failureIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
    outside.upstream.recover();
    valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));

    assert.ok(outside.upstream.asked.length > looks);
  });
});

describe('an upstream without an authorization server', () => {
  const none = { auth: 'none' } as const;

  it('has no screen 2: the code comes with the user’s yes', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: none });
    const client = await aClient(gateway, outside);
    const screen = await openedFlow(gateway, client);

    const outcome = valueIn(await gateway.submitSignIn(form(screen)));

    assert.ok(outcome.type === 'code');
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(outcome.code)));
    valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
    assert.deepEqual(outside.upstream.asked, []);
    assert.equal(outside.events.of('code_issued')[0]?.flow, screen.flow.id);
    assert.equal(failureIn(await gateway.submitSignIn(form(screen))), 'already_finished');
  });

  it('has no screen 2 for a flow that another answer ended meanwhile', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: none });
    const screen = await openedFlow(gateway, await aClient(gateway, outside));
    const no = form(screen, { decision: 'deny' });
    outside.store.beforeWrite('flows', () => gateway.submitSignIn(no));

    assert.equal(failureIn(await gateway.submitSignIn(form(screen))), 'already_finished');
  });

  it('tells the client where there is no room for its grant, or no time', async () => {
    const full = world({ limits: { grants: 0 } });
    const gateway = wired(full, { settings: none });
    const screen = await openedFlow(gateway, await aClient(gateway, full));
    const late = world();
    const slow = wired(late, { settings: none });
    const lateScreen = await openedFlow(slow, await aClient(slow, late));
    late.store.beforeWrite('grants', async () => late.clock.advance(900));

    const outcome = valueIn(await gateway.submitSignIn(form(screen)));
    const expired = await slow.submitSignIn(form(lateScreen));

    assert.ok(outcome.type === 'error');
    assert.equal(outcome.error.error, 'temporarily_unavailable');
    assert.equal(failureIn(expired), 'expired');
  });

  it('that refuses the gateway’s own credentials costs nobody a grant', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: { auth: 'static' } });
    const client = await aClient(gateway, outside);
    const screen = await openedFlow(gateway, client);
    const outcome = valueIn(await gateway.submitSignIn(form(screen)));
    assert.ok(outcome.type === 'code');
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(outcome.code)));
    outside.mcp.answerNext(challengeAnswer());

    const { heard } = call(gateway, tokens.accessToken, { body: initialize });

    assert.deepEqual(await heard.ended, { type: 'fail', failure: 'refused' });
    valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
  });

  it('is not sent to for the tokens of before', async () => {
    const outside = world();
    const { client, tokens } = await aGrant(wired(outside), outside);

    const refused = await wired(outside, { settings: none }).refresh(
      client,
      refreshOf(tokens.refreshToken),
    );

    assert.equal(failureIn(refused).error, 'invalid_grant');
    assert.equal(outside.upstream.tokenRequests.refresh_token, 0);
  });
});
