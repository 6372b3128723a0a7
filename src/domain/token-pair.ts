import type { FlowId } from './authorization-flow.ts';
import type { Brand } from './brand.ts';

/** What an upstream issued and only the upstream understands: an access token or a refresh token. */
export type UpstreamToken = Brand<string, 'UpstreamToken'>;

/** The public name of a grant: 22 base64url characters (128 bits), that of its flow. */
export type GrantId = Brand<string, 'GrantId'>;

/** The private part of a code or gateway half: 43 base64url characters (256 bits). */
export type TokenSecret = Brand<string, 'TokenSecret'>;

/** Our own half of a token pair, and the form of an authorization code: `<grant id>.<secret>`. */
export interface GatewayToken {
  readonly grant: GrantId;
  readonly secret: TokenSecret;
}

/** What a client presents: a pair, or a gateway half alone (the opaque format). */
export interface PresentedToken {
  readonly gateway: GatewayToken;
  readonly upstream: UpstreamToken | undefined;
}

/** RFC 6749 Appendix A.12 less the space: what may stand behind `Bearer ` without breaking out of the header. */
const upstreamTokenText = /^[\x21-\x7e]+$/;
/** The first colon parts the halves: only the upstream's may hold more. */
const tokenPairText = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43}):([\x21-\x7e]+)$/;
const gatewayTokenText = /^([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

/** Checks a token that came from the upstream; `undefined` where it could not stand in an Authorization header. */
export function upstreamToken(text: string): UpstreamToken | undefined {
  return upstreamTokenText.test(text) ? (text as UpstreamToken) : undefined;
}

/** The grant that a flow leads to. One name for both, known to the browser and no secret: an operator follows one login from end to end by it. */
export function grantOfFlow(flow: FlowId): GrantId {
  return flow as string as GrantId;
}

/** Makes the secret of a code or a half of 32 bytes. */
export function tokenSecret(bytes: Uint8Array): TokenSecret {
  return Buffer.from(bytes).toString('base64url') as TokenSecret;
}

/** Spells a code or a gateway half. */
export function spellGatewayToken(token: GatewayToken): string {
  return `${token.grant}.${token.secret}`;
}

/** Reads a code or a gateway half; `undefined` for whatever {@link spellGatewayToken} could not have made. */
export function readGatewayToken(text: string): GatewayToken | undefined {
  const parts = gatewayTokenText.exec(text);
  return parts ? { grant: parts[1] as GrantId, secret: parts[2] as TokenSecret } : undefined;
}

/** The one string that a client carries: `base64url(gateway ":" upstream)`. */
export function encodeTokenPair(gateway: GatewayToken, upstream: UpstreamToken): string {
  return Buffer.from(`${spellGatewayToken(gateway)}:${upstream}`).toString('base64url');
}

/** Splits a pair at the first colon; `undefined` for whatever {@link encodeTokenPair} could not have made. */
export function decodeTokenPair(
  text: string,
): (PresentedToken & { readonly upstream: UpstreamToken }) | undefined {
  const bytes = Buffer.from(text, 'base64url');
  const parts = tokenPairText.exec(bytes.toString('latin1'));
  // Buffer skips characters outside the alphabet; a second spelling of a token must not be accepted.
  if (parts === null || bytes.toString('base64url') !== text) return undefined;
  const gateway = { grant: parts[1] as GrantId, secret: parts[2] as TokenSecret };
  return { gateway, upstream: parts[3] as UpstreamToken };
}

/** Reads what a client presents in either format. */
export function readPresentedToken(text: string): PresentedToken | undefined {
  // A gateway half alone has a dot, which base64url has not: the two formats cannot be confused.
  if (text[22] !== '.') return decodeTokenPair(text);
  const gateway = readGatewayToken(text);
  return gateway && { gateway, upstream: undefined };
}
