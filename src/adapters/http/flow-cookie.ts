import type { IncomingMessage } from 'node:http';
import { parseCookie, stringifySetCookie } from 'cookie';
import type { Clock } from '../../application/ports.ts';
import type { FlowId } from '../../domain/authorization-flow.ts';
import { cookieNamePrefix, cookiePath } from './cookie-scope.ts';

/** The cookie that binds a flow to one browser: a short one per flow, so that two tabs do not disturb each other. */
export interface FlowCookies {
  /** The secret for this flow, where the browser has one. */
  read(request: IncomingMessage, flow: FlowId | undefined): string | undefined;
  /** `Set-Cookie` lines that give the browser its secret, and clear its oldest cookies beyond twenty. */
  give(request: IncomingMessage, flow: FlowId, secret: string): readonly string[];
  /** `Set-Cookie` lines that take it away again. */
  clear(flow: FlowId): readonly string[];
}

/** More flows than anybody has open in one browser. */
const mostCookies = 20;
const secretText = /^([A-Za-z0-9_-]{43})\.(\d{1,12})$/;

/** The cookies of a gateway under this URL; `lifetime` (seconds) is that of a flow. */
export function flowCookies(canonical: () => string, lifetime: number, clock: Clock): FlowCookies {
  const isSecure = () => canonical().startsWith('https:');
  const prefix = () => `${cookieNamePrefix(canonical())}mcp-flow-`;
  const line = (name: string, value: string, maxAge: number) =>
    stringifySetCookie({
      name,
      value,
      maxAge,
      path: cookiePath(canonical()),
      httpOnly: true,
      sameSite: 'lax',
      secure: isSecure(),
    });
  return {
    read(request, flow) {
      if (flow === undefined) return undefined;
      const value = parseCookie(request.headers.cookie ?? '')[prefix() + flow];
      return secretText.exec(value ?? '')?.[1];
    },
    give(request, flow, secret) {
      const name = prefix() + flow;
      const others = ownCookies(request, prefix()).filter((each) => each.name !== name);
      const surplus = others.slice(0, Math.max(0, others.length + 1 - mostCookies));
      const value = `${secret}.${clock.now()}`;
      return [line(name, value, lifetime), ...surplus.map((each) => line(each.name, '', 0))];
    },
    clear: (flow) => [line(prefix() + flow, '', 0)],
  };
}

/** The browser's cookies of ours, the oldest first; the time of issue stands in the value, since a browser tells nothing else of a cookie. */
function ownCookies(request: IncomingMessage, prefix: string) {
  return Object.entries(parseCookie(request.headers.cookie ?? ''))
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => ({ name, issuedAt: Number(secretText.exec(value ?? '')?.[2] ?? 0) }))
    .sort((left, right) => left.issuedAt - right.issuedAt);
}
