import { after, type EpochSeconds, isExpired, type Seconds, seconds } from '../domain/lifetime.ts';
import type { GrantId } from '../domain/token-pair.ts';
import { type CommitParts, commitRenewal, type SealedRenewal } from './commit-renewal.ts';
import { readLiveGrant } from './live-grants.ts';

/**
 * What the upstream gave while the store was away. Its old tokens may be worth nothing by then: what is sealed for the store is kept here, and
 * committed in the background as soon as the store is back. Only the upstream's tokens are: the client was told to come back, and does so
 * with the token that it has.
 */
export interface HeldRenewals {
  /** Does what asks the upstream: a stop waits for its end, whoever else has gone away. */
  during<Value>(work: () => Promise<Value>): Promise<Value>;
  hold(renewal: SealedRenewal): void;
  /**
   * Commits what is held of a grant, if anything is; false: nothing. Nobody may ask the upstream for it before. Throws where the store is
   * still away.
   */
  settle(grant: GrantId): Promise<boolean>;
  /** Waits for what the upstream is just giving, tries once more to store what is held, and begins no other try. */
  stop(): Promise<void>;
}

/** As many as this are held at most, and for so long: by then a store is not away, it is lost. */
const mostHeld = 10_000;
const heldFor = seconds(3600);
const longestPause = 2000; // milliseconds

interface HeldParts extends CommitParts {
  /** How long one call to the upstream takes at most. */
  readonly callLimit: Seconds;
}

/** The renewals of this process that are not in the store: those that it did not take, and those that are under way. */
export function heldRenewals(parts: HeldParts, most: number = mostHeld): HeldRenewals {
  return new Held(parts, most);
}

interface Entry {
  readonly renewal: SealedRenewal;
  readonly until: EpochSeconds;
  /** The try that is under way: whoever comes meanwhile waits for it. */
  attempt: Promise<void> | undefined;
}

class Held implements HeldRenewals {
  readonly #parts: HeldParts;
  readonly #most: number;
  readonly #entries = new Map<GrantId, Entry>();
  readonly #underWay = new Set<Promise<unknown>>();
  #isStopped = false;

  constructor(parts: HeldParts, most: number) {
    this.#parts = parts;
    this.#most = most;
  }

  async during<Value>(work: () => Promise<Value>): Promise<Value> {
    const doing = work();
    this.#underWay.add(doing);
    try {
      return await doing;
    } finally {
      this.#underWay.delete(doing);
    }
  }

  hold(renewal: SealedRenewal): void {
    const { grant } = renewal;
    if (this.#isStopped || this.#entries.size >= this.#most) {
      this.#lose(grant);
      return;
    }
    const until = after(this.#parts.ports.clock.now(), heldFor);
    const entry = { renewal, until, attempt: undefined };
    this.#entries.set(grant, entry);
    void this.#repeat(entry);
  }

  async settle(grant: GrantId): Promise<boolean> {
    const entry = this.#entries.get(grant);
    if (entry === undefined) return false;
    await this.#commit(entry);
    return true;
  }

  async stop(): Promise<void> {
    const { clock } = this.#parts.ports;
    // For the slowest call and its commit; the upstream is asked twice so rarely that a stop need not wait for that.
    const longest = clock.sleep((this.#parts.callLimit + 2) * 1000);
    await Promise.race([Promise.allSettled(this.#underWay), longest]);
    this.#isStopped = true;
    const left = [...this.#entries.values()];
    const tried = await Promise.all(left.map((entry) => this.#isCommitted(entry)));
    left.forEach((entry, place) => {
      if (!tried[place]) this.#lose(entry.renewal.grant);
    });
  }

  async #repeat(entry: Entry): Promise<void> {
    const { clock } = this.#parts.ports;
    const { grant } = entry.renewal;
    for (let pause = 100; !isExpired(entry.until, clock.now()); ) {
      await clock.sleep(pause);
      pause = Math.min(2 * pause, longestPause);
      if (this.#isStopped || this.#entries.get(grant) !== entry) return;
      if (await this.#isCommitted(entry)) return;
    }
    this.#lose(grant);
  }

  /** False where the store is still away. */
  #isCommitted(entry: Entry): Promise<boolean> {
    return this.#commit(entry).then(
      () => true,
      () => false,
    );
  }

  #commit(entry: Entry): Promise<void> {
    entry.attempt ??= this.#try(entry).finally(() => {
      entry.attempt = undefined;
    });
    return entry.attempt;
  }

  /** Written without an answer, it is found to have been overtaken: by itself. */
  async #try(entry: Entry): Promise<void> {
    const { grant } = entry.renewal;
    const current = await readLiveGrant(this.#parts.ports, grant);
    await commitRenewal(this.#parts, current, entry.renewal, (each) => each);
    if (this.#entries.get(grant) === entry) this.#entries.delete(grant);
  }

  #lose(grant: GrantId): void {
    this.#entries.delete(grant);
    const reason = 'the tokens that it gave could not be stored';
    this.#parts.ports.events.emit({ type: 'upstream_failed', flow: undefined, grant, reason });
  }
}
