import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { Brand } from './brand.ts';

/** A text that only the holder of its key can read, and only in the context it was sealed for: base64url of nonce, ciphertext and tag. */
export type Sealed = Brand<string, 'Sealed'>;

/** A 256-bit AES key. */
export type SealingKey = Brand<Uint8Array, 'SealingKey'>;

const nonceLength = 12;
const tagLength = 16;

/** A key for one purpose, derived by HKDF-SHA-256 (RFC 5869). */
export function deriveKey(
  secret: Uint8Array | string,
  salt: Uint8Array | string,
  purpose: string,
): SealingKey {
  return new Uint8Array(hkdfSync('sha256', secret, salt, purpose, 32)) as SealingKey;
}

/** Takes 32 bytes of randomness or of a key file as a key. */
export function sealingKey(bytes: Uint8Array): SealingKey {
  return bytes as SealingKey;
}

/**
 * Seals a text with AES-256-GCM. The nonce (12 bytes) must never repeat under one key for another text; the context
 * is authenticated, so that a sealed text moved to another record, or version of it, does not open.
 */
export function seal(
  key: SealingKey,
  nonce: Uint8Array,
  text: string | Uint8Array,
  context: string,
): Sealed {
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(context));
  const body = Buffer.concat([cipher.update(Buffer.from(text)), cipher.final()]);
  return Buffer.concat([nonce, body, cipher.getAuthTag()]).toString('base64url') as Sealed;
}

/** Opens what {@link seal} made; `undefined` with another key, another context, or a changed byte. */
export function unseal(key: SealingKey, sealed: Sealed, context: string): Uint8Array | undefined {
  const bytes = Buffer.from(sealed, 'base64url');
  if (bytes.length < nonceLength + tagLength) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceLength));
  decipher.setAAD(Buffer.from(context));
  decipher.setAuthTag(bytes.subarray(-tagLength));
  const body = decipher.update(bytes.subarray(nonceLength, -tagLength));
  try {
    return Buffer.concat([body, decipher.final()]);
  } catch {
    return undefined;
  }
}
