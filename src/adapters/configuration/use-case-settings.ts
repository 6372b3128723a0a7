import type { UseCaseSettings } from '../../application/use-cases.ts';
import type { Client } from '../../domain/client-registration.ts';
import { type GatewayAddress, mcpUrl, upstreamCallbackUrl } from '../../domain/gateway-address.ts';
import type { GatewayKeys } from '../../domain/grant-keys.ts';
import { seconds } from '../../domain/lifetime.ts';
import {
  type ClientDocument,
  clientDocument,
  clientDocumentUrl,
  type PublicKey,
} from '../../domain/metadata.ts';
import type { GatewayConfig } from './gateway-configuration.ts';

/** What the gateway calls itself at its upstream, unless told. */
const clientName = 'MCP OAuth Gateway';

/** The part of the configuration that is the use cases' business. */
export function useCaseSettings(
  config: GatewayConfig,
  address: () => GatewayAddress,
  keys: GatewayKeys,
  publicKey: PublicKey | undefined,
  configured: ReadonlyMap<string, Client>,
): UseCaseSettings {
  return {
    policy: {
      accessTtl: seconds(config.accessTokenTtl),
      refreshTtl: seconds(config.refreshTokenTtl),
      grantTtl: seconds(config.grantTtl),
      codeTtl: seconds(config.codeTtl),
      refreshGrace: seconds(config.refreshGrace),
      clockSkew: seconds(config.clockSkew),
      format: config.tokenFormat,
    },
    flowTtl: seconds(config.flowTtl),
    flows: { perSender: config.flowsPerAddress, total: config.maxFlows },
    sessionTtl: seconds(config.session),
    clients: {
      configured,
      documents:
        config.clientMetadataDocuments === 'on'
          ? {
              insecure: config.allowInsecureClientMetadata === 'on',
              domains: config.clientMetadataDomains,
            }
          : undefined,
    },
    registration: {
      open: config.dynamicRegistration === 'on',
      perMinute: config.registrationsPerMinute,
    },
    upstream: {
      resource: config.upstreamRs,
      issuer: config.upstreamAs,
      authorizationEndpoint: config.upstreamAuthorizeEndpoint,
      tokenEndpoint: config.upstreamTokenEndpoint,
      clientId: config.upstreamClientId,
      clientSecret: config.upstreamClientSecret,
      scope: config.upstreamScope,
      auth: config.upstreamAuth,
      authMethod: config.upstreamTokenAuthMethod,
      publicKey,
      registration: config.upstreamRegistration,
      clientName: config.upstreamClientName ?? clientName,
      resourceParameter: config.upstreamResource,
      authorizeParameters: config.upstreamAuthorizeParam ?? {},
      tokenParameters: config.upstreamTokenParam ?? {},
      revocation: config.upstreamRevocation,
      plainHttp: config.upstreamPlainHttp === 'allow',
      limits: {
        call: seconds(config.upstreamTimeout),
        discovery: seconds(config.discoveryTimeout),
      },
    },
    resource: () => mcpUrl(address().canonical),
    callbackUrl: () => upstreamCallbackUrl(address()),
    publicUrl: config.publicUrl,
    keys,
  };
}

/** The gateway's own client document; absent where no upstream could read it. */
export function gatewayClientDocument(
  config: GatewayConfig,
  callbackUrl: () => string,
  key: PublicKey | undefined,
): (() => ClientDocument) | undefined {
  const url = clientDocumentUrl(config.publicUrl);
  if (url === undefined || config.upstreamAuth !== 'oauth') return undefined;
  const named = config.upstreamTokenAuthMethod === 'none' ? undefined : key;
  return () => clientDocument(url, config.upstreamClientName ?? clientName, callbackUrl(), named);
}
