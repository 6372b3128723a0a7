import type { IncomingMessage, ServerResponse } from 'node:http';
import { baseUrlFor, baseUrlsFor, type GatewayAddress } from '../../domain/gateway-address.ts';
import { notesOf } from './request-notes.ts';

/** The base URL of the answer to a request, as its client asked for it. */
export function seenBase(
  address: GatewayAddress,
  request: IncomingMessage,
  response: ServerResponse,
): string {
  const { host, scheme } = seen(request, response);
  return baseUrlFor(address, host, scheme);
}

/** Every URL under which this gateway may answer to a request. */
export function seenBases(
  address: GatewayAddress,
  request: IncomingMessage,
  response: ServerResponse,
): readonly [string, string] {
  const { host, scheme } = seen(request, response);
  return baseUrlsFor(address, host, scheme);
}

function seen({ headers }: IncomingMessage, response: ServerResponse) {
  return notesOf(response).caller ?? { host: headers.host, scheme: 'http' as const };
}
