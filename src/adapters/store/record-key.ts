import { createHash } from 'node:crypto';

/**
 * The name of a record inside a store. Clients present whatever they like as an id: what is not a short plain word is
 * kept under its hash, so that no store meets an empty key, one that is too long, or one with a meaning of its own.
 */
export function recordKey(key: string): string {
  return plain.test(key) ? key : `#${createHash('sha256').update(key).digest('base64url')}`;
}

const plain = /^[A-Za-z0-9_-]{1,128}$/;
