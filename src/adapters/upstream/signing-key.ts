import {
  createHash,
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  X509Certificate,
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

/**
 * Reads a private key: PEM, or a JWK, and the certificate (PEM) that an upstream knows it by, where it does. Throws where it is no key, or of
 * a kind that signs nothing, or the certificate is another's.
 */
export function signingKey(text: string, certificate?: string): SigningKey {
  const jwk = text.trimStart().startsWith('{') ? (JSON.parse(text) as JsonWebKey) : undefined;
  const key = createPrivateKey(jwk === undefined ? text : { key: jwk, format: 'jwk' });
  const alg = algorithmOf(key);
  const bare = createPublicKey(key).export({ format: 'jwk' }) as Record<string, unknown>;
  // Only a name that the operator gave is sent: an upstream that knows the key by none, or by another, would not find it.
  const named = {
    ...(typeof jwk?.kid === 'string' && { kid: jwk.kid }),
    ...(certificate !== undefined && thumbprints(certificate, key)),
  };
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

/** RFC 7515 §4.1.7, §4.1.8: Entra looks for one of the two. */
function thumbprints(text: string, key: KeyObject) {
  const certificate = new X509Certificate(text);
  if (!certificate.checkPrivateKey(key)) {
    throw new Error(
      'The certificate of --upstream-private-key-cert does not belong to the key of --upstream-private-key-file; give its own',
    );
  }
  const print = (algorithm: string) =>
    createHash(algorithm).update(certificate.raw).digest('base64url');
  return { x5t: print('sha1'), 'x5t#S256': print('sha256') };
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
