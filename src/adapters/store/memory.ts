import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  Clock,
  Records,
  Store,
  Version,
  Versioned,
  WriteOutcome,
} from '../../application/ports.ts';
import { type EpochSeconds, isExpired } from '../../domain/lifetime.ts';
import { defaultLimits, type StoreLimits } from './limits.ts';
import { recordsOfAll } from './records-of-all.ts';

/**
 * A store in this process's memory: bounded, and gone with the process. At a bound new records are answered with `full`; nothing that
 * lives is ever thrown out. Expired records leave by themselves, in small steps on the way of other calls.
 */
export function memoryStore(clock: Pick<Clock, 'now'>, limits: Partial<StoreLimits> = {}): Store {
  const most = { ...defaultLimits, ...limits };
  return {
    ...recordsOfAll((kind) => new MemoryRecords(clock, most[kind])),
    probe: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

/** Never changed, only replaced: it is handed out as it is. */
interface Entry<Value> extends Versioned<Value> {
  readonly expiresAt: EpochSeconds;
}

/** How many records a write looks at for expired ones: more than the one it may add, so that they go faster than they come. */
const sweepStep = 8;

/** How many records a scan looks at before it lets requests through. */
const scanBatch = 256;

class MemoryRecords<Value> implements Records<Value> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #limit: number;
  readonly #entries = new Map<string, Entry<Value>>();
  #sweep = this.#entries.entries();
  #lastVersion = 0;
  /** No record expires before. */
  #soonestEnd = Number.POSITIVE_INFINITY;

  constructor(clock: Pick<Clock, 'now'>, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  async read(key: string): Promise<Versioned<Value> | undefined> {
    return this.#living(key, this.#clock.now());
  }

  // No await in here: nobody else writes between the comparison and the change.
  async write(
    key: string,
    value: Value,
    over: Version | undefined,
    expiresAt: EpochSeconds,
  ): Promise<WriteOutcome> {
    const now = this.#clock.now();
    const current = this.#living(key, now);
    if (current?.version !== over) return { type: 'outdated' };
    this.#sweepSome(now);
    if (current === undefined && this.#isFull(now)) return { type: 'full' };
    // One count for all keys: a version never comes back, not even with a record that was there before.
    this.#lastVersion += 1;
    const version = this.#lastVersion as Version;
    this.#entries.set(key, { value, version, expiresAt });
    this.#soonestEnd = Math.min(this.#soonestEnd, expiresAt);
    return { type: 'written', version };
  }

  async *scan(): AsyncIterable<Versioned<Value>> {
    let seen = 0;
    for (const key of this.#entries.keys()) {
      const entry = this.#living(key, this.#clock.now());
      if (entry !== undefined) yield entry;
      seen += 1;
      if (seen % scanBatch === 0) await nextTurn();
    }
  }

  #living(key: string, now: EpochSeconds): Entry<Value> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || !isExpired(entry.expiresAt, now)) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #sweepSome(now: EpochSeconds): void {
    for (let looked = 0; looked < sweepStep; looked += 1) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = this.#entries.entries();
        return;
      }
      const [key, entry] = next.value;
      if (isExpired(entry.expiresAt, now)) this.#entries.delete(key);
    }
  }

  #isFull(now: EpochSeconds): boolean {
    if (this.#entries.size >= this.#limit) this.#sweepAll(now);
    return this.#entries.size >= this.#limit;
  }

  /** At most once a second, however many knock at a full store: what a sweep leaves ends later than now. */
  #sweepAll(now: EpochSeconds): void {
    if (now < this.#soonestEnd) return;
    this.#soonestEnd = Number.POSITIVE_INFINITY;
    for (const [key, { expiresAt }] of this.#entries) {
      if (isExpired(expiresAt, now)) this.#entries.delete(key);
      else this.#soonestEnd = Math.min(this.#soonestEnd, expiresAt);
    }
  }
}
