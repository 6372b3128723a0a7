import type { ReturnAddress } from '../domain/authorization-request.ts';
import type { OAuthError } from '../domain/oauth-error.ts';
import { type Result, success } from '../domain/result.ts';
import type { UpstreamTokens } from '../domain/upstream-tokens.ts';
import { flowFacts } from './events.ts';
import type { KeepGrant, ReturnedFlow } from './keep-grant.ts';
import type { MoveFlow, StepRefusal } from './move-flow.ts';
import type { Ports } from './ports.ts';

/** What the client is told: a code, or an error. */
export type AuthorizationOutcome =
  | { readonly type: 'code'; readonly address: ReturnAddress; readonly code: string }
  | { readonly type: 'error'; readonly address: ReturnAddress; readonly error: OAuthError };

/** Ends a flow with the upstream's tokens, or with the error that stands in their place. */
export type FinishFlow = (
  flow: ReturnedFlow,
  tokens: Result<UpstreamTokens, OAuthError>,
) => Promise<Result<AuthorizationOutcome, StepRefusal>>;

interface FinishParts {
  readonly ports: Pick<Ports, 'events'>;
  readonly move: MoveFlow;
  readonly keep: KeepGrant;
}

/** The last step of a flow. */
export function finishFlow({ ports, move, keep }: FinishParts): FinishFlow {
  return async (flow, tokens) => {
    const { id, request: address, subject } = flow;
    const granted = tokens.ok ? await keep(flow, tokens.value) : tokens;
    const ended = await move(id, { type: granted.ok ? 'granted' : 'failed' });
    if (!ended.ok) return ended;
    if (!granted.ok) return success({ type: 'error', address, error: granted.failure });
    const { grant, code } = granted.value;
    ports.events.emit({ type: 'code_issued', grant, subject, ...flowFacts(flow) });
    return success({ type: 'code', address, code });
  };
}
