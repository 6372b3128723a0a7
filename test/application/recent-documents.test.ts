import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Gate,
  gate,
  type StandingClock,
  standingClock,
} from '../../src/adapters/testing/testing.ts';
import type { DocumentFailure } from '../../src/application/ports.ts';
import { type RecentDocuments, recentDocuments } from '../../src/application/recent-documents.ts';
import { failure, success } from '../../src/domain/result.ts';
import { failureIn, valueIn } from './wired.ts';

const url = 'https://app.example/client.json';
const away: DocumentFailure = { kind: 'unavailable', reason: 'no answer' };
const gone: DocumentFailure = { kind: 'refused', reason: 'its server answered 404' };
const minute = 60;
const hour = 60 * minute;

interface Site {
  readonly clock: StandingClock;
  fetches: number;
  freshFor: number;
  trouble: DocumentFailure | undefined;
  held: Gate | undefined;
  readonly documents: RecentDocuments<string>;
}

/** A site whose documents say how often they were fetched. */
function site(): Site {
  const clock = standingClock();
  const world: Site = {
    clock,
    fetches: 0,
    freshFor: 0,
    trouble: undefined,
    held: undefined,
    documents: recentDocuments<string>(clock, async (asked) => {
      world.fetches += 1;
      const answer = `${asked} ${world.fetches}`;
      await world.held?.pass();
      return world.trouble
        ? failure(world.trouble)
        : success({ value: answer, freshFor: world.freshFor });
    }),
  };
  return world;
}

describe('a document', () => {
  for (const [says, freshFor, kept] of [
    ['nothing of its freshness', 0, 5 * minute],
    ['that it is fresh for a second', 1, 5 * minute],
    ['that it is fresh for an hour', hour, hour],
    ['that it is fresh for a year', 365 * 24 * hour, 24 * hour],
  ] as const) {
    it(`that says ${says} is fetched again after ${kept} seconds`, async () => {
      const world = site();
      world.freshFor = freshFor;
      await world.documents.get(url);

      world.clock.advance(kept - 1);
      await world.documents.get(url);
      assert.equal(world.fetches, 1);
      world.clock.advance(1);
      await world.documents.get(url);
      assert.equal(world.fetches, 2);
    });
  }

  it('that many want at once is fetched once', async () => {
    const world = site();
    world.held = gate();

    const wanted = Array.from({ length: 10 }, () => world.documents.get(url));
    world.held.open();

    assert.deepEqual(new Set((await Promise.all(wanted)).map(valueIn)), new Set([`${url} 1`]));
  });

  it('that cannot be had now is used as it was a day ago, and no longer', async () => {
    const world = site();
    await world.documents.get(url);
    world.trouble = away;

    world.clock.advance(24 * hour - 1);
    assert.equal(valueIn(await world.documents.get(url)), `${url} 1`);
    world.clock.advance(1);
    assert.equal(failureIn(await world.documents.get(url)), away);
  });

  it('that was withdrawn is used no longer', async () => {
    const world = site();
    await world.documents.get(url);
    world.trouble = gone;
    world.clock.advance(5 * minute);

    assert.equal(failureIn(await world.documents.get(url)), gone);
    world.trouble = away;
    world.clock.advance(30);
    assert.equal(failureIn(await world.documents.get(url)), away);
  });

  for (const [trouble, pause] of [
    [away, 10],
    [gone, 30],
  ] as const) {
    it(`that is ${trouble.kind} is not asked for again for ${pause} seconds`, async () => {
      const world = site();
      world.trouble = trouble;
      await world.documents.get(url);
      world.trouble = undefined;

      world.clock.advance(pause - 1);
      assert.equal(failureIn(await world.documents.get(url)), trouble);
      world.clock.advance(1);
      assert.equal(valueIn(await world.documents.get(url)), `${url} 2`);
    });
  }

  it('in which something was missing is fetched again, at most once a minute', async () => {
    const world = site();
    world.freshFor = hour;
    await world.documents.get(url);

    world.clock.advance(59);
    assert.equal(valueIn(await world.documents.renew(url)), `${url} 1`);
    world.clock.advance(1);
    assert.equal(valueIn(await world.documents.renew(url)), `${url} 2`);
    assert.equal(valueIn(await world.documents.get(url)), `${url} 2`);
  });

  it('that nobody had yet is fetched by a renewal too', async () => {
    assert.equal(valueIn(await site().documents.renew(url)), `${url} 1`);
  });
});

describe('the memory of documents', () => {
  it('has room for a thousand, and lets go the one that was wanted longest ago', async () => {
    const world = site();
    const name = (index: number) => `${url}?${index}`;
    for (let index = 0; index < 1000; index += 1) await world.documents.get(name(index));
    await world.documents.get(name(0));
    await world.documents.get(name(1000));

    await world.documents.get(name(0));
    assert.equal(world.fetches, 1001);
    await world.documents.get(name(1));
    assert.equal(world.fetches, 1002);
  });

  it('fetches at most 32 at once, and asks the others to come back', async () => {
    const world = site();
    world.held = gate();
    const running = Array.from({ length: 32 }, (_, index) =>
      world.documents.get(`${url}?${index}`),
    );

    const refused = failureIn(await world.documents.get(`${url}?32`));
    world.held.open();
    await Promise.all(running);

    assert.equal(refused.kind, 'unavailable');
    assert.ok((await world.documents.get(`${url}?32`)).ok);
  });
});
