import type { GatewayAddress } from '../../domain/gateway-address.ts';
import type { OriginPolicy } from '../../domain/web-origin.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import { isLoopback } from './web-address.ts';

/** The part of the configuration that is the endpoints' business. */
export interface EndpointSettings {
  readonly address: () => GatewayAddress;
  readonly upstreamHost: string;
  readonly upstreamScope: string | undefined;
  readonly flowTtl: number;
  readonly sessionTtl: number;
  readonly origins: OriginPolicy;
  readonly introspection: { readonly id: string; readonly secret: string } | undefined;
}

/** Reads it out. `address` is known in full once the gateway listens. */
export function endpointSettings(
  config: GatewayConfig,
  address: () => GatewayAddress,
): EndpointSettings {
  const { introspectionClientId: id, introspectionClientSecret: secret } = config;
  const canonicalHost =
    config.publicUrl === undefined ? config.host : new URL(config.publicUrl).hostname;
  return {
    address,
    upstreamHost: new URL(config.upstreamRs).host,
    upstreamScope: config.upstreamScope,
    flowTtl: config.flowTtl,
    sessionTtl: config.session,
    origins: {
      allowed: new Set(config.allowedOrigins?.split(' ')),
      loopback: isLoopback(canonicalHost),
    },
    introspection: id !== undefined && secret !== undefined ? { id, secret } : undefined,
  };
}
