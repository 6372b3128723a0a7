import {
  after,
  type EpochSeconds,
  epochSeconds,
  isExpired,
  type Seconds,
} from '../domain/lifetime.ts';
import type { Counters, Ports, Tally } from './ports.ts';

/** How often something has happened, in all processes that count together and in this one alone. */
export interface Count extends Tally {
  /** Those of `count` that this process could tell nobody about. */
  readonly own: number;
}

/** One more that was counted. */
export interface Counted {
  /** What there was before. */
  readonly before: Count;
  /** Takes it back from where it was counted. */
  takeBack(): Promise<void>;
}

/** Counts one kind of thing, by key; each key is forgotten some time after its last one. Never fails. */
export interface Counter {
  read(key: string): Promise<Count>;
  /** One more; absent, and nothing was counted, where it is no longer as it was when it was read (left out: that does not matter). */
  add(key: string): Promise<Counted>;
  add(key: string, asRead: Count): Promise<Counted | undefined>;
}

type CounterPorts = Pick<Ports, 'clock' | 'store'>;

/** A counter that the processes of one store share where it can count for them. Where it cannot, or is away, this process counts for itself. */
export function counter(ports: CounterPorts, purpose: string, life: Seconds): Counter {
  return new SharedCounter(ports, purpose, life);
}

class SharedCounter implements Counter {
  readonly #ports: CounterPorts;
  readonly #purpose: string;
  readonly #life: Seconds;
  readonly #own: OwnTallies;

  constructor(ports: CounterPorts, purpose: string, life: Seconds) {
    this.#ports = ports;
    this.#purpose = purpose;
    this.#life = life;
    this.#own = new OwnTallies(life);
  }

  async read(key: string): Promise<Count> {
    const shared = await this.#tryRead(key);
    const now = this.#ports.clock.now();
    return together(this.#living(shared, now), this.#living(this.#own.read(key), now));
  }

  async add(key: string): Promise<Counted>;
  async add(key: string, asRead: Count): Promise<Counted | undefined>;
  async add(key: string, asRead?: Count): Promise<Counted | undefined> {
    const { counters } = this.#ports.store;
    const shared = counters && (await this.#tryAdd(counters, key, asRead));
    const now = this.#ports.clock.now();
    const own = this.#living(this.#own.read(key), now);
    if (counters !== undefined && shared !== undefined) {
      const before = together(this.#living(shared.before, now), own);
      const isAsRead =
        asRead === undefined || before.count - before.own === asRead.count - asRead.own;
      // What cannot be taken back is forgotten by itself.
      const takeBack = () => counters.takeBack(this.#name(key)).catch(() => {});
      return isAsRead ? { before, takeBack } : undefined;
    }
    // Counted here, it is read here too the next time: whoever asks again does not ask for ever.
    if (asRead !== undefined && own.count !== asRead.own) return undefined;
    this.#own.add(key, own.count, now);
    return {
      before: asRead ?? together(nothing, own),
      takeBack: async () => this.#own.takeBack(key),
    };
  }

  #name(key: string): string {
    return `${this.#purpose}:${key}`;
  }

  async #tryRead(key: string): Promise<Tally | undefined> {
    try {
      return await this.#ports.store.counters?.read(this.#name(key));
    } catch {
      return undefined;
    }
  }

  /** Absent where it could not be counted for all. */
  async #tryAdd(
    counters: Counters,
    key: string,
    asRead: Count | undefined,
  ): Promise<{ readonly before: Tally | undefined } | undefined> {
    const over = asRead === undefined ? {} : { over: asRead.count - asRead.own };
    const step = { now: this.#ports.clock.now(), life: this.#life, ...over };
    try {
      return { before: await counters.add(this.#name(key), step) };
    } catch {
      return undefined;
    }
  }

  #living(tally: Tally | undefined, now: EpochSeconds): Tally {
    return tally === undefined || isExpired(after(tally.last, this.#life), now) ? nothing : tally;
  }
}

const nothing: Tally = { count: 0, last: epochSeconds(0) };

function together(shared: Tally, own: Tally): Count {
  const last = epochSeconds(Math.max(shared.last, own.last));
  return { count: shared.count + own.count, last, own: own.count };
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

  add(key: string, before: number, now: EpochSeconds): void {
    this.#tallies.delete(key);
    this.#tallies.set(key, { count: before + 1, last: now });
    this.#forgetOldest(now);
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
