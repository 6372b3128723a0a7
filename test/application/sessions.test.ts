import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuthorizationParameters } from '../../src/domain/authorization-request.ts';
import { aBrowser, aClient, form, openedFlow, parameters } from './dance.ts';
import { base, gatewayKeys, valueIn, type WiredOptions, wired, world } from './wired.ts';

const day = 86_400;

/** A browser that signed in once, where sign-ins are remembered, and what it remembers. */
async function remembering(options: WiredOptions = { sessionTtl: day }) {
  const outside = world();
  const gateway = wired(outside, options);
  const client = await aClient(gateway, outside);
  const screen = await openedFlow(gateway, client);
  const outcome = valueIn(await gateway.submitSignIn(form(screen)));
  const session = outcome.type === 'upstream' ? outcome.session : undefined;
  const come = async (by = gateway, changed: Partial<AuthorizationParameters> = {}) => {
    const flow = valueIn(await by.begin(client.value.id, parameters(changed), [base]));
    return valueIn(await by.openLogin(aBrowser(flow, { session })));
  };
  const remembered = { username: '', password: '' };
  return { outside, gateway, session, come, remembered };
}

describe('a remembered sign-in', () => {
  it('spares the password, and asks for the consent all the same', async () => {
    const { outside, gateway, session, come, remembered } = await remembering();

    const screen = await come();
    const before = outside.events.of('sent_upstream').length;
    const outcome = valueIn(await gateway.submitSignIn(form(screen, { ...remembered, session })));

    assert.equal(screen.signedIn, 'alice');
    assert.equal(before, 1, 'nothing went upstream before the yes');
    assert.equal(outcome.type, 'upstream');
    assert.equal(outside.events.of('signed_in').at(-1)?.subject, 'alice');
  });

  it('may say no', async () => {
    const { gateway, session, come, remembered } = await remembering();

    const denied = form(await come(), { ...remembered, session, decision: 'deny' });
    const outcome = valueIn(await gateway.submitSignIn(denied));

    assert.equal(outcome.type, 'error');
  });

  it('makes room for somebody else at the keyboard', async () => {
    const { outside, gateway, session, come, remembered } = await remembering();
    const screen = await come();

    const switched = form(screen, { ...remembered, session, decision: 'switch' });
    const again = valueIn(await gateway.submitSignIn(switched));
    const bob = form(screen, { username: 'bob', password: 'builder', session });
    valueIn(await gateway.submitSignIn(bob));

    assert.equal(again.type === 'again' && again.wrongPassword, false);
    assert.equal(outside.events.of('signed_in').at(-1)?.subject, 'bob');
  });

  it('does not count where the client asks for a fresh one', async () => {
    const { gateway, session, come, remembered } = await remembering();

    const screen = await come(gateway, { prompt: 'login consent' });
    const outcome = valueIn(await gateway.submitSignIn(form(screen, { ...remembered, session })));

    assert.equal(screen.signedIn, undefined);
    assert.equal(outcome.type === 'again' && outcome.wrongPassword, true);
  });

  it('ends after its time', async () => {
    const { outside, gateway, session, come, remembered } = await remembering({ sessionTtl: 3600 });
    outside.clock.advance(3600);

    const screen = await come();
    const outcome = valueIn(await gateway.submitSignIn(form(screen, { ...remembered, session })));

    assert.equal(screen.signedIn, undefined);
    assert.equal(outcome.type, 'again');
  });

  it('lives on through a rotation of the gateway key, and means nothing to another gateway', async () => {
    const { outside, come } = await remembering();
    const rotated = wired(outside, { sessionTtl: day, keys: gatewayKeys('new', 'gateway key') });
    const another = wired(outside, { sessionTtl: day, keys: gatewayKeys('another') });

    assert.equal((await come(rotated)).signedIn, 'alice');
    assert.equal((await come(another)).signedIn, undefined);
  });

  it('is not made where sessions are off, and one from before is not looked at', async () => {
    const { outside, come } = await remembering();
    const off = await remembering({ sessionTtl: 0 });

    const screen = await come(wired(outside, { sessionTtl: 0 }));

    assert.equal(off.session, undefined);
    assert.equal(screen.signedIn, undefined);
  });
});
