import type { UseCaseSettings } from '../../application/use-cases.ts';
import type { GatewayKeys } from '../../domain/grant-keys.ts';
import { seconds } from '../../domain/lifetime.ts';
import type { GatewayConfig } from './gateway-configuration.ts';

/** The part of the configuration that is the use cases' business. */
export function useCaseSettings(
  config: GatewayConfig,
  callbackUrl: () => string,
  keys: GatewayKeys,
): UseCaseSettings {
  return {
    policy: {
      accessTtl: seconds(config.accessTokenTtl),
      refreshTtl: seconds(config.refreshTokenTtl),
      codeTtl: seconds(config.codeTtl),
      refreshGrace: seconds(config.refreshGrace),
      clockSkew: seconds(config.clockSkew),
      format: config.tokenFormat,
    },
    flowTtl: seconds(config.flowTtl),
    sessionTtl: seconds(config.session),
    upstream: {
      resource: config.upstreamRs,
      issuer: config.upstreamAs,
      authorizationEndpoint: config.upstreamAuthorizeEndpoint,
      tokenEndpoint: config.upstreamTokenEndpoint,
      clientId: config.upstreamClientId,
      clientSecret: config.upstreamClientSecret,
      scope: config.upstreamScope,
    },
    callbackUrl,
    keys,
    upstreamRevocation: config.upstreamRevocation === 'auto',
  };
}
