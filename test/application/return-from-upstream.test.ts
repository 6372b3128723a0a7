import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flowSecrets } from '../../src/domain/flow-secrets.ts';
import {
  aClient,
  aCode,
  aGrant,
  exchangeOf,
  openedFlow,
  redirectUri,
  returned,
  upstreamUrl,
} from './dance.ts';
import { base, failureIn, valueIn, type WiredOptions, wired, world } from './wired.ts';

/** A browser that stands before the upstream's page. */
async function screenTwo(options: WiredOptions = {}, outside = world()) {
  const gateway = wired(outside, options);
  const client = await aClient(gateway, outside);
  const screen = await openedFlow(gateway, client);
  const url = await upstreamUrl(gateway, screen);
  const approved = () => returned(outside.upstream.approve(url), screen);
  return { outside, gateway, client, screen, url, approved };
}

describe('the return from the upstream', () => {
  it('brings the client a code, its own state and our issuer', async () => {
    const { outside, gateway, screen, approved } = await screenTwo();

    const outcome = valueIn(await gateway.returnFromUpstream(approved()));

    assert.ok(outcome.type === 'code');
    assert.equal(outcome.address.redirectUri, redirectUri);
    assert.equal(outcome.address.state, 'client state');
    assert.equal(outcome.address.issuer, base);
    assert.equal(outside.events.of('code_issued')[0]?.flow, screen.flow.id);
    assert.equal(outside.events.of('code_issued')[0]?.subject, 'alice');
  });

  it('keeps no usable secret in the store', async () => {
    const { outside, gateway, approved } = await screenTwo();
    const outcome = valueIn(await gateway.returnFromUpstream(approved()));
    assert.ok(outcome.type === 'code');
    const [id = '', secret = ''] = outcome.code.split('.');

    const stored = JSON.stringify(await outside.store.grants.read(id));

    assert.ok(stored.includes(id));
    assert.ok(!stored.includes(secret));
    assert.ok(!stored.includes('upstream-access'));
    assert.ok(!stored.includes('upstream-refresh'));
  });

  it('is not accepted from another browser', async () => {
    const { gateway, client, approved } = await screenTwo();
    const other = await openedFlow(gateway, client);
    const response = approved();

    const without = await gateway.returnFromUpstream({ ...response, cookie: undefined });
    const forged = await gateway.returnFromUpstream({ ...response, cookie: other.cookie });

    assert.equal(failureIn(without), 'wrong_browser');
    assert.equal(failureIn(forged), 'forged');
    valueIn(await gateway.returnFromUpstream(response));
  });

  it('is not accepted with a state that is not ours', async () => {
    const { gateway, screen, approved } = await screenTwo();
    const response = approved();

    const absent = await gateway.returnFromUpstream({ ...response, state: undefined });
    const strange = await gateway.returnFromUpstream({ ...response, state: 'client state' });
    const forged = await gateway.returnFromUpstream({
      ...response,
      state: `${screen.flow.id}.guess`,
    });

    assert.equal(failureIn(absent), 'unknown');
    assert.equal(failureIn(strange), 'unknown');
    assert.equal(failureIn(forged), 'forged');
  });

  it('is not accepted before the user said yes', async () => {
    const { gateway, client } = await screenTwo();
    const screen = await openedFlow(gateway, client);
    const { state } = flowSecrets(screen.flow.id, screen.cookie);
    const response = returned(`${base}/upstream/callback?code=guess&state=${state}`, screen);

    assert.equal(failureIn(await gateway.returnFromUpstream(response)), 'out_of_order');
  });

  it('counts once: a reload and a second callback during the first redeem nothing', async () => {
    const { outside, gateway, approved } = await screenTwo();
    const response = approved();
    const gate = outside.upstream.holdNextAnswer();
    const first = gateway.returnFromUpstream(response);
    await gate.reached;

    const during = await gateway.returnFromUpstream(response);
    gate.open();
    const outcome = valueIn(await first);
    const afterwards = await gateway.returnFromUpstream(response);

    assert.equal(outcome.type, 'code');
    assert.equal(failureIn(during), 'already_finished');
    assert.equal(failureIn(afterwards), 'already_finished');
    assert.equal(outside.upstream.tokenRequests.authorization_code, 1);
  });

  it('tells the client that the user said no at the upstream', async () => {
    const { outside, gateway, screen, url } = await screenTwo();

    const denied = returned(outside.upstream.deny(url), screen);
    const outcome = valueIn(await gateway.returnFromUpstream(denied));

    assert.ok(outcome.type === 'error');
    assert.equal(outcome.error.error, 'access_denied');
    assert.equal(outcome.address.state, 'client state');
    assert.equal(outside.events.of('authorization_denied')[0]?.by, 'upstream');
  });

  it('tells the client about every other failure of the upstream', async () => {
    const { outside, gateway, approved } = await screenTwo();

    const response = { ...approved(), code: undefined };
    const outcome = valueIn(await gateway.returnFromUpstream(response));

    assert.ok(outcome.type === 'error');
    assert.equal(outcome.error.error, 'server_error');
    assert.equal(outside.events.of('upstream_failed')[0]?.reason, 'invalid_response');
  });

  it('uses no answer that carries the issuer of another server, or none where one is due', async () => {
    for (const issuer of ['https://evil.example', undefined]) {
      const { outside, gateway, approved } = await screenTwo();

      const outcome = valueIn(await gateway.returnFromUpstream({ ...approved(), issuer }));

      assert.equal(outcome.type === 'error' && outcome.error.error, 'server_error');
      assert.equal(outside.upstream.tokenRequests.authorization_code, 0);
    }
  });

  it('tells the client to try again when the upstream cannot be reached', async () => {
    const { outside, gateway, approved } = await screenTwo();
    const response = approved();
    outside.upstream.goDown();

    const outcome = valueIn(await gateway.returnFromUpstream(response));

    assert.equal(outcome.type === 'error' && outcome.error.error, 'temporarily_unavailable');
  });

  it('tells the client to try again when another process cannot even find the upstream', async () => {
    const { outside, approved } = await screenTwo();
    const response = approved();
    outside.upstream.goDown();

    const outcome = valueIn(await wired(outside).returnFromUpstream(response));

    assert.equal(outcome.type === 'error' && outcome.error.error, 'temporarily_unavailable');
  });

  it('names the error code of an upstream that refuses the code', async () => {
    const { outside, gateway, approved } = await screenTwo();
    const response = approved();
    outside.upstream.refuse('invalid_client', 'Who are you?');

    const outcome = valueIn(await gateway.returnFromUpstream(response));

    assert.ok(outcome.type === 'error');
    assert.match(outcome.error.description, /invalid_client/);
    assert.ok(!outcome.error.description.includes('Who are you?'));
    const [event] = outside.events.of('upstream_failed');
    assert.equal(event?.reason, 'invalid_client: Who are you?');
  });

  it('tells the client to try later when no more grants fit', async () => {
    const outside = world({ limits: { grants: 1 } });
    await aGrant(wired(outside), outside);
    const { gateway, approved } = await screenTwo({}, outside);

    const outcome = valueIn(await gateway.returnFromUpstream(approved()));

    assert.equal(outcome.type === 'error' && outcome.error.error, 'temporarily_unavailable');
  });

  it('gives no code for a flow that ran out while the upstream was asked', async () => {
    const { outside, gateway, approved } = await screenTwo();
    const gate = outside.upstream.holdNextAnswer();
    const late = gateway.returnFromUpstream(approved());
    await gate.reached;

    outside.clock.advance(900);
    gate.open();

    assert.equal(failureIn(await late), 'expired');
  });
});

describe('the scope of a grant', () => {
  it('is what was asked for where the upstream does not say', async () => {
    const outside = world();

    const { tokens } = await aGrant(wired(outside), outside, { scope: 'read' });

    assert.equal(tokens.scope, 'read');
  });

  it('is what the upstream says', async () => {
    const outside = world();
    const [[url, document] = []] = [...outside.upstream.serverDocuments];
    assert.ok(url !== undefined && document !== undefined);
    outside.upstream.serverDocuments.set(url, { ...document, scopesSupported: ['read', 'admin'] });

    const { tokens } = await aGrant(wired(outside), outside, { scope: 'read admin' });

    assert.equal(tokens.scope, 'read');
  });

  it('is unknown where nobody said anything', async () => {
    const outside = world({ traits: { issuerInResponse: false } });
    const gateway = wired(outside, {
      settings: {
        authorizationEndpoint: 'https://as.upstream.example/authorize',
        tokenEndpoint: 'https://as.upstream.example/token',
      },
    });
    const client = await aClient(gateway, outside);
    const code = await aCode(gateway, outside, client);

    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    assert.equal(tokens.scope, undefined);
  });
});
