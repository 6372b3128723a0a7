import { RecentRecords } from './recent-records.ts';

/**
 * What was read from a server that promised to say when it changes (CLIENT TRACKING). It is believed only while the server is known to be
 * there: until the end of a lease that every answered heartbeat extends.
 */
export class TrackedRecords<Value> {
  readonly #now: () => number;
  readonly #kept: RecentRecords<Value>;
  /** Reads under way; an invalidation that overtakes the answer keeps it from being kept. */
  readonly #reading = new Map<string, object>();
  #trustedUntil = Number.NEGATIVE_INFINITY;

  /** `now`: milliseconds that only go forward. */
  constructor(most: number, now: () => number) {
    this.#kept = new RecentRecords(most);
    this.#now = now;
  }

  /** The value, where it is certain to be the server's own. */
  get(key: string): Value | undefined {
    return this.#now() < this.#trustedUntil ? this.#kept.get(key) : undefined;
  }

  /** Reads a value over the tracked connection, and keeps it unless it was invalidated meanwhile. */
  async read(key: string, ask: () => Promise<Value | undefined>): Promise<Value | undefined> {
    const ticket = {};
    this.#reading.set(key, ticket);
    try {
      const value = await ask();
      // Of several reads at once the last one keeps its answer, the others merely return theirs.
      if (value !== undefined && this.#reading.get(key) === ticket) this.#kept.set(key, value);
      return value;
    } finally {
      if (this.#reading.get(key) === ticket) this.#reading.delete(key);
    }
  }

  /** The server says that this key has changed. */
  invalidate(key: string): void {
    this.#reading.delete(key);
    this.#kept.delete(key);
  }

  /** The connection is lost, or everything changed: nothing that was read over it counts. */
  forget(): void {
    this.#reading.clear();
    this.#kept.clear();
  }

  /** The server was there: it is trusted until then. */
  trustUntil(moment: number): void {
    this.#trustedUntil = moment;
  }
}
