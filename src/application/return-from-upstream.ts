import type { Flow } from '../domain/authorization-flow.ts';
import type { ReturnAddress } from '../domain/authorization-request.ts';
import { flowOfState, flowSecrets, isSameSecret } from '../domain/flow-secrets.ts';
import { keptUntil, type TokenPolicy } from '../domain/grant.ts';
import { type GrantSecrets, issueGrant } from '../domain/grant-code.ts';
import { dataKey, type GatewayKeys } from '../domain/grant-keys.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { type Scope, scopeToAsk } from '../domain/scope.ts';
import { sha256 } from '../domain/secret-hash.ts';
import { type GrantId, grantOfFlow, spellGatewayToken, tokenSecret } from '../domain/token-pair.ts';
import { isIssuerOf, scopesOf, tokenRequest } from '../domain/upstream-server.ts';
import {
  asClientError,
  reasonOf,
  tokensOf,
  type UpstreamFailure,
  type UpstreamTokens,
} from '../domain/upstream-tokens.ts';
import { flowFacts } from './events.ts';
import type { MoveFlow, RefuseStep, StepRefusal } from './move-flow.ts';
import type { Ports } from './ports.ts';
import type { ResolveUpstream } from './resolve-upstream.ts';

/** The upstream's authorization response (RFC 6749 §4.1.2, RFC 9207 §2), and the cookie secret of the flow that its state names. */
export interface UpstreamReturn {
  readonly state: string | undefined;
  readonly cookie: string | undefined;
  readonly code: string | undefined;
  readonly error: string | undefined;
  readonly errorDescription: string | undefined;
  readonly issuer: string | undefined;
}

/** What the client is told: a code, or an error. */
export type AuthorizationOutcome =
  | { readonly type: 'code'; readonly address: ReturnAddress; readonly code: string }
  | { readonly type: 'error'; readonly address: ReturnAddress; readonly error: OAuthError };

/** Ends a flow when the browser comes back from screen 2. */
export type ReturnFromUpstream = (
  response: UpstreamReturn,
) => Promise<Result<AuthorizationOutcome, StepRefusal>>;

interface ReturnParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'store' | 'authorizationServer' | 'events'>;
  readonly move: MoveFlow;
  readonly refuse: RefuseStep;
  readonly resolve: ResolveUpstream;
  readonly callbackUrl: () => string;
  /** Set by the operator: beats whatever the client asks for. */
  readonly scope: Scope | undefined;
  readonly keys: GatewayKeys;
  readonly policy: TokenPolicy;
}

type ReturnedFlow = Extract<Flow, { stage: 'returned' }>;

/** The use case behind GET /upstream/callback. */
export function returnFromUpstream(parts: ReturnParts): ReturnFromUpstream {
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
    return finish(parts, flow, response, secrets.verifier);
  };
}

async function finish(
  parts: ReturnParts,
  flow: ReturnedFlow,
  response: UpstreamReturn,
  verifier: string,
): Promise<Result<AuthorizationOutcome, StepRefusal>> {
  const { id, request: address, subject } = flow;
  const granted = await grantFor(parts, flow, response, verifier);
  const ended = await parts.move(id, { type: granted.ok ? 'granted' : 'failed' });
  if (!ended.ok) return ended;
  if (!granted.ok) return success({ type: 'error', address, error: granted.failure });
  const { grant, code } = granted.value;
  parts.ports.events.emit({ type: 'code_issued', grant, subject, ...flowFacts(flow) });
  return success({ type: 'code', address, code });
}

interface IssuedCode {
  readonly grant: GrantId;
  readonly code: string;
}

async function grantFor(
  parts: ReturnParts,
  flow: ReturnedFlow,
  response: UpstreamReturn,
  verifier: string,
): Promise<Result<IssuedCode, OAuthError>> {
  const tokens = await redeem(parts, flow, response, verifier);
  if (tokens.ok) return keepGrant(parts, flow, tokens.value);
  const { failure: cause } = tokens;
  const denied = cause.kind === 'refused' && cause.error === 'access_denied';
  parts.ports.events.emit(
    denied
      ? { type: 'authorization_denied', flow: flow.id, by: 'upstream' }
      : { type: 'upstream_failed', flow: flow.id, grant: undefined, reason: reasonOf(cause) },
  );
  return failure(asClientError(cause));
}

/** Exchanges the upstream's code. A response of another issuer is not used, nor is anything of it shown (RFC 9207 §2.4). */
async function redeem(
  { ports, resolve, callbackUrl, scope: configured }: ReturnParts,
  { request }: ReturnedFlow,
  response: UpstreamReturn,
  verifier: string,
): Promise<Result<UpstreamTokens, UpstreamFailure>> {
  const upstream = await resolve();
  if (!upstream.ok) return upstream;
  if (!isIssuerOf(upstream.value.server, response.issuer)) {
    return failure({ kind: 'unusable', reason: 'The answer came from another upstream server.' });
  }
  if (response.error !== undefined || response.code === undefined) {
    const { error = 'invalid_response', errorDescription: description } = response;
    return failure({ kind: 'refused', error, description });
  }
  const askedAt = ports.clock.now();
  const answer = await ports.authorizationServer.requestTokens(
    upstream.value,
    tokenRequest(upstream.value, {
      grant_type: 'authorization_code',
      code: response.code,
      redirect_uri: callbackUrl(),
      code_verifier: verifier,
    }),
  );
  if (!answer.ok) return answer;
  const tokens = tokensOf(answer.value, askedAt);
  // RFC 6749 §5.1: an answer without a scope means that all that was asked for was granted.
  const asked = scopeToAsk(request.scope, scopesOf(upstream.value.server, configured));
  return success({ ...tokens, scope: tokens.scope ?? asked });
}

async function keepGrant(
  { ports, keys, policy }: ReturnParts,
  { id: flow, request, subject }: ReturnedFlow,
  tokens: UpstreamTokens,
): Promise<Result<IssuedCode, OAuthError>> {
  const { clientId, resource, redirectUri, challenge } = request;
  const id = grantOfFlow(flow);
  const secrets: GrantSecrets = {
    key: dataKey(ports.random.bytes(32)),
    code: tokenSecret(ports.random.bytes(32)),
    nonce: ports.random.bytes(12),
  };
  const allowed = { id, clientId, subject, resource, redirectUri, challenge };
  const grant = issueGrant(allowed, tokens, secrets, keys, policy, ports.clock.now());
  const outcome = await ports.store.grants.write(id, grant, undefined, keptUntil(grant, policy));
  return outcome.type === 'written'
    ? success({ grant: id, code: spellGatewayToken({ grant: id, secret: secrets.code }) })
    : failure(
        oauthError('temporarily_unavailable', 'Too many grants are in force: try later.', 60),
      );
}
