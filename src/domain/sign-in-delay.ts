import { type Seconds, seconds } from './lifetime.ts';

/** How often a sender and an account have failed of late. */
export interface SignInFailures {
  readonly bySender: number;
  readonly forAccount: number;
}

/** What a sign-in has to wait for. */
export type SignInDelay =
  /** It is tried, after a pause. */
  | { readonly type: 'pause'; readonly length: Seconds }
  /** It is not tried before this time has passed since the sender's last failure. */
  | { readonly type: 'wait'; readonly length: Seconds };

/** Failures that are anybody's slips. */
const freeForSender = 5;
const freeForAccount = 10;
const longestForSender = 300;
const longestForAccount = 60;

/**
 * The delay of a sign-in: it doubles with every failure of its sender, and of its account. Who has not failed is never turned away, however
 * often others have failed with the same account: a second is all that a guesser can cost the right user.
 */
export function signInDelay({ bySender, forAccount }: SignInFailures): SignInDelay {
  const account = doubled(forAccount - freeForAccount, longestForAccount);
  if (bySender === 0) return { type: 'pause', length: seconds(Math.min(1, account)) };
  const sender = doubled(bySender - freeForSender, longestForSender);
  return { type: 'wait', length: seconds(Math.max(sender, account)) };
}

/** 0 below nought, then 1, 2, 4 and so on. */
function doubled(steps: number, longest: number): number {
  return steps < 0 ? 0 : Math.min(longest, 2 ** steps);
}
