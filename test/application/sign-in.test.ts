import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Subject } from '../../src/domain/grant.ts';
import { aBrowser, aClient, form, openedFlow, parameters, upstreamUrl } from './dance.ts';
import { base, callback, failureIn, valueIn, type World, wired, world } from './wired.ts';

async function screenOne(outside: World = world(), gateway = wired(outside)) {
  const client = await aClient(gateway, outside);
  const screen = await openedFlow(gateway, client);
  return { outside, gateway, client, screen };
}

describe('screen 1', () => {
  it('belongs to the browser that opens it first', async () => {
    const { gateway, screen } = await screenOne();

    const again = valueIn(
      await gateway.openLogin(aBrowser(screen.flow.id, { cookie: screen.cookie })),
    );
    const another = await gateway.openLogin(aBrowser(screen.flow.id));

    assert.equal(again.csrf, screen.csrf);
    assert.equal(failureIn(another), 'wrong_browser');
  });

  it('is never opened with a secret that the browser brought along', async () => {
    const { gateway, client } = await screenOne();
    const id = valueIn(await gateway.begin(client.value.id, parameters(), [base, base]));

    const planted = await gateway.openLogin(
      aBrowser(id, { cookie: 'a cookie that somebody planted' }),
    );

    assert.equal(failureIn(planted), 'out_of_order');
  });

  it('is not there for a flow that is not there', async () => {
    const { outside, gateway, screen } = await screenOne();

    assert.equal(failureIn(await gateway.openLogin(aBrowser(undefined))), 'unknown');
    const late = () => gateway.openLogin(aBrowser(screen.flow.id, { cookie: screen.cookie }));
    outside.clock.advance(900);
    assert.equal(failureIn(await late()), 'expired');
    outside.clock.advance(600);
    assert.equal(failureIn(await late()), 'unknown');
    assert.deepEqual(
      outside.events.of('step_refused').map(({ reason }) => reason),
      ['unknown', 'expired', 'unknown'],
    );
  });

  it('opens for one of two browsers that come at once', async () => {
    const { outside, gateway, client } = await screenOne();
    const id = valueIn(await gateway.begin(client.value.id, parameters(), [base, base]));
    outside.store.beforeWrite('flows', () => gateway.openLogin(aBrowser(id)));

    const late = await gateway.openLogin(aBrowser(id));

    assert.equal(failureIn(late), 'wrong_browser');
  });
});

describe('the sign-in', () => {
  it('sends the browser upstream with a state, a verifier and a callback of our own', async () => {
    const { outside, gateway, screen } = await screenOne();

    const url = new URL(await upstreamUrl(gateway, screen));

    const query = url.searchParams;
    assert.equal(`${url.origin}${url.pathname}`, `${outside.upstream.issuer}/authorize`);
    assert.equal(query.get('redirect_uri'), callback);
    assert.equal(query.get('code_challenge_method'), 'S256');
    assert.notEqual(query.get('state'), 'client state');
    assert.ok(!JSON.stringify(await outside.store.flows.read(screen.flow.id)).includes('verifier'));
  });

  it('asks for the scope that the operator set, whatever the client asks for', async () => {
    const outside = world();
    const gateway = wired(outside, { settings: { scope: 'read' } });
    const client = await aClient(gateway, outside);
    const screen = await openedFlow(gateway, client, { scope: 'write' });

    const url = new URL(await upstreamUrl(gateway, screen));

    assert.equal(url.searchParams.get('scope'), 'read');
  });

  it('shows the same page again for a wrong password, and lets the user try again', async () => {
    const { outside, gateway, screen } = await screenOne();

    const wrong = valueIn(await gateway.submitSignIn(form(screen, { password: 'guess' })));

    assert.ok(wrong.type === 'again' && wrong.wrongPassword);
    assert.equal(wrong.csrf, screen.csrf);
    assert.equal(outside.events.of('sign_in_refused').length, 1);
    await upstreamUrl(gateway, screen);
  });

  it('accepts no browser but the one of the flow', async () => {
    const { gateway, screen, client } = await screenOne();
    const other = await openedFlow(gateway, client);

    const without = await gateway.submitSignIn(form(screen, { cookie: undefined }));
    const nowhere = await gateway.submitSignIn(form(screen, { flow: undefined }));
    const forged = await gateway.submitSignIn(form(screen, { csrf: other.csrf }));
    const bare = await gateway.submitSignIn(form(screen, { csrf: undefined }));

    assert.equal(failureIn(without), 'wrong_browser');
    assert.equal(failureIn(nowhere), 'wrong_browser');
    assert.equal(failureIn(forged), 'forged');
    assert.equal(failureIn(bare), 'forged');
    await upstreamUrl(gateway, screen);
  });

  it('does not let one tab disturb another', async () => {
    const { gateway, client, screen } = await screenOne();
    const tab = await openedFlow(gateway, client);

    const first = await upstreamUrl(gateway, screen);
    const second = await upstreamUrl(gateway, tab);

    assert.notEqual(first, second);
  });

  it('goes back to the client when the user says no, and nothing reaches the upstream', async () => {
    const { outside, gateway, screen } = await screenOne();

    const denied = valueIn(await gateway.submitSignIn(form(screen, { decision: 'deny' })));

    assert.ok(denied.type === 'error');
    assert.equal(denied.error.error, 'access_denied');
    assert.equal(denied.address.state, 'client state');
    assert.deepEqual(outside.events.of('authorization_denied'), [
      { type: 'authorization_denied', flow: screen.flow.id, by: 'user' },
    ]);
    assert.equal(failureIn(await gateway.submitSignIn(form(screen))), 'already_finished');
  });

  it('counts only one of two answers that come at once', async () => {
    const { outside, gateway, screen } = await screenOne();
    const no = form(screen, { decision: 'deny' });
    outside.store.beforeWrite('flows', () => gateway.submitSignIn(no));

    const late = await gateway.submitSignIn(no);

    assert.equal(failureIn(late), 'already_finished');
  });

  it('does not outrun a no that came while the password was checked', async () => {
    const outside = world();
    const { gateway: first, screen } = await screenOne(outside);
    const slow = wired(outside, {
      ports: {
        signIn: {
          verify: async (name) => {
            await first.submitSignIn(form(screen, { decision: 'deny' }));
            return name as Subject;
          },
        },
      },
    });

    const late = await slow.submitSignIn(form(screen));

    assert.equal(failureIn(late), 'already_finished');
  });

  for (const [name, fail, error] of [
    [
      'cannot be reached',
      (outside: World) => outside.upstream.goDown(7),
      'temporarily_unavailable',
    ],
    [
      'cannot be used',
      (outside: World) => outside.upstream.serverDocuments.clear(),
      'server_error',
    ],
  ] as const) {
    it(`tells the client when the upstream ${name}`, async () => {
      const { outside, gateway, screen } = await screenOne();
      fail(outside);

      const outcome = valueIn(await gateway.submitSignIn(form(screen)));

      assert.ok(outcome.type === 'error');
      assert.equal(outcome.error.error, error);
      assert.equal(outside.events.of('upstream_failed')[0]?.flow, screen.flow.id);
      assert.equal(failureIn(await gateway.submitSignIn(form(screen))), 'already_finished');
    });
  }

  it('leaves a flow alone that ended while the upstream was looked for', async () => {
    const { outside, gateway, screen } = await screenOne();
    outside.upstream.goDown();
    outside.store.beforeWrite('flows', () => Promise.resolve());
    outside.store.beforeWrite('flows', () =>
      gateway.submitSignIn(form(screen, { decision: 'deny' })),
    );

    const late = await gateway.submitSignIn(form(screen));

    assert.equal(failureIn(late), 'already_finished');
  });
});
