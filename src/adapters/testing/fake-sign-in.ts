import type { SignIn } from '../../application/ports.ts';
import { subject } from '../../domain/grant.ts';

/** A sign-in that knows these users (names and passwords); the subject is the name. For tests: it compares in the clear. */
export function fakeSignIn(users: Readonly<Record<string, string>>): SignIn {
  const passwords = new Map(Object.entries(users));
  return {
    verify: (username, password) =>
      Promise.resolve(passwords.get(username) === password ? subject(username) : undefined),
  };
}
