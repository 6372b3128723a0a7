import { type Counters, StoreUnavailable, type Tally } from '../../src/application/ports.ts';

/** Counters that several processes share, over a network: nobody has an answer at once, and they can be away, or take nothing. */
export function sharedCounters(): Counters & { isAway: boolean; isReadOnly: boolean } {
  const tallies = new Map<string, Tally>();
  const reach = async () => {
    await new Promise(setImmediate);
    if (counters.isAway) throw new StoreUnavailable('They are away.');
  };
  const reachToWrite = async () => {
    await reach();
    if (counters.isReadOnly) throw new StoreUnavailable('They take nothing.');
  };
  const counters: Counters & { isAway: boolean; isReadOnly: boolean } = {
    isAway: false,
    isReadOnly: false,
    read: async (key) => {
      await reach();
      return tallies.get(key);
    },
    add: async (key, { now, over }) => {
      await reachToWrite();
      const before = tallies.get(key);
      const count = before?.count ?? 0;
      if (over === undefined || over === count) tallies.set(key, { count: count + 1, last: now });
      return before;
    },
    takeBack: async (key) => {
      await reachToWrite();
      const tally = tallies.get(key);
      if (tally) tallies.set(key, { ...tally, count: Math.max(0, tally.count - 1) });
    },
  };
  return counters;
}
