import type { TokenPolicy } from '../domain/grant.ts';
import type { GatewayKeys } from '../domain/grant-keys.ts';
import type { Seconds } from '../domain/lifetime.ts';
import { advanceGrant } from './advance-grant.ts';
import { type AuthenticateClient, authenticateClient } from './authenticate-client.ts';
import { authorizeMcpCall } from './authorize-mcp-call.ts';
import { type BeginAuthorization, beginAuthorization } from './begin-authorization.ts';
import { endGrantUseCase } from './end-grant.ts';
import { type ExchangeCode, exchangeCode } from './exchange-code.ts';
import { moveFlow, refuseStep } from './move-flow.ts';
import { type OpenLogin, openLogin } from './open-login.ts';
import type { Ports } from './ports.ts';
import { type RefreshTokens, refreshTokens } from './refresh-tokens.ts';
import { type RegisterClient, registerClientUseCase } from './register-client.ts';
import { type RelayMcpCall, relayMcpCall } from './relay-mcp-call.ts';
import { renewUpstreamTokens } from './renew-upstream-tokens.ts';
import { resolveUpstream, type UpstreamSettings } from './resolve-upstream.ts';
import { type ReturnFromUpstream, returnFromUpstream } from './return-from-upstream.ts';
import { type SubmitSignIn, submitSignIn } from './sign-in.ts';

/** What the use cases have to know of the configuration. */
export interface UseCaseSettings {
  readonly policy: TokenPolicy;
  readonly flowTtl: Seconds;
  readonly upstream: UpstreamSettings;
  /** The redirect URI at the upstream: known once the gateway listens. */
  readonly callbackUrl: () => string;
  readonly keys: GatewayKeys;
}

/** Every use case that an adapter drives. */
export interface UseCases {
  readonly register: RegisterClient;
  readonly begin: BeginAuthorization;
  readonly openLogin: OpenLogin;
  readonly submitSignIn: SubmitSignIn;
  readonly returnFromUpstream: ReturnFromUpstream;
  readonly authenticate: AuthenticateClient;
  readonly exchange: ExchangeCode;
  readonly refresh: RefreshTokens;
  readonly relay: RelayMcpCall;
}

/** Builds the use cases over their ports, each of what it needs and no more. */
export function useCases(ports: Ports, settings: UseCaseSettings): UseCases {
  const { policy, flowTtl, upstream, callbackUrl, keys } = settings;
  const { scope } = upstream;
  const refuse = refuseStep(ports);
  const move = moveFlow(ports, refuse);
  const resolve = resolveUpstream(ports, upstream, callbackUrl, keys);
  const endGrant = endGrantUseCase(ports, policy);
  const renew = renewUpstreamTokens({ ports, resolve, endGrant, policy });
  const advance = advanceGrant({ ports, renew, endGrant, keys, policy });
  const access = authorizeMcpCall({ ports, renew, keys, policy });
  return {
    register: registerClientUseCase(ports),
    begin: beginAuthorization(ports, flowTtl),
    openLogin: openLogin(ports, move),
    submitSignIn: submitSignIn({ ports, move, refuse, resolve, callbackUrl, scope }),
    returnFromUpstream: returnFromUpstream({
      ports,
      move,
      refuse,
      resolve,
      callbackUrl,
      scope,
      keys,
      policy,
    }),
    authenticate: authenticateClient(ports),
    exchange: exchangeCode({ ports, advance, endGrant, keys }),
    refresh: refreshTokens({ ports, advance, endGrant, keys, policy }),
    relay: relayMcpCall({ resourceServer: ports.resourceServer, access }),
  };
}
