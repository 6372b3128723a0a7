import type { Flow, FlowId } from '../domain/authorization-flow.ts';
import type { ReturnAddress } from '../domain/authorization-request.ts';
import { type FlowSecrets, flowSecrets, isSameSecret } from '../domain/flow-secrets.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { type Result, success } from '../domain/result.ts';
import { type Sha256, sha256 } from '../domain/secret-hash.ts';
import {
  asClientError,
  reasonOf,
  standInTokens,
  type UpstreamFailure,
} from '../domain/upstream-tokens.ts';
import type { FinishFlow } from './finish-flow.ts';
import type { ReturnedFlow } from './keep-grant.ts';
import type { MoveFlow, RefuseStep, StepRefusal } from './move-flow.ts';
import type { Ports } from './ports.ts';
import type { KnownUpstream } from './resolve-upstream.ts';
import type { SendUpstream } from './send-upstream.ts';

/** What a browser sends back from screen 1. */
export interface SignInForm {
  readonly flow: FlowId | undefined;
  /** The secret of the flow's cookie. */
  readonly cookie: string | undefined;
  readonly csrf: string | undefined;
  readonly decision: 'allow' | 'deny';
  readonly username: string;
  readonly password: string;
}

/** What comes after screen 1. */
export type SignInOutcome =
  /** On to screen 2: the URL at the upstream. */
  | { readonly type: 'upstream'; readonly url: string }
  /** Wrong name or password: the same page again. */
  | { readonly type: 'wrong_password'; readonly flow: Flow; readonly csrf: string }
  /** Back to the client, with a code: the upstream has no screen 2. */
  | { readonly type: 'code'; readonly address: ReturnAddress; readonly code: string }
  /** Back to the client, with an error. */
  | { readonly type: 'error'; readonly address: ReturnAddress; readonly error: OAuthError };

/** Takes the form of screen 1: sign-in and consent, or a no. */
export type SubmitSignIn = (form: SignInForm) => Promise<Result<SignInOutcome, StepRefusal>>;

interface SignInParts {
  readonly ports: Pick<Ports, 'random' | 'signIn' | 'events'>;
  readonly move: MoveFlow;
  readonly refuse: RefuseStep;
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
    return form.decision === 'deny'
      ? deny(parts, id, browser)
      : allow(parts, opened.value, browser, secrets, form);
  };
}

/** One form is both screens' answer: who it is, and that this client may have access. */
async function allow(
  parts: SignInParts,
  flow: Flow,
  browser: Sha256,
  secrets: FlowSecrets,
  { username, password }: SignInForm,
): Promise<Result<SignInOutcome, StepRefusal>> {
  const { signIn, events } = parts.ports;
  const subject = await signIn.verify(username, password);
  if (subject === undefined) {
    events.emit({ type: 'sign_in_refused', flow: flow.id });
    return success({ type: 'wrong_password', flow, csrf: secrets.csrf });
  }
  events.emit({ type: 'signed_in', flow: flow.id, subject });
  const yes = [
    { type: 'signed_in', browser, subject },
    { type: 'consented', browser },
  ] as const;
  const { upstream } = parts;
  if (upstream === undefined) {
    const returned = await parts.move(flow.id, ...yes, { type: 'returned', browser });
    return returned.ok ? finishAtOnce(parts, returned.value as ReturnedFlow) : returned;
  }
  const consented = await parts.move(flow.id, ...yes);
  return consented.ok ? goOn(parts, upstream, consented.value, secrets) : consented;
}

/** The grant needs upstream tokens to be whole; these are good for nothing else. */
function finishAtOnce(
  { ports, finish }: SignInParts,
  flow: ReturnedFlow,
): Promise<Result<SignInOutcome, StepRefusal>> {
  return finish(flow, success(standInTokens(ports.random.bytes(32))));
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
  flow: Flow,
  secrets: FlowSecrets,
): Promise<Result<SignInOutcome, StepRefusal>> {
  const resolved = await upstream.resolve();
  if (!resolved.ok) return giveUp(parts, flow, resolved.failure);
  const url = await parts.send(flow, secrets, resolved.value, false);
  return url.ok ? success({ type: 'upstream', url: url.value }) : url;
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
  return success({ type: 'error', address: flow.request, error: asClientError(cause) });
}
