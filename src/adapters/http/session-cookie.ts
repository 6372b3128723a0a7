import type { IncomingMessage } from 'node:http';
import { parseCookie, stringifySetCookie } from 'cookie';
import { cookieNamePrefix, cookiePath } from './cookie-scope.ts';

/** The cookie of a remembered sign-in; it goes to this host alone, and to no script. */
export interface SessionCookie {
  read(request: IncomingMessage): string | undefined;
  /** `Set-Cookie` lines that keep a session; none for none. */
  give(session: string | undefined): readonly string[];
  /** `Set-Cookie` lines that forget it. */
  clear(): readonly string[];
}

/** The session cookie of a gateway under this URL; `lifetime` in seconds, zero where sessions are off. */
export function sessionCookie(canonical: () => string, lifetime: number): SessionCookie {
  const isSecure = () => canonical().startsWith('https:');
  // Cookies do not tell ports apart, people run one gateway on each.
  const name = () => {
    const { port } = new URL(canonical());
    return `${cookieNamePrefix(canonical())}mcp-session${port && `-${port}`}`;
  };
  const line = (value: string, maxAge: number) =>
    stringifySetCookie({
      name: name(),
      value,
      maxAge,
      path: cookiePath(canonical()),
      httpOnly: true,
      sameSite: 'lax',
      secure: isSecure(),
    });
  return {
    read: (request) => parseCookie(request.headers.cookie ?? '')[name()],
    give: (session) => (session === undefined ? [] : [line(session, lifetime)]),
    clear: () => (lifetime === 0 ? [] : [line('', 0)]),
  };
}
