import { after, type EpochSeconds, isExpired, type Seconds } from '../domain/lifetime.ts';
import type { Counters, Ports, Tally } from './ports.ts';

/** Counts one kind of thing, by key; each key is forgotten some time after its last one. Never fails. */
export interface Counter {
  read(key: string): Promise<Tally>;
  /** One more, if there are `over` of them (left out: in any case); answers with what there was before. */
  add(key: string, over?: number): Promise<Tally>;
  /** Takes one back, if there is one. */
  takeBack(key: string): Promise<void>;
}

/** A counter that the processes of one store share where it can count for them. Where it cannot, or is away, this process counts for itself. */
export function counter(
  { clock, store }: Pick<Ports, 'clock' | 'store'>,
  purpose: string,
  life: Seconds,
): Counter {
  const own = new OwnTallies(life);
  const { counters } = store;
  const shared = async <Answer>(
    ask: (counters: Counters) => Promise<Answer>,
    otherwise: () => Answer,
  ): Promise<Answer> => {
    if (counters === undefined) return otherwise();
    try {
      return await ask(counters);
    } catch {
      return otherwise();
    }
  };
  const name = (key: string) => `${purpose}:${key}`;
  const living = (tally: Tally | undefined, now: EpochSeconds): Tally =>
    tally === undefined || isExpired(after(tally.last, life), now)
      ? { count: 0, last: now }
      : tally;
  return {
    read: async (key) => {
      const now = clock.now();
      const tally = await shared(
        (all) => all.read(name(key)),
        () => own.read(key),
      );
      return living(tally, now);
    },
    add: async (key, over) => {
      const now = clock.now();
      const step = { now, life, ...(over === undefined ? {} : { over }) };
      const before = await shared(
        (all) => all.add(name(key), step),
        () => own.add(key, living(own.read(key), now), step),
      );
      return living(before, now);
    },
    takeBack: (key) =>
      shared(
        (all) => all.takeBack(name(key)),
        () => own.takeBack(key),
      ),
  };
}

/** More keys than this are not kept: what was counted longest ago is forgotten first. */
const mostKeys = 100_000;

class OwnTallies {
  /** The one that was added to longest ago first. */
  readonly #tallies = new Map<string, Tally>();
  readonly #life: Seconds;

  constructor(life: Seconds) {
    this.#life = life;
  }

  read(key: string): Tally | undefined {
    return this.#tallies.get(key);
  }

  add(key: string, before: Tally, { now, over }: { now: EpochSeconds; over?: number }): Tally {
    if (over !== undefined && over !== before.count) return before;
    this.#tallies.delete(key);
    this.#tallies.set(key, { count: before.count + 1, last: now });
    this.#forgetOldest(now);
    return before;
  }

  takeBack(key: string): void {
    const tally = this.#tallies.get(key);
    if (tally === undefined) return;
    if (tally.count > 1) this.#tallies.set(key, { ...tally, count: tally.count - 1 });
    else this.#tallies.delete(key);
  }

  /** The oldest are first; what was just added ends it at the latest. */
  #forgetOldest(now: EpochSeconds): void {
    for (const [key, { last }] of this.#tallies) {
      if (this.#tallies.size <= mostKeys && !isExpired(after(last, this.#life), now)) return;
      this.#tallies.delete(key);
    }
  }
}
