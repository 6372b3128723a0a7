import { type Seconds, seconds } from './lifetime.ts';

/** How long an answer may be taken as known; absent where its headers do not say. */
export type Freshness = Seconds | undefined;

// biome-ignore lint/style/noRestrictedGlobals: a date that a server wrote is read; no clock is asked.
const { parse: instantOf } = Date;

/** Directives that name a life, the one that counts before the other first. */
const lives = { own: ['max-age'], shared: ['s-maxage', 'max-age'] } as const;

/**
 * Reads an answer's headers (RFC 9111 §4.2.1): `no-store` and `no-cache` are no time at all. `kept`: for the gateway's
 * `own` affairs, or for all who use it, as by a `shared` cache.
 */
export function freshnessOf(
  header: (name: string) => string | undefined,
  kept: keyof typeof lives,
): Freshness {
  const directives = (header('cache-control') ?? '').toLowerCase().split(',');
  if (directives.some((each) => /^no-(?:store|cache)(?:=|$)/.test(each.trim()))) return seconds(0);
  const age = number(header('age')) ?? 0;
  const named = lives[kept].map((life) => lifeIn(directives, life));
  const total =
    named.find((life) => life !== undefined) ?? untilExpiry(header('expires'), header('date'));
  return total === undefined ? undefined : seconds(Math.max(0, total - age));
}

function lifeIn(directives: readonly string[], life: string): number | undefined {
  const named = directives.map((each) => each.split('=')).find(([name]) => name?.trim() === life);
  return number(/^"?(\d+)"?$/.exec(named?.[1]?.trim() ?? '')?.[1]);
}

/** By the server's own clock, so that it does not matter how well ours is set. What is no date, such as 0, has passed (RFC 9111 §5.3). */
function untilExpiry(expires: string | undefined, date: string | undefined): number | undefined {
  if (expires === undefined || date === undefined) return undefined;
  if (!/^[A-Z][a-z]{2},/.test(expires)) return 0;
  const length = (instantOf(expires) - instantOf(date)) / 1000;
  return Number.isFinite(length) ? Math.max(0, length) : 0;
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
