import type { GatewayKeys } from './grant-keys.ts';
import { deriveKey } from './sealing.ts';

/**
 * The name under which failed sign-ins of an account are counted. What people type there is sometimes their password: nobody who lacks the
 * gateway's key can try guesses against it.
 */
export function accountMark(username: string, { current }: GatewayKeys): string {
  return Buffer.from(deriveKey(username, current, 'account')).toString('base64url');
}
