import { after, type EpochSeconds, isExpired, seconds, timeLeft } from '../domain/lifetime.ts';
import type { Clock } from './ports.ts';

/** Counts one more from this sender; the value is how many seconds to wait where it was one too many. */
export type RateLimit = (from: string) => number | undefined;

const window = seconds(60);
const mostSenders = 100_000;

/**
 * At most `perMinute` from one sender, counted in this process. Senders that did not fit are counted from nothing again: whoever has that many
 * addresses gains no more by it than by using them, and turning strangers away would let one of them close the door for all.
 */
export function rateLimit(clock: Pick<Clock, 'now'>, perMinute: number): RateLimit {
  let counts = new Map<string, number>();
  let end: EpochSeconds = clock.now();
  return (from) => {
    const now = clock.now();
    if (isExpired(end, now)) {
      counts = new Map();
      end = after(now, window);
    }
    const count = counts.get(from) ?? 0;
    if (count >= perMinute) return timeLeft(end, now);
    if (count === 0 && counts.size >= mostSenders) counts = new Map();
    counts.set(from, count + 1);
    return undefined;
  };
}
