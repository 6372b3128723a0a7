import { isIPv6 } from 'node:net';

/** True for names that never leave the machine: localhost, 127.0.0.0/8 and ::1. */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

/**
 * The host in its one spelling, IPv6 without brackets, or `undefined` when it is none.
 * `127.1` and `0:0:0:0:0:0:0:1` are spelled out, so that what is judged is what is listened on.
 */
export function normalHost(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, '$1');
  if (!isIPv6(bare) && /[\s:/?#@\\[\]%*]/.test(bare)) return undefined;
  const url = parsed(`http://${isIPv6(bare) ? `[${bare}]` : bare}`);
  return url?.hostname.replace(/^\[|\]$/g, '');
}

/** The origin of a host and a port, as a browser would write it. */
export function httpOrigin(host: string, port: number, scheme: 'http' | 'https' = 'http'): string {
  return new URL(`${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`).origin;
}

/** The address in `host:port` (IPv6 in brackets), or in `port` alone, which is on loopback then; `undefined` where there is none. */
export function listenAddress(
  text: string,
): { readonly host: string; readonly port: number } | undefined {
  const [, named, digits = ''] = /^(?:(\[[^\]]*\]|[^:]*):)?(\d{1,5})$/.exec(text.trim()) ?? [];
  const host = named === undefined ? '127.0.0.1' : normalHost(named);
  const port = Number(digits);
  return host === undefined || digits === '' || port > 65_535 ? undefined : { host, port };
}

/** Parts that the URL of a certain setting must not have. */
export type ForbiddenPart = 'query' | 'fragment' | 'odd path';

/** What is wrong with the text as an http(s) URL, as a sentence; `undefined` when nothing is. */
export function urlFault(
  text: string,
  example: string,
  forbidden: readonly ForbiddenPart[],
): string | undefined {
  const url = parsed(text);
  // `new URL` forgives spaces, backslashes and missing slashes; the next reader of the text may not.
  if (url === undefined || !/^https?:\/\/[^/?#\\]/i.test(text) || /[\s\p{Cc}\\]/u.test(text)) {
    return `${shownUrl(text)} is not a URL; give one that begins with https://, for example ${example}.`;
  }
  if (/^https?:\/\/[^/?#]*@/i.test(text)) {
    return `${shownUrl(text)} holds a user name or password; take out what stands before the @.`;
  }
  if (forbidden.includes('fragment') && text.includes('#')) {
    return `${shownUrl(text)} has a fragment, which is never sent; take out the # and what follows.`;
  }
  if (forbidden.includes('query') && text.includes('?')) {
    return `${shownUrl(text)} has a query, which does not belong here; take out the ? and what follows.`;
  }
  if (forbidden.includes('odd path') && !/^(\/[\w.~-]+)*\/?$/.test(url.pathname)) {
    return `${shownUrl(text)} has a path that proxies and cookies would not agree on; use letters, digits and - _ . ~ between slashes.`;
  }
  return undefined;
}

/** Why tokens must not travel to this (well-formed) URL; `undefined` when they may. */
export function clearTextFault(text: string): string | undefined {
  const url = parsed(text);
  if (url === undefined || url.protocol === 'https:' || isLoopback(url.hostname)) return undefined;
  return `${shownUrl(text)} would carry tokens in the clear; use https:// (http:// is for localhost, 127.x.x.x and ::1 only)`;
}

/** The URL as it may be shown: a query can hold a key. */
export function withoutQuery(url: string): string {
  return url.replace(/\?[^#]+/, '?…');
}

/** A value quoted for a sentence: on one line and not too long. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 100 ? `${value.slice(0, 99)}…` : value);
}

/** Whatever stands before an @ may be a password, also where the text is no proper URL. */
function shownUrl(text: string): string {
  return quoted(withoutQuery(text.replace(/^([a-z]+:\/*)?.*@/is, '$1…@')));
}

function parsed(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
