import { keyUrlFault } from '../domain/client-document.ts';
import type { TokenPolicy } from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import type { Seconds } from '../domain/lifetime.ts';
import { clientDocumentUrl } from '../domain/metadata.ts';
import { type AdministerGrants, administerGrants } from './administer-grants.ts';
import { advanceGrant } from './advance-grant.ts';
import { type AuthenticateClient, authenticateClient } from './authenticate-client.ts';
import { authorizeMcpCall } from './authorize-mcp-call.ts';
import { type BeginAuthorization, beginAuthorization } from './begin-authorization.ts';
import { checkAssertion } from './check-assertion.ts';
import { chooseScope } from './choose-scope.ts';
import { type DescribeResource, describeResource } from './describe-resource.ts';
import type { PageVisitor } from './diagnose-endpoints.ts';
import { type DiagnoseUpstream, diagnoseUpstream } from './diagnose-upstream.ts';
import { endGrantUseCase } from './end-grant.ts';
import { type ExchangeCode, exchangeCode } from './exchange-code.ts';
import { type ClientSources, findClient } from './find-client.ts';
import { finishFlow } from './finish-flow.ts';
import { type FlowLimits, flowCrowd } from './flow-crowd.ts';
import { type HeldRenewals, heldRenewals } from './held-renewals.ts';
import { type IntrospectToken, introspectToken } from './introspect-token.ts';
import { keepGrant } from './keep-grant.ts';
import { type LookAtUpstream, lookAtUpstream } from './look-at-upstream.ts';
import { moveFlow, refuseStep } from './move-flow.ts';
import { type OpenLogin, openLogin } from './open-login.ts';
import { orderRevocation } from './order-revocation.ts';
import type { Ports } from './ports.ts';
import { type RefreshTokens, refreshTokens } from './refresh-tokens.ts';
import {
  type RegisterClient,
  type RegistrationSettings,
  registerClientUseCase,
} from './register-client.ts';
import { type RelayMcpCall, relayMcpCall } from './relay-mcp-call.ts';
import { renewUpstreamTokens } from './renew-upstream-tokens.ts';
import { type KnownUpstream, knownUpstream } from './resolve-upstream.ts';
import { type ReturnFromUpstream, returnFromUpstream } from './return-from-upstream.ts';
import { type RevokeToken, revokeToken } from './revoke-token.ts';
import { revokeUpstream, type UpstreamRevocations } from './revoke-upstream.ts';
import { type ScopeToShow, scopeToShow } from './scope-to-show.ts';
import { sendUpstream } from './send-upstream.ts';
import { signInSessions } from './sessions.ts';
import { type SubmitSignIn, submitSignIn } from './sign-in.ts';
import { signInThrottle } from './sign-in-throttle.ts';
import { stepUps } from './step-ups.ts';
import { upstreamCredentials } from './upstream-credentials.ts';
import type { UpstreamSettings } from './upstream-settings.ts';

/** What the use cases have to know of the configuration. */
export interface UseCaseSettings {
  readonly policy: TokenPolicy;
  readonly flowTtl: Seconds;
  readonly flows: FlowLimits;
  /** How long a browser stays signed in; zero: not at all. */
  readonly sessionTtl: Seconds;
  readonly upstream: UpstreamSettings;
  readonly clients: ClientSources;
  readonly registration: RegistrationSettings;
  /** The MCP URL that grants are bound to, in its canonical spelling: known once the gateway listens. */
  readonly resource: () => string;
  /** The redirect URI at the upstream: known once the gateway listens. */
  readonly callbackUrl: () => string;
  /** Where clients reach the gateway, if the operator said so. */
  readonly publicUrl: string | undefined;
  readonly keys: GatewayKeys;
}

/** Every use case that an adapter drives. */
export interface UseCases {
  readonly register: RegisterClient;
  readonly begin: BeginAuthorization;
  readonly openLogin: OpenLogin;
  readonly scopeToShow: ScopeToShow;
  readonly resource: DescribeResource;
  readonly lookAtUpstream: LookAtUpstream;
  readonly submitSignIn: SubmitSignIn;
  readonly returnFromUpstream: ReturnFromUpstream;
  readonly authenticate: AuthenticateClient;
  readonly exchange: ExchangeCode;
  readonly refresh: RefreshTokens;
  readonly revoke: RevokeToken;
  /** What goes on in the background; the others need nobody to begin or stop them. */
  readonly revocations: Pick<UpstreamRevocations, 'takeUp' | 'stop'>;
  readonly renewals: Pick<HeldRenewals, 'stop'>;
  readonly introspect: IntrospectToken;
  readonly relay: RelayMcpCall;
  readonly administer: AdministerGrants;
}

/** Builds the use cases over their ports, each of what it needs and no more. */
export function useCases(ports: Ports, settings: UseCaseSettings): UseCases {
  const { policy, flowTtl, resource, callbackUrl, keys } = settings;
  const { scope, limits, auth } = settings.upstream;
  const ownOrigin = () => new URL(callbackUrl()).origin;
  const find = findClient(ports, settings.clients, ownOrigin);
  const keyFault = (url: string) => keyUrlFault(url, settings.clients.documents, ownOrigin());
  const refuse = refuseStep(ports);
  const move = moveFlow(ports, refuse);
  const sessions = signInSessions(ports, keys, settings.sessionTtl);
  const upstream = upstreamOf(ports, settings);
  const usesTokens = auth === 'oauth';
  const enabled = settings.upstream.revocation !== 'off';
  const revocations = revokeUpstream({ ports, upstream, keys, policy, enabled });
  const endGrant = endGrantUseCase({ ports, revokeUpstream: revocations.begin, keys, policy });
  const order = orderRevocation({ ports, revokeUpstream: revocations.begin, keys, policy });
  const commit = { ports, orderRevocation: order, keys, policy };
  const renewals = heldRenewals({ ...commit, callLimit: limits.call });
  const renew = renewUpstreamTokens({
    ...commit,
    ports,
    upstream,
    usesTokens,
    endGrant,
    held: renewals,
    callLimit: limits.call,
  });
  const advance = advanceGrant({ ports, renew, endGrant, keys, policy });
  const access = authorizeMcpCall({ ports, renew, upstream, resource, keys, policy });
  const demands = stepUps(ports);
  const choose = chooseScope(scope, demands);
  const send = sendUpstream({ ports, move, callbackUrl, chooseScope: choose });
  const finish = finishFlow({ ports, move, keep: keepGrant({ ports, keys, policy }) });
  const screenTwo = usesTokens ? upstream : undefined;
  return {
    register: registerClientUseCase(ports, settings.registration, keyFault),
    begin: beginAuthorization(ports, find, flowTtl, flowCrowd(ports, settings.flows)),
    openLogin: openLogin(ports, move, sessions),
    scopeToShow: scopeToShow(screenTwo, choose),
    resource: describeResource({ upstream: screenTwo, configured: scope }),
    lookAtUpstream: lookAtUpstream(ports, screenTwo),
    submitSignIn: submitSignIn({
      throttle: signInThrottle(ports),
      keys,
      ports,
      move,
      refuse,
      sessions,
      upstream: screenTwo,
      send,
      finish,
    }),
    returnFromUpstream: returnFromUpstream({
      ports,
      move,
      refuse,
      upstream,
      send,
      finish,
      callbackUrl,
    }),
    authenticate: authenticateClient(
      ports,
      find,
      checkAssertion(ports, policy.clockSkew, keyFault),
    ),
    exchange: exchangeCode({ ports, advance, endGrant, keys, policy }),
    refresh: refreshTokens({ ports, advance, endGrant, keys, policy }),
    introspect: introspectToken(ports, policy, resource),
    revocations,
    renewals,
    revoke: revokeToken({ ports, endGrant, keys }),
    administer: administerGrants(ports, endGrant),
    relay: relayMcpCall({
      resourceServer: ports.resourceServer,
      access,
      usesTokens,
      stepUps: demands,
    }),
  };
}

type UpstreamPorts = Pick<Ports, 'clock' | 'random' | 'store' | 'authorizationServer' | 'events'>;
type UpstreamParts = Pick<UseCaseSettings, 'upstream' | 'callbackUrl' | 'publicUrl' | 'keys'>;

/** Builds what walks the upstream without a user, over ports of its own. */
export function doctor(
  ports: UpstreamPorts,
  settings: UpstreamParts,
  pages: PageVisitor,
): DiagnoseUpstream {
  const { upstream, callbackUrl } = settings;
  return diagnoseUpstream({
    ports,
    settings: upstream,
    upstream: upstreamOf(ports, settings),
    pages,
    callbackUrl,
    documentUrl: clientDocumentUrl(settings.publicUrl),
  });
}

function upstreamOf(ports: UpstreamPorts, settings: UpstreamParts): KnownUpstream {
  const { upstream, callbackUrl, publicUrl, keys } = settings;
  const documentUrl = () => clientDocumentUrl(publicUrl);
  const credentials = upstreamCredentials({
    ports,
    settings: upstream,
    callbackUrl,
    documentUrl,
    keys,
  });
  return knownUpstream({ ports, settings: upstream, credentials });
}
