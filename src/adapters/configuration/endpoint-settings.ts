import { type GatewayAddress, upstreamCallbackUrl } from '../../domain/gateway-address.ts';
import type { ClientDocument, PublicKey, ServerFeatures } from '../../domain/metadata.ts';
import type { OriginPolicy } from '../../domain/web-origin.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import { gatewayClientDocument } from './use-case-settings.ts';
import { isLoopback } from './web-address.ts';

/** The part of the configuration that is the endpoints' business. */
export interface EndpointSettings {
  readonly address: () => GatewayAddress;
  /** The gateway as a client of its upstream; absent where no upstream could read it. */
  readonly clientDocument: (() => ClientDocument) | undefined;
  readonly upstreamHost: string;
  /** Whether the upstream has no users of its own. */
  readonly onlyScreen: boolean;
  readonly flowTtl: number;
  readonly sessionTtl: number;
  readonly origins: OriginPolicy;
  readonly introspection: { readonly id: string; readonly secret: string } | undefined;
  readonly features: ServerFeatures;
}

/** Reads it out. `address` is known in full once the gateway listens. */
export function endpointSettings(
  config: GatewayConfig,
  address: () => GatewayAddress,
  publicKey: PublicKey | undefined,
): EndpointSettings {
  const { introspectionClientId: id, introspectionClientSecret: secret } = config;
  const canonicalHost =
    config.publicUrl === undefined ? config.host : new URL(config.publicUrl).hostname;
  const introspection = id !== undefined && secret !== undefined ? { id, secret } : undefined;
  return {
    address,
    clientDocument: gatewayClientDocument(config, () => upstreamCallbackUrl(address()), publicKey),
    upstreamHost: new URL(config.upstreamRs).host,
    onlyScreen: config.upstreamAuth !== 'oauth',
    flowTtl: config.flowTtl,
    sessionTtl: config.session,
    origins: {
      allowed: new Set(config.allowedOrigins?.split(' ')),
      loopback: isLoopback(canonicalHost),
    },
    introspection,
    features: {
      introspection: introspection !== undefined,
      registration: config.dynamicRegistration === 'on',
      clientDocuments: config.clientMetadataDocuments === 'on',
    },
  };
}
