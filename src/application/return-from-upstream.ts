import type { FlowId } from '../domain/authorization-flow.ts';
import {
  type FlowSecrets,
  flowOfState,
  flowSecrets,
  isSameSecret,
} from '../domain/flow-secrets.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { sha256 } from '../domain/secret-hash.ts';
import {
  codeRequest,
  isBoundTo,
  isClientRefusal,
  isResourceRefusal,
  type UpstreamBinding,
} from '../domain/upstream-request.ts';
import { isIssuerOf, serverName, type Upstream } from '../domain/upstream-server.ts';
import {
  asClientError,
  reasonOf,
  refusal,
  tokensOf,
  type UpstreamFailure,
  type UpstreamTokens,
} from '../domain/upstream-tokens.ts';
import { flowFacts } from './events.ts';
import type { AuthorizationOutcome, FinishFlow } from './finish-flow.ts';
import type { ReturnedFlow } from './keep-grant.ts';
import type { MoveFlow, RefuseStep, StepRefusal } from './move-flow.ts';
import type { Ports } from './ports.ts';
import type { KnownUpstream } from './resolve-upstream.ts';
import type { SendUpstream } from './send-upstream.ts';

/** The upstream's authorization response (RFC 6749 §4.1.2, RFC 9207 §2), and the cookie secret of the flow that its state names. */
export interface UpstreamReturn {
  readonly state: string | undefined;
  readonly cookie: string | undefined;
  readonly code: string | undefined;
  readonly error: string | undefined;
  readonly errorDescription: string | undefined;
  readonly issuer: string | undefined;
}

/** What comes after screen 2: back to the client, or once more to the upstream. */
export type ReturnOutcome =
  | AuthorizationOutcome
  | { readonly type: 'upstream'; readonly url: string };

/** Ends a flow when the browser comes back from screen 2. */
export type ReturnFromUpstream = (
  response: UpstreamReturn,
) => Promise<Result<ReturnOutcome, StepRefusal>>;

interface ReturnParts {
  readonly ports: Pick<Ports, 'clock' | 'authorizationServer' | 'events'>;
  readonly move: MoveFlow;
  readonly refuse: RefuseStep;
  readonly upstream: KnownUpstream;
  readonly send: SendUpstream;
  readonly finish: FinishFlow;
  readonly callbackUrl: () => string;
}

interface Returning extends ReturnParts {
  /** The last flow whose `resource` the token endpoint itself refused: what becomes of it without tells the others. */
  refusedResource: FlowId | undefined;
}

/** The use case behind GET /upstream/callback. */
export function returnFromUpstream(given: ReturnParts): ReturnFromUpstream {
  const parts: Returning = { ...given, refusedResource: undefined };
  const { move, refuse } = parts;
  return async (response) => {
    const id = flowOfState(response.state);
    if (id === undefined) return refuse(id, 'unknown');
    // Without a cookie no flow moves: it is another browser, or a reload after the cookie went with the end of its flow.
    const cookie = response.cookie ?? '';
    const secrets = flowSecrets(id, cookie);
    if (cookie !== '' && !isSameSecret(response.state, secrets.state)) return refuse(id, 'forged');
    const returned = await move(id, { type: 'returned', browser: sha256(cookie) });
    if (!returned.ok) return returned;
    const flow = returned.value as ReturnedFlow;
    const { error } = response;
    const { subject } = flow;
    parts.ports.events.emit({ type: 'upstream_returned', subject, error, ...flowFacts(flow) });
    return conclude(parts, flow, response, secrets);
  };
}

async function conclude(
  parts: Returning,
  flow: ReturnedFlow,
  response: UpstreamReturn,
  secrets: FlowSecrets,
): Promise<Result<ReturnOutcome, StepRefusal>> {
  const { ports, finish } = parts;
  const tokens = await redeem(parts, flow, response, secrets);
  if (tokens.ok) {
    const { binding } = tokens.value;
    if (binding !== undefined && flow.id === parts.refusedResource) {
      parts.upstream.leaveOutResource(binding.server);
    }
    return finish(flow, tokens);
  }
  const { failure: cause } = tokens;
  const denied = cause.kind === 'refused' && cause.error === 'access_denied';
  ports.events.emit(
    denied
      ? { type: 'authorization_denied', flow: flow.id, by: 'upstream' }
      : { type: 'upstream_failed', flow: flow.id, grant: undefined, reason: reasonOf(cause) },
  );
  const mended = await mend(parts, flow, cause, response);
  return mended === undefined
    ? finish(flow, failure(asClientError(cause)))
    : sendAgain(parts, flow, mended, secrets);
}

/** Exchanges the upstream's code. A response of another issuer is not used, nor is anything of it shown (RFC 9207 §2.4). */
async function redeem(
  { ports, upstream, callbackUrl }: ReturnParts,
  { ask }: ReturnedFlow,
  response: UpstreamReturn,
  { verifier }: FlowSecrets,
): Promise<Result<UpstreamTokens, UpstreamFailure>> {
  const resolved = await upstream.resolveFor(ask?.binding);
  if (!resolved.ok) return resolved;
  const foreign = foreignTo(resolved.value, ask?.binding, response);
  if (foreign !== undefined) return failure({ kind: 'unusable', reason: foreign });
  const binding = ask?.binding as UpstreamBinding; // a flow without one is foreign
  const { code } = response;
  if (response.error !== undefined || code === undefined) {
    return failure(refusal(response.error ?? 'invalid_response', response.errorDescription));
  }
  // The code was made for the client that was sent; the gateway may have registered anew since.
  if (!isBoundTo(binding, resolved.value)) return failure(refusal('invalid_client', undefined));
  const askedAt = ports.clock.now();
  const form = codeRequest(resolved.value, binding, {
    code,
    redirectUri: callbackUrl(),
    verifier,
  });
  const answer = await ports.authorizationServer.requestTokens(resolved.value, form);
  if (!answer.ok) {
    if (answer.failure.kind !== 'refused') upstream.doubt();
    return answer;
  }
  const tokens = tokensOf(answer.value, binding, askedAt);
  // RFC 6749 §5.1: an answer without a scope means that all that was asked for was granted.
  return success({ ...tokens, scope: tokens.scope ?? binding.scope });
}

/** Why a response cannot be the answer to what was asked. */
function foreignTo(
  { server }: Upstream,
  binding: UpstreamBinding | undefined,
  { issuer }: UpstreamReturn,
): string | undefined {
  if (binding?.server !== serverName(server)) {
    return 'The upstream changed its authorization server during the sign-in: start again.';
  }
  return isIssuerOf(server, issuer)
    ? undefined
    : 'The answer came from another upstream server: start again, and tell the operator if it happens again.';
}

/**
 * What to ask instead, for a failure that the gateway can do something about; it is then done once. An error that came through the browser
 * may be the user's own words: it changes this flow alone, and nothing that others rely on.
 */
async function mend(
  parts: Returning,
  { ask, id }: ReturnedFlow,
  cause: UpstreamFailure,
  response: UpstreamReturn,
): Promise<Upstream | undefined> {
  const { upstream } = parts;
  if (ask === undefined || ask.again) return undefined;
  const { resource, clientId } = ask.binding;
  const throughBrowser = response.error !== undefined;
  if (isResourceRefusal(cause) && resource !== undefined) {
    if (!upstream.mayLeaveOutResource()) return undefined;
    if (!throughBrowser) parts.refusedResource = id;
    return withoutResource(await upstream.resolve());
  }
  if (throughBrowser || !isClientRefusal(cause)) return undefined;
  return (await upstream.forgetClient(clientId)) ? valueIn(await upstream.resolve()) : undefined;
}

function withoutResource(resolved: Result<Upstream, UpstreamFailure>): Upstream | undefined {
  const upstream = valueIn(resolved);
  return upstream && { ...upstream, manners: { ...upstream.manners, resource: undefined } };
}

function valueIn<Value>(result: Result<Value, unknown>): Value | undefined {
  return result.ok ? result.value : undefined;
}

async function sendAgain(
  { send }: ReturnParts,
  flow: ReturnedFlow,
  upstream: Upstream,
  secrets: FlowSecrets,
): Promise<Result<ReturnOutcome, StepRefusal>> {
  const url = await send(flow, secrets, upstream, true);
  return url.ok ? success({ type: 'upstream', url: url.value }) : url;
}
