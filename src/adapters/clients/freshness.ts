/** The headers that say how long an answer may be taken for current, each as it came. */
export interface FreshnessHeaders {
  readonly cacheControl: string | undefined;
  readonly expires: string | undefined;
  readonly date: string | undefined;
  readonly age: string | undefined;
}

/** For how many seconds an answer is current (RFC 9111 §4.2); zero where it does not say, or wants to be kept by nobody. */
export function freshFor({ cacheControl = '', expires, date, age }: FreshnessHeaders): number {
  const directives = new Map(cacheControl.split(',').map(directive));
  if (directives.has('no-store') || directives.has('no-cache')) return 0;
  const lifetime =
    secondsOf(directives.get('s-maxage')) ??
    secondsOf(directives.get('max-age')) ??
    untilExpiry(expires, date);
  return Math.max(0, lifetime - (secondsOf(age) ?? 0));
}

function directive(text: string): [string, string] {
  const [name = '', value = ''] = text.split('=');
  return [name.trim().toLowerCase(), value.trim().replaceAll('"', '')];
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text.trim()) ? Number(text) : undefined;
}

/** Without the server's own clock the end means nothing: ours may differ. */
function untilExpiry(expires: string | undefined, date: string | undefined): number {
  const length = (Date.parse(expires ?? '') - Date.parse(date ?? '')) / 1000;
  return Number.isFinite(length) ? Math.floor(length) : 0;
}
