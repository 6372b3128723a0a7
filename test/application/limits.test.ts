import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { rateLimit } from '../../src/application/rate-limit.ts';
import { signInThrottle } from '../../src/application/sign-in-throttle.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import { aClient, form, openedFlow } from './dance.ts';
import { valueIn, wired, world } from './wired.ts';

describe('a limit per minute', () => {
  it('turns a sender away until the minute is over, and no other', () => {
    const clock = standingClock();
    const limit = rateLimit(clock, 2);
    limit('a');
    clock.advance(20);

    assert.equal(limit('a'), undefined);
    assert.equal(limit('a'), 40);
    assert.equal(limit('b'), undefined);
    clock.advance(40);
    assert.equal(limit('a'), undefined);
  });

  it('is bounded in memory, and turns no stranger away for it', () => {
    const limit = rateLimit(standingClock(), 1);
    for (let sender = 0; sender < 100_000; sender += 1) limit(`${sender}`);

    assert.equal(limit('0'), 60);
    assert.equal(limit('a stranger'), undefined);
    assert.equal(limit('a stranger'), 60);
  });
});

describe('the throttle of sign-ins', () => {
  const alice = sha256('alice');
  const fail = (throttle: ReturnType<typeof signInThrottle>, times: number, from: string) => {
    for (let time = 0; time < times; time += 1) throttle(alice, from);
  };

  it('counts what is under way, so that many at once do not slip through together', () => {
    const throttle = signInThrottle(standingClock());
    fail(throttle, 5, 'here');

    assert.deepEqual(throttle(alice, 'here'), { type: 'wait', length: 1 });
  });

  it('lets a success take nothing from anybody', () => {
    const throttle = signInThrottle(standingClock());
    for (let time = 0; time < 20; time += 1) {
      const admission = throttle(alice, 'here');
      assert.equal(admission.type, 'try');
      if (admission.type === 'try') admission.takeBack();
    }
  });

  it('takes back one failure, and no more', () => {
    const throttle = signInThrottle(standingClock());
    fail(throttle, 4, 'here');
    const fifth = throttle(alice, 'here');
    if (fifth.type === 'try') fifth.takeBack();

    assert.equal(throttle(alice, 'here').type, 'try');
    assert.equal(throttle(alice, 'here').type, 'wait');
  });

  it('may be told twice that something is taken back', () => {
    const throttle = signInThrottle(standingClock());
    const admission = throttle(alice, 'here');
    assert.equal(admission.type, 'try');
    if (admission.type !== 'try') return;

    admission.takeBack();
    admission.takeBack();

    fail(throttle, 5, 'here');
    assert.equal(throttle(alice, 'here').type, 'wait');
  });

  it('counts the wait from the last failure, and what comes too early counts for nothing', () => {
    const clock = standingClock();
    const throttle = signInThrottle(clock);
    fail(throttle, 5, 'here');
    for (let time = 0; time < 10; time += 1) throttle(alice, 'here');
    clock.advance(1);
    assert.equal(throttle(alice, 'here').type, 'try');

    assert.deepEqual(throttle(alice, 'here'), { type: 'wait', length: 2 });
  });

  it('makes another address wait a second where the account is under attack', () => {
    const throttle = signInThrottle(standingClock());
    for (let sender = 0; sender < 100; sender += 1) fail(throttle, 3, `attacker ${sender}`);

    const admission = throttle(alice, 'home');

    assert.deepEqual([admission.type, admission.type === 'try' && admission.pause], ['try', 1]);
  });

  it('forgets after a quarter of an hour', () => {
    const clock = standingClock();
    const throttle = signInThrottle(clock);
    fail(throttle, 5, 'here');
    clock.advance(900);

    assert.equal(throttle(alice, 'here').type, 'try');
  });

  it('is bounded in memory, and forgets who failed longest ago', () => {
    const throttle = signInThrottle(standingClock());
    fail(throttle, 5, 'first');
    for (let sender = 0; sender < 99_999; sender += 1) throttle(alice, `${sender}`);
    assert.equal(throttle(alice, 'first').type, 'wait');

    throttle(alice, 'one more');

    assert.equal(throttle(alice, 'first').type, 'try');
  });
});

describe('a sign-in', () => {
  it('is not tried after too many wrong passwords, not even with the right one', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    const screen = await openedFlow(gateway, client);
    const submit = async (password: string, from?: string) =>
      valueIn(await gateway.submitSignIn(form(screen, { password, ...(from && { from }) })));
    for (let time = 0; time < 5; time += 1) await submit('guess');

    const early = await submit('wonderland');
    const reasons = outside.events.of('sign_in_refused').map(({ reason }) => reason);
    const elsewhere = await submit('wonderland', '198.51.100.7');

    assert.equal(early.type === 'again' && early.wait, 1);
    assert.equal(early.type === 'again' && early.wrongPassword, false);
    assert.deepEqual(reasons, [...Array(5).fill('wrong_password'), 'too_many_attempts']);
    assert.equal(elsewhere.type, 'upstream');
  });

  it('waits a second where others have tried the account, and is let in', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    const screen = await openedFlow(gateway, client);
    for (let sender = 0; sender < 10; sender += 1) {
      await gateway.submitSignIn(form(screen, { password: 'guess', from: `${sender}` }));
    }
    const before = outside.clock.now();

    const outcome = valueIn(await gateway.submitSignIn(form(screen, { from: 'home' })));

    assert.equal(outcome.type, 'upstream');
    assert.equal(outside.clock.now() - before, 1);
  });

  it('that nobody could judge counts as no failure', async () => {
    const outside = world();
    let isAway = true;
    const { verify } = outside.ports.signIn;
    const signIn = {
      verify: async (name: string, password: string) => {
        if (isAway) throw new Error('the directory is away');
        return verify(name, password);
      },
    };
    const gateway = wired(outside, { ports: { signIn } });
    const client = await aClient(gateway, outside);
    const screen = await openedFlow(gateway, client);
    for (let time = 0; time < 10; time += 1) {
      await assert.rejects(gateway.submitSignIn(form(screen)), /the directory is away/);
    }
    isAway = false;

    assert.equal(valueIn(await gateway.submitSignIn(form(screen))).type, 'upstream');
  });
});
