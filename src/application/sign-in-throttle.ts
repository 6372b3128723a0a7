import { after, seconds, timeLeft } from '../domain/lifetime.ts';
import { type SignInDelay, signInDelay } from '../domain/sign-in-delay.ts';
import { counter } from './counter.ts';
import type { Ports, Tally } from './ports.ts';

/** Whether credentials may be tried now. */
export type Admission =
  | { readonly type: 'wait'; readonly length: number }
  /** To be tried after a pause (seconds). It counts as a failure until it is taken back, so that many at once do not slip through together. */
  | { readonly type: 'try'; readonly pause: number; takeBack(): Promise<unknown> };

/** Asks for admission: with an account, known or not, by a name that tells a reader of the store nothing; and from a sender. */
export type SignInThrottle = (account: string, sender: string) => Promise<Admission>;

/** Failures are forgotten this long after the last one. */
const memory = seconds(900);

/** Throttles sign-ins, by what failed in all processes that can count together. */
export function signInThrottle(ports: Pick<Ports, 'clock' | 'store'>): SignInThrottle {
  const accounts = counter(ports, 'account', memory);
  const senders = counter(ports, 'sender', memory);
  return async (account, sender) => {
    for (;;) {
      const [bySender, forAccount] = await Promise.all([
        senders.read(sender),
        accounts.read(account),
      ]);
      const delay = signInDelay({ bySender: bySender.count, forAccount: forAccount.count });
      const left = waitLeft(delay, bySender, ports);
      if (left > 0) return { type: 'wait', length: left };
      const before = await senders.add(sender, bySender.count);
      // Another attempt of the same sender was faster: that one counts too.
      if (before.count !== bySender.count) continue;
      await accounts.add(account);
      return {
        type: 'try',
        pause: delay.type === 'pause' ? delay.length : 0,
        takeBack: () => Promise.all([accounts.takeBack(account), senders.takeBack(sender)]),
      };
    }
  };
}

function waitLeft(delay: SignInDelay, { last }: Tally, { clock }: Pick<Ports, 'clock'>): number {
  return delay.type === 'pause' ? 0 : timeLeft(after(last, delay.length), clock.now());
}
