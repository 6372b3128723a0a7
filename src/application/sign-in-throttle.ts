import { after, type EpochSeconds, isExpired, seconds, timeLeft } from '../domain/lifetime.ts';
import type { Sha256 } from '../domain/secret-hash.ts';
import { signInDelay } from '../domain/sign-in-delay.ts';
import type { Clock } from './ports.ts';

/** Whether credentials may be tried now. */
export type Admission =
  | { readonly type: 'wait'; readonly length: number }
  /** To be tried after a pause (seconds). It counts as a failure until it is taken back, so that many at once do not slip through together. */
  | { readonly type: 'try'; readonly pause: number; takeBack(): void };

/** Asks for admission: with an account, known or not, and from a sender. */
export type SignInThrottle = (account: Sha256, sender: string) => Admission;

/** Throttles sign-ins, by what failed in this process. */
export function signInThrottle(clock: Pick<Clock, 'now'>): SignInThrottle {
  const accounts = new Failures();
  const senders = new Failures();
  return (account, sender) => {
    const now = clock.now();
    const bySender = senders.of(sender, now);
    const delay = signInDelay({
      bySender: bySender.count,
      forAccount: accounts.of(account, now).count,
    });
    if (delay.type === 'wait') {
      const left = timeLeft(after(bySender.last, delay.length), now);
      if (left > 0) return { type: 'wait', length: left };
    }
    accounts.add(account, now);
    senders.add(sender, now);
    return {
      type: 'try',
      pause: delay.type === 'pause' ? delay.length : 0,
      takeBack: () => {
        accounts.takeBack(account);
        senders.takeBack(sender);
      },
    };
  };
}

interface Tally {
  readonly count: number;
  readonly last: EpochSeconds;
}

/** Failures are forgotten this long after the last one. */
const memory = seconds(900);
const mostKeys = 100_000;

class Failures {
  /** The one that failed longest ago first. */
  readonly #tallies = new Map<string, Tally>();

  of(key: string, now: EpochSeconds): Tally {
    const tally = this.#tallies.get(key);
    if (tally !== undefined && !isExpired(after(tally.last, memory), now)) return tally;
    return { count: 0, last: now };
  }

  add(key: string, now: EpochSeconds): void {
    const { count } = this.of(key, now);
    this.#tallies.delete(key);
    this.#tallies.set(key, { count: count + 1, last: now });
    const [oldest] = this.#tallies.keys();
    if (this.#tallies.size > mostKeys && oldest !== undefined) this.#tallies.delete(oldest);
  }

  takeBack(key: string): void {
    const tally = this.#tallies.get(key);
    if (tally === undefined) return;
    if (tally.count > 1) this.#tallies.set(key, { ...tally, count: tally.count - 1 });
    else this.#tallies.delete(key);
  }
}
