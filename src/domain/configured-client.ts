import type { KeySource } from './client-keys.ts';
import {
  type Client,
  checkedRedirectUris,
  clientId,
  clientName,
  keysFault,
  type TokenEndpointAuthMethod,
} from './client-registration.ts';
import { epochSeconds } from './lifetime.ts';
import { failure, type Result, success } from './result.ts';
import type { Sha256 } from './secret-hash.ts';

/** A client as an operator writes it down. */
export interface ClientEntry {
  readonly id: string;
  readonly name: string | undefined;
  readonly redirectUris: readonly string[];
  /** Absent: what the other members lead to. */
  readonly method: TokenEndpointAuthMethod | undefined;
  readonly secretHash: Sha256 | undefined;
  readonly keys: KeySource | undefined;
}

/** The client of an entry; a sentence where it could not work. */
export function configuredClient(entry: ClientEntry): Result<Client, string> {
  const { id, name, secretHash, keys } = entry;
  // RFC 6749 appendix A.1.
  if (!/^[\x20-\x7e]{1,2048}$/.test(id)) {
    return failure('client_id must be 1 to 2048 visible ASCII characters.');
  }
  const redirectUris = checkedRedirectUris(entry.redirectUris);
  if (!redirectUris.ok) return redirectUris;
  const method = entry.method ?? impliedMethod(entry);
  const fault = proofFault(method, entry);
  if (fault !== undefined) return failure(fault);
  return success({
    id: clientId(id),
    name: clientName(name),
    origin: 'configured',
    redirectUris: redirectUris.value,
    method,
    secretHash,
    keys: keys && { source: keys, required: true },
    registeredAt: epochSeconds(0),
    usedAt: undefined,
  });
}

function impliedMethod({ secretHash, keys }: ClientEntry): TokenEndpointAuthMethod {
  if (secretHash !== undefined) return 'client_secret_basic';
  return keys === undefined ? 'none' : 'private_key_jwt';
}

/** What a client proves itself by has to be there, and nothing else: whatever else is there was meant to count. */
function proofFault(
  method: TokenEndpointAuthMethod,
  { secretHash, keys }: ClientEntry,
): string | undefined {
  const wantsSecret = method === 'client_secret_basic' || method === 'client_secret_post';
  const wantsKeys = method === 'private_key_jwt';
  if (wantsSecret !== (secretHash !== undefined)) {
    return wantsSecret
      ? `${method} needs client_secret_hash.`
      : `client_secret_hash is of no use with ${method}.`;
  }
  if (wantsKeys !== (keys !== undefined)) {
    return wantsKeys ? `${method} needs jwks or jwks_uri.` : `Keys are of no use with ${method}.`;
  }
  return keysFault(keys, false);
}
