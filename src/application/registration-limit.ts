import { after, type EpochSeconds, isExpired, seconds, timeLeft } from '../domain/lifetime.ts';
import type { Clock } from './ports.ts';

/** Counts a registration; the value is how many seconds to wait where it was one too many. */
export type RegistrationLimit = (from: string) => number | undefined;

const window = seconds(60);
const mostAddresses = 10_000;

/** At most `perMinute` registrations an address, counted in this process; strangers are turned away where too many addresses come at once. */
export function registrationLimit(clock: Pick<Clock, 'now'>, perMinute: number): RegistrationLimit {
  let counts = new Map<string, number>();
  let end: EpochSeconds = clock.now();
  return (from) => {
    const now = clock.now();
    if (isExpired(end, now)) {
      counts = new Map();
      end = after(now, window);
    }
    const count = counts.get(from) ?? 0;
    if (count >= perMinute || (count === 0 && counts.size >= mostAddresses)) {
      return timeLeft(end, now);
    }
    counts.set(from, count + 1);
    return undefined;
  };
}
