import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Versioned } from '../../src/application/ports.ts';
import type { SignInOutcome } from '../../src/application/sign-in.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import type { AuthorizationParameters } from '../../src/domain/authorization-request.ts';
import type { Client } from '../../src/domain/client-registration.ts';
import { aBrowser, aClient, form, openedFlow, parameters, returned } from './dance.ts';
import { base, failureIn, gatewayKeys, valueIn, type WiredOptions, wired, world } from './wired.ts';

const hour = 3600;
const empty = { username: '', password: '' } as const;

/** A gateway that remembers sign-ins for an hour, and a browser in which alice has signed in. */
async function signedIn(options: WiredOptions = {}) {
  const outside = world();
  const gateway = wired(outside, { sessionTtl: hour, ...options });
  const client = await aClient(gateway, outside);
  const screen = await openedFlow(gateway, client);
  const session = sessionIn(valueIn(await gateway.submitSignIn(form(screen))));
  return { outside, gateway, client, session };
}

function sessionIn(outcome: SignInOutcome): string | undefined {
  assert.equal(outcome.type, 'upstream', JSON.stringify(outcome));
  return outcome.type === 'upstream' ? outcome.session : undefined;
}

/** Screen 1 of a new flow, in a browser with this session. */
async function screenWith(
  gateway: UseCases,
  client: Versioned<Client>,
  session: string | undefined,
  changed: Partial<AuthorizationParameters> = {},
) {
  const id = valueIn(await gateway.begin(client.value.id, parameters(changed), [base]));
  return valueIn(await gateway.openLogin(aBrowser(id, { session })));
}

describe('a remembered sign-in', () => {
  it('spares the password: the page knows who it is', async () => {
    const { outside, gateway, client, session } = await signedIn();
    const screen = await screenWith(gateway, client, session);
    assert.equal(screen.signedIn, 'alice');

    const outcome = valueIn(await gateway.submitSignIn(form(screen, { ...empty, session })));

    assert.ok(outcome.type === 'upstream');
    const url = outside.upstream.approve(outcome.url);
    valueIn(await gateway.returnFromUpstream(returned(url, screen)));
    assert.deepEqual(
      outside.events.of('code_issued').map(({ subject }) => subject),
      ['alice'],
    );
  });

  it('never spares the consent: nothing reaches the upstream before the user says yes', async () => {
    const { outside, gateway, client, session } = await signedIn();
    const before = outside.events.of('sent_upstream').length;

    const screen = await screenWith(gateway, client, session);
    const denied = await gateway.submitSignIn(
      form(screen, { ...empty, session, decision: 'deny' }),
    );

    assert.equal(valueIn(denied).type, 'error');
    assert.equal(outside.events.of('sent_upstream').length, before);
  });

  it('counts only with the form of its own flow', async () => {
    const { gateway, client, session } = await signedIn();
    const screen = await screenWith(gateway, client, session);
    const other = await screenWith(gateway, client, session);

    const forged = await gateway.submitSignIn(
      form(screen, { ...empty, session, csrf: other.csrf }),
    );
    const elsewhere = await gateway.submitSignIn(
      form(screen, { ...empty, session, cookie: other.cookie, csrf: other.csrf }),
    );

    assert.equal(failureIn(forged), 'forged');
    assert.equal(failureIn(elsewhere), 'forged');
  });

  it('does not count where the client wants a fresh one', async () => {
    const { outside, gateway, client, session } = await signedIn();
    const screen = await screenWith(gateway, client, session, { prompt: 'login' });
    assert.equal(screen.signedIn, undefined);

    const without = valueIn(await gateway.submitSignIn(form(screen, { ...empty, session })));
    assert.ok(without.type === 'again' && without.wrongPassword);
    assert.equal(outside.events.of('sign_in_refused').length, 1);

    assert.ok(sessionIn(valueIn(await gateway.submitSignIn(form(screen, { session })))));
  });

  it('gives way to a password: another user may sign in', async () => {
    const { outside, gateway, client, session } = await signedIn();
    const screen = await screenWith(gateway, client, session);

    const again = valueIn(
      await gateway.submitSignIn(form(screen, { ...empty, session, decision: 'switch' })),
    );
    assert.ok(again.type === 'again' && !again.wrongPassword);
    assert.equal(again.csrf, screen.csrf);
    const bob = { username: 'bob', password: 'builder', session };
    const next = sessionIn(valueIn(await gateway.submitSignIn(form(screen, bob))));

    assert.equal(outside.events.of('signed_in').at(-1)?.subject, 'bob');
    assert.equal((await screenWith(gateway, client, next)).signedIn, 'bob');
  });

  it('does not stand in for a wrong password', async () => {
    const { gateway, client, session } = await signedIn();
    const screen = await screenWith(gateway, client, session);

    for (const typed of [{ password: 'guess' }, { username: '' }, { password: '' }]) {
      const outcome = valueIn(await gateway.submitSignIn(form(screen, { session, ...typed })));
      assert.ok(outcome.type === 'again' && outcome.wrongPassword);
    }
  });

  it('is over when it was said to be over, however often it was used', async () => {
    const { outside, gateway, client, session } = await signedIn();
    outside.clock.advance(hour - 1);
    const screen = await screenWith(gateway, client, session);
    assert.equal(screen.signedIn, 'alice');

    const used = valueIn(await gateway.submitSignIn(form(screen, { ...empty, session })));
    assert.equal(sessionIn(used), undefined);
    outside.clock.advance(1);

    assert.equal((await screenWith(gateway, client, session)).signedIn, undefined);
  });

  it('that ends before the user has said yes leads to the form, and not to a reproach', async () => {
    const { outside, gateway, client, session } = await signedIn();
    outside.clock.advance(hour - 1);
    const screen = await screenWith(gateway, client, session);
    outside.clock.advance(1);

    const outcome = valueIn(await gateway.submitSignIn(form(screen, { ...empty, session })));

    assert.ok(outcome.type === 'again' && !outcome.wrongPassword);
    assert.deepEqual(outside.events.of('sign_in_refused'), []);
    assert.equal(outside.events.of('sent_upstream').length, 1);
  });

  it('outlives a rotation of the gateway key, and means nothing to another gateway', async () => {
    const { outside, client, session } = await signedIn();
    const seenBy = async (options: WiredOptions) =>
      (await screenWith(wired(outside, options), client, session)).signedIn;

    const rotated = gatewayKeys('new key', 'gateway key');
    assert.equal(await seenBy({ sessionTtl: hour, keys: rotated }), 'alice');
    const elsewhere = { sessionTtl: hour, keys: gatewayKeys('another gateway') };
    assert.equal(await seenBy(elsewhere), undefined);
  });

  it('is made for nobody, and believed from nobody, where sessions are off', async () => {
    const { outside, client, session } = await signedIn();
    const gateway = wired(outside);

    const screen = await screenWith(gateway, client, session);
    assert.equal(screen.signedIn, undefined);
    const without = valueIn(await gateway.submitSignIn(form(screen, { ...empty, session })));
    assert.equal(without.type, 'again');
    assert.equal(sessionIn(valueIn(await gateway.submitSignIn(form(screen)))), undefined);
  });

  it('is not made where the sign-in led nowhere', async () => {
    const { outside, client } = await signedIn();
    const gateway = wired(outside, { sessionTtl: hour });
    const screen = await openedFlow(gateway, client);
    outside.upstream.goDown();

    const outcome = valueIn(await gateway.submitSignIn(form(screen)));

    assert.equal(outcome.type, 'error');
    assert.ok(!('session' in outcome));
  });

  it('cannot be had by a guess', async () => {
    const { gateway, client, session } = await signedIn();

    for (const guess of ['', 'alice', 'A'.repeat(100), session?.slice(4)]) {
      assert.equal((await screenWith(gateway, client, guess)).signedIn, undefined, guess);
    }
  });
});

describe('a client that wants no page', () => {
  it('is told that there has to be one, signed in or not', async () => {
    const { outside, gateway, client } = await signedIn();

    const refused = failureIn(
      await gateway.begin(client.value.id, parameters({ prompt: 'none' }), [base]),
    );

    assert.ok(refused.to === 'client');
    assert.equal(refused.error.error, 'interaction_required');
    assert.equal(outside.events.of('authorization_refused')[0]?.client, client.value.id);
  });
});
