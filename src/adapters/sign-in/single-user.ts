import type { SignIn } from '../../application/ports.ts';
import { subject } from '../../domain/grant.ts';
import { sameHash, sha256 } from '../../domain/secret-hash.ts';

/** One user, as the environment names it. Both halves are always compared, as hashes, so that neither time nor answer tells which was wrong. */
export function singleUser(username: string, password: string): SignIn {
  const name = sha256(username);
  const secret = sha256(password);
  return {
    verify: async (presentedName, presentedPassword) => {
      const isName = sameHash(sha256(presentedName), name);
      const isPassword = sameHash(sha256(presentedPassword), secret);
      return isName && isPassword ? subject(username) : undefined;
    },
  };
}
