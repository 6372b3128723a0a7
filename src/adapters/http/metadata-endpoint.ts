import type { DescribeResource } from '../../application/describe-resource.ts';
import { baseUrlFor, type GatewayAddress } from '../../domain/gateway-address.ts';
import {
  authorizationServerMetadata,
  type ClientDocument,
  protectedResourceMetadata,
  type ServerFeatures,
} from '../../domain/metadata.ts';
import { sendJson } from './answers.ts';
import type { Handle } from './router.ts';

/** Long enough to spare a client's start-up a round trip, short enough for a change to be seen soon. */
const cached = { 'Cache-Control': 'public, max-age=300', Vary: 'Host' };

/** GET /.well-known/oauth-protected-resource and its path forms (RFC 9728 §3). */
export function resourceMetadataEndpoint(
  pathForm: '' | '/mcp' | '/mcp/',
  address: () => GatewayAddress,
  words: DescribeResource['words'],
): Handle {
  return async (request, response) => {
    const base = baseUrlFor(address(), request.headers.host);
    const relayed = await words();
    const metadata = protectedResourceMetadata(base, pathForm, relayed ?? {});
    sendJson(response, 200, metadata, relayed === undefined ? {} : cached);
  };
}

/** GET /oauth/client-metadata.json: the gateway as a client of its upstream (Client ID Metadata Document). */
export function clientDocumentEndpoint(document: () => ClientDocument): Handle {
  return (_request, response) => sendJson(response, 200, document(), documentCached);
}

/** The same whatever name it is asked by. */
const documentCached = { 'Cache-Control': 'public, max-age=300' };

/** GET /.well-known/oauth-authorization-server (RFC 8414 §3). */
export function serverMetadataEndpoint(
  address: () => GatewayAddress,
  features: ServerFeatures,
): Handle {
  return (request, response) => {
    const base = baseUrlFor(address(), request.headers.host);
    sendJson(response, 200, authorizationServerMetadata(base, features), cached);
  };
}
