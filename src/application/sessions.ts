import type { Subject } from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import { after, type Seconds } from '../domain/lifetime.ts';
import { openSession, sealSession } from '../domain/sign-in-session.ts';
import type { Ports } from './ports.ts';

/** Remembers who signed in on a browser; where sessions are off it remembers nobody. */
export interface Sessions {
  /** What the browser is to keep; `undefined` where sessions are off. */
  remember(subject: Subject): string | undefined;
  /** Who the browser remembers, and may still sign in. */
  recall(session: string | undefined): Promise<Subject | undefined>;
}

/** Sessions of this length; zero is none. */
export function signInSessions(
  ports: Pick<Ports, 'clock' | 'random' | 'signIn'>,
  keys: GatewayKeys,
  length: Seconds,
): Sessions {
  return {
    remember: (subject) => {
      if (length === 0) return undefined;
      const until = after(ports.clock.now(), length);
      return sealSession(subject, until, ports.random.bytes(12), keys);
    },
    recall: async (session) => {
      if (length === 0 || session === undefined) return undefined;
      const subject = openSession(session, keys, ports.clock.now());
      const { signIn } = ports;
      return subject && (await signIn.isUser?.(subject)) !== false ? subject : undefined;
    },
  };
}
