import type { Brand } from './brand.ts';

/** A moment, in whole seconds since 1970 (the unit of RFC 7519 NumericDate and RFC 7662 `exp`). */
export type EpochSeconds = Brand<number, 'EpochSeconds'>;

/** A length of time in whole seconds, the unit of every OAuth lifetime. */
export type Seconds = Brand<number, 'Seconds'>;

/** Makes a moment of a number of seconds since 1970; fractions are cut off. */
export function epochSeconds(value: number): EpochSeconds {
  return Math.floor(value) as EpochSeconds;
}

/** Makes a length of time of a number of seconds; fractions are cut off. */
export function seconds(value: number): Seconds {
  return Math.floor(value) as Seconds;
}

/** The moment that lies `length` after `moment`. */
export function after(moment: EpochSeconds, length: Seconds): EpochSeconds {
  return epochSeconds(moment + length);
}

/** A thing is dead from its expiry second on, not from the second after it. */
export function isExpired(expiresAt: EpochSeconds, now: EpochSeconds): boolean {
  return now >= expiresAt;
}

/** How long something has left; never negative. */
export function timeLeft(expiresAt: EpochSeconds, now: EpochSeconds): Seconds {
  return seconds(Math.max(0, expiresAt - now));
}

/** The earlier of two ends; an end that is not known does not count. */
export function earlier(end: EpochSeconds, other: EpochSeconds | undefined): EpochSeconds {
  return other === undefined || end <= other ? end : other;
}

/**
 * When a token ends that came with this `expires_in`. Absent, zero, negative or not a number means that the
 * server did not say (RFC 6749 §5.1 only recommends the member): the token lasts until it is refused.
 */
export function announcedEnd(
  expiresIn: number | undefined,
  now: EpochSeconds,
): EpochSeconds | undefined {
  if (expiresIn === undefined || !(expiresIn > 0)) return undefined;
  return epochSeconds(Math.min(now + expiresIn, farFuture));
}

/** 2100-01-01: some servers spell "never" as a number that overflows a client's arithmetic. */
export const farFuture = 4_102_444_800;

/**
 * Whether so little is left that a client would be back at once: less than the smaller of a minute and
 * a tenth of the life the thing was issued with.
 */
export function isNearlySpent(
  issuedAt: EpochSeconds,
  expiresAt: EpochSeconds,
  now: EpochSeconds,
): boolean {
  return timeLeft(expiresAt, now) < Math.min(60, (expiresAt - issuedAt) / 10);
}
