import { type PasswordHash, readPasswordHash } from './password-hash.ts';
import { failure, type Result, success } from './result.ts';

/** Who may sign in: names and the hashes of their passwords. */
export type Users = ReadonlyMap<string, PasswordHash>;

/**
 * Reads `name:hash` lines; empty lines and those that begin with `#` are left out. The failure is the rest of a sentence: it names the line and no
 * part of what stands in it. A file without a user is one too: it would lock everybody out.
 */
export function readUsers(text: string): Result<Users, string> {
  const users = new Map<string, PasswordHash>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    // A hash holds no colon, a name may.
    const colon = line.lastIndexOf(':');
    const name = line.slice(0, colon);
    const hash = readPasswordHash(line.slice(colon + 1).trim());
    if (colon < 1 || hash === undefined) {
      return failure(`line ${index + 1} is not NAME:HASH with a hash that hash-password printed`);
    }
    if (users.has(name)) {
      return failure(`line ${index + 1} names a user a second time; leave one of the two lines`);
    }
    users.set(name, hash);
  }
  return users.size > 0
    ? success(users)
    : failure('it names no user; write a line of NAME:HASH for each');
}
