import { type Seconds, seconds } from '../../domain/lifetime.ts';

/** How long an answer may be taken as known; absent where its headers do not say. */
export type Freshness = Seconds | undefined;

/** Reads an answer's headers as a private cache does (RFC 9111 §4.2.1): `no-store` and `no-cache` are no time at all. */
export function freshnessOf(header: (name: string) => string | undefined): Freshness {
  const directives = (header('cache-control') ?? '').toLowerCase().split(/\s*,\s*/);
  if (directives.some((each) => /^no-(?:store|cache)(?:=|$)/.test(each.trim()))) return seconds(0);
  const age = number(header('age')) ?? 0;
  const maxAge = directives.flatMap((each) => /^max-age="?(\d+)"?$/.exec(each.trim())?.[1] ?? []);
  const total = number(maxAge[0]) ?? untilExpiry(header('expires'), header('date'));
  return total === undefined ? undefined : seconds(Math.max(0, total - age));
}

/** By the server's own clock, so that it does not matter how well ours is set. What is no date, such as 0, has passed (RFC 9111 §5.3). */
function untilExpiry(expires: string | undefined, date: string | undefined): number | undefined {
  if (expires === undefined || date === undefined) return undefined;
  if (!/^[A-Z][a-z]{2},/.test(expires)) return 0;
  const length = (Date.parse(expires) - Date.parse(date)) / 1000;
  return Number.isFinite(length) ? Math.max(0, length) : 0;
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
