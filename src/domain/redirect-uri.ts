import type { Brand } from './brand.ts';
import { failure, type Result, success } from './result.ts';

/** A redirect URI that this gateway is willing to send a browser to, as the client spelled it. */
export type RedirectUri = Brand<string, 'RedirectUri'>;

const longest = 2048;
/** Browsers read a backslash as a slash, other parsers do not: where such a URI leads is a matter of opinion. */
const printable = /^[\x21-\x5b\x5d-\x7e]+$/;
const scheme = /^([a-z][a-z0-9+.-]*):/i;
/** Without `//` and a host a browser takes it as relative to the page that redirects: to this gateway. */
const relative = /^https?:(?!\/\/[^/?#])/i;
/** Loopback as RFC 8252 §7.3 has it. §8.3 advises against `localhost`, yet half of the native clients register it. */
const loopback = /^(https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\]))(?::\d{1,5})?([/?].*)?$/;
/** Schemes that make a browser run or read something instead of handing the code to an app. */
const dangerousSchemes = new Set([
  'about',
  'blob',
  'data',
  'file',
  'filesystem',
  'ftp',
  'jar',
  'javascript',
  'mailto',
  'vbscript',
  'view-source',
  'ws',
  'wss',
]);

/**
 * Checks a redirect URI at registration and again at /authorize: the same rule on both, so that nothing registers that
 * could not be used. The failure is a sentence for the developer.
 */
export function redirectUri(text: string): Result<RedirectUri, string> {
  const fault = faultOf(text);
  return fault === undefined ? success(text as RedirectUri) : failure(fault);
}

function faultOf(text: string): string | undefined {
  if (text.length > longest) return `A redirect URI has at most ${longest} characters.`;
  if (!printable.test(text))
    return 'A redirect URI has no spaces, backslashes, control or non-ASCII characters.';
  const name = scheme.exec(text)?.[1]?.toLowerCase();
  if (name === undefined || !URL.canParse(text) || relative.test(text)) {
    return 'A redirect URI must be an absolute URI.';
  }
  if (dangerousSchemes.has(name)) return `A redirect URI must not use the scheme "${name}:".`;
  if (text.includes('#')) return 'A redirect URI must not have a fragment (RFC 6749 §3.1.2).';
  if (text.includes('*'))
    return 'A redirect URI must not have a wildcard: register each one in full.';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || authorityOf(text).includes('@')) {
    return 'A redirect URI must not have user information.';
  }
  if (name === 'http' && !isLoopbackRedirect(text)) {
    return 'A redirect URI with http must be on loopback (127.0.0.1, [::1] or localhost): use https.';
  }
  return undefined;
}

function authorityOf(text: string): string {
  return /^[^:]+:\/\/([^/?]*)/.exec(text)?.[1] ?? '';
}

/** Whether a redirect URI leads to a program on the user's own computer that listens on a port. */
export function isLoopbackRedirect(text: string): boolean {
  return loopback.test(text);
}

/**
 * Whether a presented redirect URI is the registered one: the same string (RFC 9700 §2.1), or on loopback the same but
 * for the port (RFC 8252 §7.3). One loopback name never stands for another.
 */
export function sameRedirectUri(registered: string, presented: string): boolean {
  if (registered === presented) return true;
  const one = loopback.exec(registered);
  const other = loopback.exec(presented);
  return (
    one !== null && other !== null && one[1] === other[1] && (one[2] ?? '/') === (other[2] ?? '/')
  );
}

/** What a redirect URI leads to: a website, an app that claims its scheme, or a program on this computer that listens on a port. */
export type ReturnKind = 'website' | 'app' | 'loopback';

/** By the protocol alone: the path and host of an app's own scheme can be spelled like any website's. */
export function returnKind(uri: RedirectUri): ReturnKind {
  if (isLoopbackRedirect(uri)) return 'loopback';
  return new URL(uri).protocol === 'https:' ? 'website' : 'app';
}

/** Where the browser goes back to, as the consent page names it: the host, or scheme and host of an app's own scheme. */
export function returnHost(uri: RedirectUri): string {
  const url = new URL(uri);
  if (url.protocol === 'https:' || url.protocol === 'http:') return url.host;
  return url.host === '' ? url.protocol : `${url.protocol}//${url.host}`;
}

/** The redirect URI with the parameters of an authorization response added to its query (RFC 6749 §4.1.2). */
export function redirectWith(
  uri: RedirectUri,
  parameters: Readonly<Record<string, string | undefined>>,
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.append(name, value);
  }
  // Appended as text: a URL object would respell what the client registered. %20 for a space is read right by every parser, + is not.
  return `${uri}${uri.includes('?') ? '&' : '?'}${String(query).replaceAll('+', '%20')}`;
}
