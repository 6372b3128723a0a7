import { hash, timingSafeEqual } from 'node:crypto';
import type { Brand } from './brand.ts';

/** SHA-256 of a secret, base64url: all that a store ever learns of a code, a token half or a client secret. */
export type Sha256 = Brand<string, 'Sha256'>;

/**
 * The hash under which a secret is kept. Our secrets carry 256 bits of randomness, so that neither salt nor
 * stretching would add anything.
 */
export function sha256(secret: string): Sha256 {
  // One call: a hash object would cost twice as much, and /mcp hashes two secrets per request.
  return hash('sha256', secret, 'base64url') as Sha256;
}

/** Compares two hashes in constant time. */
export function sameHash(one: Sha256, other: Sha256): boolean {
  return sameText(one, other);
}

/** Compares a presented text with the expected one in constant time; only a difference in length shows. */
export function sameText(presented: string, expected: string): boolean {
  const left = Buffer.from(presented);
  const right = Buffer.from(expected);
  return left.length === right.length && timingSafeEqual(left, right);
}
