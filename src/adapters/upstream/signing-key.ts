import {
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
} from 'node:crypto';
import { SignJWT } from 'jose';
import type { PublicKey } from '../../domain/metadata.ts';

/** The key with which the gateway says at an upstream's token endpoint who it is (`private_key_jwt`, RFC 7523). */
export interface SigningKey {
  /** What the upstream checks it with. */
  readonly publicKey: PublicKey;
  /** A client assertion that is good for a minute (RFC 7523 §3, OpenID Connect Core §9). `now`: seconds since 1970. */
  assertion(clientId: string, audience: string, now: number): Promise<string>;
}

/** Reads a private key: PEM, or a JWK. Throws where it is none, or of a kind that signs nothing. */
export function signingKey(text: string): SigningKey {
  const jwk = text.trimStart().startsWith('{') ? (JSON.parse(text) as JsonWebKey) : undefined;
  const key = createPrivateKey(jwk === undefined ? text : { key: jwk, format: 'jwk' });
  const alg = algorithmOf(key);
  const bare = createPublicKey(key).export({ format: 'jwk' }) as Record<string, unknown>;
  // Only a name that the operator gave is sent: an upstream that knows the key by none, or by another, would not find it.
  const named = typeof jwk?.kid === 'string' ? { kid: jwk.kid } : {};
  return {
    publicKey: { ...bare, ...named, alg, use: 'sig' },
    assertion: (clientId, audience, now) =>
      new SignJWT({ jti: randomUUID() })
        .setProtectedHeader({ alg, ...named })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(audience)
        .setIssuedAt(now)
        .setExpirationTime(now + 60)
        .sign(key),
  };
}

const curves: Readonly<Record<string, string>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

function algorithmOf(key: KeyObject): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const elliptic = curves[details?.namedCurve ?? ''];
  if (type === 'rsa') return 'RS256';
  if (type === 'ed25519') return 'EdDSA';
  if (type === 'ec' && elliptic !== undefined) return elliptic;
  throw new Error('The key is neither RSA nor Ed25519 nor on P-256, P-384 or P-521.');
}
