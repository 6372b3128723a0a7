import { accountMark } from '../domain/account-mark.ts';
import type { Flow, FlowId, FlowOfUser } from '../domain/authorization-flow.ts';
import type { ReturnAddress } from '../domain/authorization-request.ts';
import { type FlowSecrets, flowSecrets, isSameSecret } from '../domain/flow-secrets.ts';
import type { Subject } from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { type Result, success } from '../domain/result.ts';
import { type Sha256, sha256 } from '../domain/secret-hash.ts';
import {
  asClientError,
  reasonOf,
  standInTokens,
  type UpstreamFailure,
} from '../domain/upstream-tokens.ts';
import { flowFacts } from './events.ts';
import type { FinishFlow } from './finish-flow.ts';
import type { ReturnedFlow } from './keep-grant.ts';
import type { MoveFlow, RefuseStep, StepRefusal } from './move-flow.ts';
import type { Ports } from './ports.ts';
import type { KnownUpstream } from './resolve-upstream.ts';
import type { SendUpstream } from './send-upstream.ts';
import type { Sessions } from './sessions.ts';
import type { SignInThrottle } from './sign-in-throttle.ts';

/** What a browser sends back from screen 1. */
export interface SignInForm {
  readonly flow: FlowId | undefined;
  /** The secret of the flow's cookie. */
  readonly cookie: string | undefined;
  readonly csrf: string | undefined;
  /** `switch`: the remembered user is not the one at the keyboard. */
  readonly decision: 'allow' | 'deny' | 'switch';
  readonly username: string;
  readonly password: string;
  /** The browser's remembered sign-in. */
  readonly session: string | undefined;
  /** Where the form comes from, as limits count it. */
  readonly from: string;
}

/** What comes after screen 1. */
export type SignInOutcome =
  /** On to screen 2: the URL at the upstream, and what the browser is to remember. */
  | { readonly type: 'upstream'; readonly url: string; readonly session: string | undefined }
  /** The same page again, with the form: a wrong name or password, another user, or a remembered sign-in that has ended. */
  | {
      readonly type: 'again';
      readonly flow: Flow;
      readonly csrf: string;
      readonly wrongPassword: boolean;
      /** Nothing was tried: after how many seconds it may be; absent where it was. */
      readonly wait?: number;
    }
  /** Back to the client, with a code, and what the browser is to remember: the upstream has no screen 2. */
  | {
      readonly type: 'code';
      readonly address: ReturnAddress;
      readonly code: string;
      readonly session: string | undefined;
    }
  /** Somebody has to register the gateway at the upstream first: the user is told, and the client gets the error if the user goes back. */
  | { readonly type: 'by_hand'; readonly address: ReturnAddress; readonly error: OAuthError }
  /** Back to the client, with an error. */
  | { readonly type: 'error'; readonly address: ReturnAddress; readonly error: OAuthError };

/** Takes the form of screen 1: sign-in and consent, or a no. */
export type SubmitSignIn = (form: SignInForm) => Promise<Result<SignInOutcome, StepRefusal>>;

interface SignInParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'signIn' | 'events'>;
  readonly move: MoveFlow;
  readonly refuse: RefuseStep;
  readonly throttle: SignInThrottle;
  readonly keys: GatewayKeys;
  readonly sessions: Sessions;
  /** Absent where the upstream has no authorization server: screen 1 is all there is. */
  readonly upstream: KnownUpstream | undefined;
  readonly send: SendUpstream;
  readonly finish: FinishFlow;
}

/** The use case behind POST /login/callback. Nothing reaches the upstream before the user has said yes. */
export function submitSignIn(parts: SignInParts): SubmitSignIn {
  const { move, refuse } = parts;
  return async (form) => {
    const { flow: id, cookie } = form;
    if (id === undefined || cookie === undefined) return refuse(id, 'wrong_browser');
    const secrets = flowSecrets(id, cookie);
    if (!isSameSecret(form.csrf, secrets.csrf)) return refuse(id, 'forged');
    const browser = sha256(cookie);
    // Whose flow it is comes before any password.
    const opened = await move(id, { type: 'reopened', browser });
    if (!opened.ok) return opened;
    switch (form.decision) {
      case 'deny':
        return deny(parts, id, browser);
      case 'switch':
        return success({ ...again(opened.value, secrets), wrongPassword: false });
      case 'allow':
        return allow(parts, opened.value, browser, secrets, form);
    }
  };
}

function again(flow: Flow, { csrf }: FlowSecrets) {
  return { type: 'again', flow, csrf } as const;
}

/** One form is both screens' answer: who it is, and that this client may have access. */
async function allow(
  parts: SignInParts,
  flow: Flow,
  browser: Sha256,
  secrets: FlowSecrets,
  form: SignInForm,
): Promise<Result<SignInOutcome, StepRefusal>> {
  const { ports, sessions } = parts;
  const { events } = ports;
  const byPassword = isByPassword(flow, form);
  const checked = byPassword ? await checkPassword(parts, form) : undefined;
  const subject = checked ? checked.subject : await sessions.recall(form.session);
  if (subject === undefined) {
    if (checked !== undefined) {
      const { account, reason } = checked;
      events.emit({ type: 'sign_in_refused', account, reason, ...flowFacts(flow) });
    }
    const outcome = {
      ...again(flow, secrets),
      wrongPassword: checked?.wait === undefined && byPassword,
    };
    return success(checked?.wait === undefined ? outcome : { ...outcome, wait: checked.wait });
  }
  events.emit({ type: 'signed_in', subject, ...flowFacts(flow) });
  const yes = [
    { type: 'signed_in', browser, subject },
    { type: 'consented', browser },
  ] as const;
  // Remembered from the password on: however often a session is used, it lasts no longer.
  const remember = () => (byPassword ? sessions.remember(subject) : undefined);
  const { upstream } = parts;
  if (upstream === undefined) {
    const returned = await parts.move(flow.id, ...yes, { type: 'returned', browser });
    return returned.ok ? finishAtOnce(parts, returned.value as ReturnedFlow, remember()) : returned;
  }
  const consented = await parts.move(flow.id, ...yes);
  if (!consented.ok) return consented;
  return goOn(parts, upstream, consented.value as FlowOfUser, secrets, remember());
}

interface CheckedPassword {
  readonly subject: Subject | undefined;
  /** The first characters of the name's mark. */
  readonly account: string;
  readonly reason: 'wrong_password' | 'too_many_attempts';
  readonly wait: number | undefined;
}

async function checkPassword(
  { ports, throttle, keys }: SignInParts,
  { username, password, from }: SignInForm,
): Promise<CheckedPassword> {
  const mark = accountMark(username, keys);
  const account = mark.slice(0, 8);
  const admission = await throttle(mark, from);
  if (admission.type === 'wait') {
    return { subject: undefined, account, reason: 'too_many_attempts', wait: admission.length };
  }
  let isFailure = false;
  try {
    if (admission.pause > 0) await ports.clock.sleep(admission.pause * 1000);
    const subject = await ports.signIn.verify(username, password);
    isFailure = subject === undefined;
    return { subject, account, reason: 'wrong_password', wait: undefined };
  } finally {
    await admission.over(isFailure);
  }
}

/** The grant needs upstream tokens to be whole; these are good for nothing else. */
async function finishAtOnce(
  { ports, finish }: SignInParts,
  flow: ReturnedFlow,
  session: string | undefined,
): Promise<Result<SignInOutcome, StepRefusal>> {
  const finished = await finish(flow, success(standInTokens(ports.random.bytes(32))));
  if (!finished.ok) return finished;
  const outcome = finished.value;
  return success(outcome.type === 'code' ? { ...outcome, session } : outcome);
}

/** By the password where one was given, or the client wants a fresh sign-in; else by the one that the browser remembers. */
function isByPassword({ request }: Flow, { username, password }: SignInForm): boolean {
  return username !== '' || password !== '' || request.freshSignIn;
}

async function deny(
  { ports, move }: SignInParts,
  id: FlowId,
  browser: Sha256,
): Promise<Result<SignInOutcome, StepRefusal>> {
  const denied = await move(id, { type: 'denied', browser });
  if (!denied.ok) return denied;
  ports.events.emit({ type: 'authorization_denied', flow: id, by: 'user' });
  const error = oauthError('access_denied', 'The user did not allow the access.');
  return success({ type: 'error', address: denied.value.request, error });
}

async function goOn(
  parts: SignInParts,
  upstream: KnownUpstream,
  flow: FlowOfUser,
  secrets: FlowSecrets,
  session: string | undefined,
): Promise<Result<SignInOutcome, StepRefusal>> {
  const resolved = await upstream.resolve();
  if (!resolved.ok) return giveUp(parts, flow, resolved.failure);
  const url = await parts.send(flow, secrets, resolved.value, false);
  return url.ok ? success({ type: 'upstream', url: url.value, session }) : url;
}

async function giveUp(
  { ports, move }: SignInParts,
  flow: Flow,
  cause: UpstreamFailure,
): Promise<Result<SignInOutcome, StepRefusal>> {
  ports.events.emit({
    type: 'upstream_failed',
    flow: flow.id,
    grant: undefined,
    reason: reasonOf(cause),
  });
  const ended = await move(flow.id, { type: 'failed' });
  if (!ended.ok) return ended;
  const type = cause.kind === 'unusable' && cause.byHand ? 'by_hand' : 'error';
  return success({ type, address: flow.request, error: asClientError(cause) });
}
