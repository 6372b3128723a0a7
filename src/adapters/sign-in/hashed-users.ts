import { createHash } from 'node:crypto';
import type { SignIn } from '../../application/ports.ts';
import type { Subject } from '../../domain/grant.ts';
import type { PasswordHash } from '../../domain/password-hash.ts';
import type { Users } from '../../domain/users-file.ts';
import { isPasswordOf } from './scrypt.ts';

/**
 * Users known by the hashes of their passwords. An unknown name is checked against some known user's hash, always the same for the same
 * name: neither answer nor time tells whether there is such a user, also where hashes differ in cost.
 */
export function hashedUsers(users: () => Users, check: typeof isPasswordOf = isPasswordOf): SignIn {
  return {
    async verify(username, password) {
      const known = users();
      const own = known.get(username);
      const isRight = await check(password, own ?? decoy(username, [...known.values()]));
      return own !== undefined && isRight ? (username as Subject) : undefined;
    },
    isUser: async (subject) => users().has(subject),
  };
}

function decoy(username: string, hashes: readonly PasswordHash[]): PasswordHash {
  const place = createHash('sha256').update(username).digest().readUInt32BE() % hashes.length;
  return hashes[place] as PasswordHash;
}
