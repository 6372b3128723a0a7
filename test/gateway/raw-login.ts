import type { Stage } from './fake-stage.ts';
import { credentials } from './gateway-setup.ts';
import { type Answer, authorizationUrl, type Registered, send } from './raw-client.ts';

const html = { accept: 'text/html' };

/** What a login of bare requests may be told. */
export interface RawLoginOptions {
  /** The name and password that are typed. */
  readonly typed?: Readonly<Record<string, string>>;
  /** Hears each answer. */
  readonly heard?: (answer: Answer) => void;
  /** The client's state. */
  readonly state?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A login that has come to screen 2. */
export interface RawLogin {
  readonly flow: string;
  readonly cookie: string;
  /** The answer to the form of screen 1. */
  readonly signedIn: Answer;
  /** The browser comes back from screen 2 with a yes. */
  back(): Promise<Answer>;
}

/** Goes through screen 1 request by request, as a browser would, and waits at screen 2. */
export async function rawLogin(
  { base, as }: Pick<Stage, 'base' | 'as'>,
  client: Registered,
  options: RawLoginOptions = {},
): Promise<RawLogin> {
  const { typed = credentials, heard = () => {}, state = 'x', headers = {} } = options;
  const sent = async (url: string, more: Parameters<typeof send>[1] = {}) => {
    const answer = await send(url, { ...more, headers: { ...html, ...headers, ...more.headers } });
    heard(answer);
    return answer;
  };
  const begun = await sent(authorizationUrl(base, client, { state }));
  const screen = await sent(begun.headers.location ?? '');
  const cookie = screen.setCookies[0]?.split(';')[0] ?? '';
  const value = (pattern: RegExp) => pattern.exec(screen.text)?.[1] ?? '';
  const flow = value(/name="flow" value="([^"]*)"/);
  const action = new URL(value(/action="([^"]*)"/), begun.headers.location).href;
  const signedIn = await sent(action, {
    method: 'POST',
    headers: { cookie },
    body: { flow, csrf: value(/name="csrf" value="([^"]*)"/), decision: 'allow', ...typed },
  });
  const back = () => sent(as.approve(signedIn.headers.location ?? ''), { headers: { cookie } });
  return { flow, cookie, signedIn, back };
}

/** The code that the client is called back with. */
export function codeOf(answer: Answer): string {
  return new URL(answer.headers.location ?? '').searchParams.get('code') ?? '';
}
