import { parseSetCookie } from 'cookie';

interface StoredCookie {
  readonly name: string;
  readonly value: string;
  readonly host: string;
  /** True when the server named no `Domain`: then the cookie is for this very host. */
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  readonly sameSite: 'lax' | 'strict' | 'none';
  /** Milliseconds since the epoch, or undefined for a cookie of the browser session. */
  readonly expiresAt: number | undefined;
}

/** What decides, beside the URL, which cookies go along. */
export interface CookieContext {
  readonly method: string;
  /** True when another site started this navigation, or stood in between (RFC 6265bis §5.2). */
  readonly crossSite: boolean;
}

/** The cookies of one browser, kept as RFC 6265bis says. Ports do not separate cookies. */
export class CookieJar {
  #cookies: StoredCookie[] = [];

  /** Takes in the `Set-Cookie` lines of an answer; what a browser would refuse is left out in silence. */
  store(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const cookie = readCookie(url, line);
      if (cookie === undefined) continue;
      this.#cookies = this.#cookies.filter((kept) => !isSameCookie(kept, cookie));
      if (!isGone(cookie)) this.#cookies.push(cookie);
    }
  }

  /** The `Cookie` header for a request, or undefined when none fits. */
  header(url: URL, context: CookieContext): string | undefined {
    const fitting = this.#cookies
      .filter((cookie) => !isGone(cookie) && fits(cookie, url) && mayTravel(cookie, context))
      // RFC 6265 §5.4: longer paths first.
      .sort((a, b) => b.path.length - a.path.length);
    if (fitting.length === 0) return undefined;
    return fitting.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ');
  }

  /** Names and values of the living cookies a page at this URL would be sent. */
  at(url: string | URL): ReadonlyMap<string, string> {
    const living = this.#cookies.filter((cookie) => !isGone(cookie) && fits(cookie, new URL(url)));
    return new Map(living.map((cookie) => [cookie.name, cookie.value]));
  }

  /** Forgets everything, as a new private window. */
  clear(): void {
    this.#cookies = [];
  }
}

/** Whether two URLs belong to one site. Loopback names and addresses have no parent domain, so the host decides. */
export function isSameSite(a: URL, b: URL): boolean {
  return a.protocol === b.protocol && a.hostname === b.hostname;
}

function readCookie(url: URL, line: string): StoredCookie | undefined {
  const parsed = parseSetCookie(line, { decode: (text) => text });
  const secure = parsed.secure === true;
  const domain = parsed.domain?.replace(/^\./, '').toLowerCase();
  if (secure && !isTrustworthy(url)) return undefined;
  if (domain !== undefined && !isWithinDomain(url.hostname, domain)) return undefined;
  if (!keepsPrefixPromise(parsed.name, secure, secure && parsed.path === '/' && !domain)) {
    return undefined;
  }
  return {
    name: parsed.name,
    value: parsed.value ?? '',
    host: domain ?? url.hostname,
    hostOnly: domain === undefined,
    path: parsed.path?.startsWith('/') ? parsed.path : defaultPath(url),
    secure,
    sameSite: typeof parsed.sameSite === 'string' ? parsed.sameSite : 'lax',
    // Max-Age wins over Expires (RFC 6265 §4.1.2.2).
    expiresAt:
      parsed.maxAge === undefined ? parsed.expires?.getTime() : Date.now() + parsed.maxAge * 1000,
  };
}

/** RFC 6265bis §4.1.3: a name with one of these prefixes is refused unless it is what it says. */
function keepsPrefixPromise(name: string, isSecure: boolean, isBoundToHost: boolean): boolean {
  if (name.startsWith('__Host-')) return isBoundToHost;
  return isSecure || !name.startsWith('__Secure-');
}

function isSameCookie(a: StoredCookie, b: StoredCookie): boolean {
  return a.name === b.name && a.host === b.host && a.path === b.path;
}

function isGone(cookie: StoredCookie): boolean {
  return cookie.expiresAt !== undefined && cookie.expiresAt <= Date.now();
}

function fits(cookie: StoredCookie, url: URL): boolean {
  const host = cookie.hostOnly
    ? url.hostname === cookie.host
    : isWithinDomain(url.hostname, cookie.host);
  const path = cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`;
  const inPath = url.pathname === cookie.path || url.pathname.startsWith(path);
  return host && inPath && (!cookie.secure || isTrustworthy(url));
}

function mayTravel(cookie: StoredCookie, context: CookieContext): boolean {
  if (!context.crossSite || cookie.sameSite === 'none') return true;
  return cookie.sameSite === 'lax' && context.method === 'GET';
}

/** Browsers treat loopback as secure, so that development needs no certificate. */
function isTrustworthy(url: URL): boolean {
  return url.protocol === 'https:' || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
}

function isWithinDomain(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}

function defaultPath(url: URL): string {
  const end = url.pathname.lastIndexOf('/');
  return end <= 0 ? '/' : url.pathname.slice(0, end);
}
