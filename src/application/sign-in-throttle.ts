import { after, seconds, timeLeft } from '../domain/lifetime.ts';
import { type SignInDelay, signInDelay } from '../domain/sign-in-delay.ts';
import { type Counted, counter } from './counter.ts';
import type { Ports, Tally } from './ports.ts';

/** Whether credentials may be tried now. */
export type Admission =
  | { readonly type: 'wait'; readonly length: number }
  /** To be tried after a pause (seconds). It counts as a failure until it is over, so that many at once do not slip through together. */
  | { readonly type: 'try'; readonly pause: number; over(isFailure: boolean): Promise<void> };

/** Asks for admission: with an account, known or not, by a name that tells a reader of the store nothing; and from a sender. */
export type SignInThrottle = (account: string, sender: string) => Promise<Admission>;

/** Failures are forgotten this long after the last one. */
const memory = seconds(900);

/**
 * Throttles sign-ins, by what failed in all processes that can count together. Whoever would be turned away while others from the same address
 * are under way here waits for what comes of those: many people behind one address may sign in at once.
 */
export function signInThrottle(ports: Pick<Ports, 'clock' | 'store'>): SignInThrottle {
  const accounts = counter(ports, 'account', memory);
  const senders = counter(ports, 'sender', memory);
  const underWay = new UnderWay();
  const admitted = async (
    account: string,
    sender: string,
    pause: number,
    bySender: Counted,
  ): Promise<Admission> => {
    const end = underWay.begin(sender);
    const forAccount = await accounts.add(account);
    return {
      type: 'try',
      pause,
      over: async (isFailure) => {
        if (!isFailure) await Promise.all([forAccount.takeBack(), bySender.takeBack()]);
        end();
      },
    };
  };
  /** One look, and one try to be counted; absent where it has to be looked at anew. */
  const judged = async (account: string, sender: string): Promise<Admission | undefined> => {
    const [bySender, forAccount] = await Promise.all([
      senders.read(sender),
      accounts.read(account),
    ]);
    const delay = signInDelay({ bySender: bySender.count, forAccount: forAccount.count });
    const left = waitLeft(delay, bySender, ports);
    if (left > 0) return { type: 'wait', length: left };
    const counted = await senders.add(sender, bySender);
    // Where another attempt of the same sender was faster, that one counts too.
    if (counted === undefined) return undefined;
    return admitted(account, sender, delay.type === 'pause' ? delay.length : 0, counted);
  };
  return async (account, sender) => {
    for (;;) {
      const admission = await judged(account, sender);
      const change = admission?.type === 'wait' ? underWay.change(sender) : undefined;
      if (admission !== undefined && change === undefined) return admission;
      await change;
    }
  };
}

function waitLeft(delay: SignInDelay, { last }: Tally, { clock }: Pick<Ports, 'clock'>): number {
  return delay.type === 'pause' ? 0 : timeLeft(after(last, delay.length), clock.now());
}

/** The attempts of each sender that are not over, in this process. */
class UnderWay {
  readonly #bySender = new Map<string, { count: number; waiting: (() => void)[] }>();

  /** Counts one in; to be called when it is over. */
  begin(sender: string): () => void {
    const own = this.#bySender.get(sender) ?? { count: 0, waiting: [] };
    this.#bySender.set(sender, own);
    own.count += 1;
    return () => {
      own.count -= 1;
      if (own.count === 0) this.#bySender.delete(sender);
      for (const resume of own.waiting.splice(0)) resume();
    };
  }

  /** Resolves when one of a sender is over; absent where none is under way. */
  change(sender: string): Promise<void> | undefined {
    const own = this.#bySender.get(sender);
    return own && new Promise((resume) => own.waiting.push(resume));
  }
}
