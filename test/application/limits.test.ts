import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryStore } from '../../src/adapters/store/memory.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import type { Counters } from '../../src/application/ports.ts';
import { rateLimit } from '../../src/application/rate-limit.ts';
import { type SignInThrottle, signInThrottle } from '../../src/application/sign-in-throttle.ts';
import { aClient, form, openedFlow } from './dance.ts';
import { sharedCounters } from './shared-counters.ts';
import { valueIn, wired, world } from './wired.ts';

/** One process of a gateway: its clock, and its store. */
function place(counters?: Counters, clock = standingClock()) {
  const store = memoryStore(clock);
  return { clock, store: counters === undefined ? store : { ...store, counters } };
}

describe('a limit per minute', () => {
  it('turns a sender away until the minute of the clock is over, and no other', async () => {
    const here = place();
    const limit = rateLimit(here, 'token', 2);
    await limit('a');
    here.clock.advance(20);

    assert.equal(await limit('a'), undefined);
    assert.equal(await limit('a'), 40);
    assert.equal(await limit('b'), undefined);
    here.clock.advance(40);
    assert.equal(await limit('a'), undefined);
  });

  it('is bounded in memory, and turns no stranger away for it', async () => {
    const limit = rateLimit(place(), 'token', 1);
    for (let sender = 0; sender < 100_000; sender += 1) await limit(`${sender}`);

    assert.equal(await limit('0'), 60);
    assert.equal(await limit('a stranger'), undefined);
    assert.equal(await limit('a stranger'), 60);
    // The one that came longest ago was forgotten for it.
    assert.equal(await limit('1'), undefined);
  });

  it('is one limit for all processes that count together, and another for each purpose', async () => {
    const counters = sharedCounters();
    const [one, other] = [place(counters), place(counters)];
    const [here, there] = [rateLimit(one, 'token', 2), rateLimit(other, 'token', 2)];
    await here('a');
    await there('a');

    assert.equal(await here('a'), 60);
    assert.equal(await there('a'), 60);
    assert.equal(await rateLimit(one, 'authorize', 2)('a'), undefined);
  });

  it('holds in each process by itself while they cannot count together', async () => {
    const counters = sharedCounters();
    const [here, there] = [
      rateLimit(place(counters), 'token', 1),
      rateLimit(place(counters), 'token', 1),
    ];
    await here('a');
    counters.isAway = true;

    assert.deepEqual([await here('a'), await here('a')], [undefined, 60]);
    assert.deepEqual([await there('a'), await there('a')], [undefined, 60]);
    counters.isAway = false;
    assert.equal(await there('a'), 60);
  });
});

describe('the throttle of sign-ins', () => {
  const alice = 'alice';
  /** One attempt, from its admission to its end, which is a failure unless told. */
  const attempt = async (throttle: SignInThrottle, from: string, isFailure = true) => {
    const admission = await throttle(alice, from);
    if (admission.type === 'wait') return admission;
    await new Promise(setImmediate);
    await admission.over(isFailure);
    return { type: 'try', pause: admission.pause };
  };
  const fail = async (throttle: SignInThrottle, times: number, from: string) => {
    for (let time = 0; time < times; time += 1) await attempt(throttle, from);
  };
  const tried = (attempts: readonly { readonly type: string }[]) =>
    attempts.filter(({ type }) => type === 'try').length;

  it('counts what is under way, so that many at once do not slip through together', async () => {
    const throttle = signInThrottle(place());

    const attempts = await Promise.all(Array.from({ length: 12 }, () => attempt(throttle, 'here')));

    assert.equal(tried(attempts), 5);
    assert.deepEqual(await attempt(throttle, 'here'), { type: 'wait', length: 1 });
  });

  it('turns away none of many that sign in at once from one address, and are right', async () => {
    const throttle = signInThrottle(place());
    const attempts = await Promise.all(
      Array.from({ length: 40 }, () => attempt(throttle, 'office', false)),
    );

    assert.equal(tried(attempts), 40);
  });

  it('lets a success take nothing from anybody', async () => {
    const throttle = signInThrottle(place());
    for (let time = 0; time < 20; time += 1) {
      assert.equal((await attempt(throttle, 'here', false)).type, 'try');
    }
  });

  it('takes back one failure, and no more', async () => {
    const throttle = signInThrottle(place());
    await fail(throttle, 4, 'here');
    await attempt(throttle, 'here', false);

    assert.equal((await attempt(throttle, 'here')).type, 'try');
    assert.equal((await attempt(throttle, 'here')).type, 'wait');
  });

  it('counts the wait from the last failure, and what comes too early counts for nothing', async () => {
    const here = place();
    const throttle = signInThrottle(here);
    await fail(throttle, 5, 'here');
    for (let time = 0; time < 10; time += 1) await attempt(throttle, 'here');
    here.clock.advance(1);
    assert.equal((await attempt(throttle, 'here')).type, 'try');

    assert.deepEqual(await attempt(throttle, 'here'), { type: 'wait', length: 2 });
  });

  it('makes another address wait a second where the account is under attack', async () => {
    const throttle = signInThrottle(place());
    for (let sender = 0; sender < 100; sender += 1) await fail(throttle, 3, `attacker ${sender}`);

    const admission = await attempt(throttle, 'home');

    assert.deepEqual(admission, { type: 'try', pause: 1 });
  });

  it('forgets after a quarter of an hour', async () => {
    const here = place();
    const throttle = signInThrottle(here);
    await fail(throttle, 5, 'here');
    here.clock.advance(900);

    assert.equal((await attempt(throttle, 'here')).type, 'try');
  });

  it('is bounded in memory, and forgets who failed longest ago', async () => {
    const throttle = signInThrottle(place());
    await fail(throttle, 5, 'first');
    for (let sender = 0; sender < 99_999; sender += 1) await throttle(alice, `${sender}`);
    assert.equal((await attempt(throttle, 'first')).type, 'wait');

    await attempt(throttle, 'one more');

    assert.equal((await attempt(throttle, 'first')).type, 'try');
  });

  it('counts in each process by itself what those that count together do not take, and comes to an end', async () => {
    const counters = sharedCounters();
    const throttle = signInThrottle(place(counters));
    await fail(throttle, 3, 'here');
    counters.isReadOnly = true;

    const outcomes = [
      await attempt(throttle, 'here'),
      await attempt(throttle, 'here', false),
      await attempt(throttle, 'here'),
      await attempt(throttle, 'here'),
    ];

    assert.deepEqual(
      outcomes.map(({ type }) => type),
      ['try', 'try', 'try', 'wait'],
    );
  });

  it('may be over after it was forgotten', async () => {
    const clock = standingClock();
    const throttle = signInThrottle(place(undefined, clock));
    const admission = await throttle(alice, 'here');
    clock.advance(901);
    await attempt(throttle, 'there');
    assert.equal(admission.type, 'try');
    if (admission.type === 'try') await admission.over(false);

    assert.equal((await attempt(throttle, 'here')).type, 'try');
  });

  it('may lose what it shares between an attempt’s admission and its end', async () => {
    const counters = sharedCounters();
    const throttle = signInThrottle(place(counters));
    const admission = await throttle(alice, 'here');
    counters.isAway = true;
    assert.equal(admission.type, 'try');
    if (admission.type === 'try') await admission.over(false);

    assert.equal((await attempt(throttle, 'here')).type, 'try');
  });

  it('counts a sender’s attempts at all processes that count together, those at once among them', async () => {
    const counters = sharedCounters();
    const clock = standingClock();
    const doors = [1, 2, 3].map(() => signInThrottle(place(counters, clock)));

    const attempts = Array.from({ length: 4 }, () => doors.map((door) => attempt(door, 'here')));
    const [door = assert.fail('no door')] = doors;

    assert.equal(tried(await Promise.all(attempts.flat())), 5);
    assert.deepEqual(await attempt(door, 'here'), { type: 'wait', length: 1 });
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
