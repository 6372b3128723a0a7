import { seconds } from '../domain/lifetime.ts';
import { counter } from './counter.ts';
import type { Ports } from './ports.ts';

/** Counts one more from this sender; the value is how many seconds to wait where it was one too many. */
export type RateLimit = (from: string) => Promise<number | undefined>;

const window = 60;

/**
 * At most `perMinute` from one sender in each minute of the clock, counted over all processes that can count together. Where too many senders are counted
 * the oldest are forgotten: whoever has that many addresses gains no more by it than by using them, and turning strangers away would let
 * one of them close the door for all.
 */
export function rateLimit(
  ports: Pick<Ports, 'clock' | 'store'>,
  purpose: string,
  perMinute: number,
): RateLimit {
  const counted = counter(ports, purpose, seconds(window));
  return async (from) => {
    const now = ports.clock.now();
    const { before } = await counted.add(`${Math.floor(now / window)}:${from}`);
    return before.count < perMinute ? undefined : window - (now % window);
  };
}
