import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import {
  memoryOf,
  type PasswordHash,
  passwordCost,
  spellPasswordHash,
} from '../../domain/password-hash.ts';
import { turns } from './turns.ts';

/** Hashes a password with a fresh salt, in PHC form. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derived(password, { ...passwordCost, salt }, 32);
  return spellPasswordHash({ ...passwordCost, salt, hash });
}

/** Whether a password is the one that was hashed. Takes as long for a wrong password as for the right one. */
export async function isPasswordOf(password: string, known: PasswordHash): Promise<boolean> {
  const { hash } = known;
  return timingSafeEqual(await oneOfFew(() => derived(password, known, hash.length)), hash);
}

/**
 * Checks at once. Each takes one of the four threads that look-ups of names need as well: a crowd of guesses must not keep the gateway from
 * its upstream.
 */
const mostAtOnce = 2;
const oneOfFew = turns(mostAtOnce);

function derived(
  password: string,
  { ln, r, p, salt }: Omit<PasswordHash, 'hash'>,
  length: number,
): Promise<Buffer> {
  const options: ScryptOptions = { N: 2 ** ln, r, p, maxmem: 2 * memoryOf({ ln, r }) };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
