import type { ClientRequest } from './authorization-request.ts';
import type { Brand } from './brand.ts';
import type { Subject } from './grant.ts';
import { after, type EpochSeconds, isExpired, seconds } from './lifetime.ts';
import { failure, type Result, success } from './result.ts';
import { type Sha256, sameHash } from './secret-hash.ts';
import type { UpstreamBinding } from './upstream-request.ts';

/** The name of one authorization attempt: 22 base64url characters. Known to the browser, and no secret. */
export type FlowId = Brand<string, 'FlowId'>;

interface FlowBase {
  readonly id: FlowId;
  readonly request: ClientRequest;
  readonly expiresAt: EpochSeconds;
}

/** The browser that opened the flow: the hash of its cookie's secret. No other may take any further step. */
interface OwnedFlow extends FlowBase {
  readonly browser: Sha256;
}

/** What the upstream was asked for when the browser was sent there: its answer is judged by it, and the token request repeats it. */
export interface UpstreamAsk {
  readonly binding: UpstreamBinding;
  /** Whether the browser was sent there a second time, since something about the first request was wrong. */
  readonly again: boolean;
}

/** One authorization attempt, stage by stage; each stage holds exactly what the next one needs. */
export type Flow =
  /** The request was accepted; no browser has come to /login yet. */
  | (FlowBase & { readonly stage: 'started' })
  /** Screen 1 is open in one browser. */
  | (OwnedFlow & { readonly stage: 'sign_in' })
  /** Somebody signed in, and has not yet said whether the client may have access. */
  | (OwnedFlow & { readonly stage: 'consent'; readonly subject: Subject })
  /** The user said yes; the browser is on its way to the upstream, or there (screen 2). */
  | (OwnedFlow & {
      readonly stage: 'upstream';
      readonly subject: Subject;
      /** Absent until the browser is sent. */
      readonly ask: UpstreamAsk | undefined;
    })
  /** The browser is back, and one process is exchanging the upstream's code. An upstream without an authorization server is asked nothing. */
  | (OwnedFlow & {
      readonly stage: 'returned';
      readonly subject: Subject;
      readonly ask: UpstreamAsk | undefined;
    })
  /** The client was given a code, or an error. */
  | (FlowBase & { readonly stage: 'finished' });

/** A flow in which somebody has signed in. */
export type FlowOfUser = Extract<Flow, { readonly subject: Subject }>;

/** What can happen to a flow. */
export type FlowEvent =
  | { readonly type: 'opened'; readonly browser: Sha256 }
  | { readonly type: 'reopened'; readonly browser: Sha256 }
  | { readonly type: 'signed_in'; readonly browser: Sha256; readonly subject: Subject }
  | { readonly type: 'consented'; readonly browser: Sha256 }
  | { readonly type: 'denied'; readonly browser: Sha256 }
  | { readonly type: 'sent'; readonly ask: UpstreamAsk }
  | { readonly type: 'returned'; readonly browser: Sha256 }
  | { readonly type: 'granted' }
  | { readonly type: 'failed' };

/** Why a step is refused. The user is told by a page; the flow stays as it is. */
export type FlowRefusal = 'expired' | 'wrong_browser' | 'already_finished' | 'out_of_order';

/** Until when the store has to keep a flow: for ten minutes past its end a browser that comes late is told what happened. */
export function flowKeptUntil({ expiresAt }: Flow): EpochSeconds {
  return after(expiresAt, seconds(600));
}

/** The only way a flow moves: one pure transition per event. */
export function nextStage(
  flow: Flow,
  event: FlowEvent,
  now: EpochSeconds,
): Result<Flow, FlowRefusal> {
  const refusal = refusalOf(flow, event, now);
  return refusal === undefined ? transition(flow, event) : failure(refusal);
}

/** What no stage allows: a step too late, or by another browser. */
function refusalOf(flow: Flow, event: FlowEvent, now: EpochSeconds): FlowRefusal | undefined {
  if (isExpired(flow.expiresAt, now)) return 'expired';
  if (flow.stage === 'finished') return 'already_finished';
  if (!('browser' in event && 'browser' in flow)) return undefined;
  return sameHash(event.browser, flow.browser) ? undefined : 'wrong_browser';
}

function transition(flow: Flow, event: FlowEvent): Result<Flow, FlowRefusal> {
  switch (event.type) {
    case 'opened':
      return open(flow, event.browser);
    case 'reopened': // a reload, or the way back from the upstream's page
      return isAtScreenOne(flow) ? success(flow) : outOfOrder;
    case 'signed_in':
      return signIn(flow, event.subject);
    case 'consented':
      return flow.stage === 'consent'
        ? success({ ...flow, stage: 'upstream', ask: undefined })
        : outOfOrder;
    case 'denied':
      return isAtScreenOne(flow) ? success(finished(flow)) : outOfOrder;
    case 'sent':
      return send(flow, event.ask);
    case 'returned':
      return comeBack(flow);
    case 'granted':
      return flow.stage === 'returned' ? success(finished(flow)) : outOfOrder;
    case 'failed':
      return fail(flow);
  }
}

const outOfOrder = failure('out_of_order' as const);

/** The first browser to open a flow owns it. */
function open(flow: Flow, browser: Sha256): Result<Flow, FlowRefusal> {
  return flow.stage === 'started'
    ? success({ ...flow, stage: 'sign_in', browser })
    : failure('wrong_browser');
}

/** A user who went back from the upstream's page may sign in again, but has to consent again too. */
function signIn(flow: Flow, subject: Subject): Result<Flow, FlowRefusal> {
  if (!isAtScreenOne(flow)) return outOfOrder;
  const { id, request, expiresAt, browser } = flow;
  return success({ stage: 'consent', id, request, expiresAt, browser, subject });
}

/** The browser goes to the upstream once; a second time only after it came back, and marked as such, so that it never goes round in circles. */
function send(flow: Flow, ask: UpstreamAsk): Result<Flow, FlowRefusal> {
  const first = flow.stage === 'upstream' && flow.ask === undefined && !ask.again;
  if (first) return success({ ...flow, ask });
  const once = flow.stage === 'returned' && flow.ask?.again === false && ask.again;
  return once ? success({ ...flow, stage: 'upstream', ask }) : outOfOrder;
}

function isAtScreenOne(
  flow: Flow,
): flow is Extract<Flow, { stage: 'sign_in' | 'consent' | 'upstream' }> {
  return flow.stage === 'sign_in' || flow.stage === 'consent' || flow.stage === 'upstream';
}

/** Only the first return goes on: a reload or prefetch of the callback must not redeem the upstream's code twice. */
function comeBack(flow: Flow): Result<Flow, FlowRefusal> {
  if (flow.stage === 'returned') return failure('already_finished');
  return flow.stage === 'upstream' ? success({ ...flow, stage: 'returned' }) : outOfOrder;
}

/** The upstream can fail before the browser is sent there, and after it came back. */
function fail(flow: Flow): Result<Flow, FlowRefusal> {
  return flow.stage === 'upstream' || flow.stage === 'returned'
    ? success(finished(flow))
    : outOfOrder;
}

/** What stays of a flow that is over: enough to say so to a browser that comes back to it. */
function finished({ id, request, expiresAt }: Flow): Flow {
  return { stage: 'finished', id, request, expiresAt };
}
