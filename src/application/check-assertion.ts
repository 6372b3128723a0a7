import {
  type AssertionClaims,
  assertionFault,
  type ClientKey,
  type ClientKeys,
} from '../domain/client-keys.ts';
import type { Client, PresentedAssertion } from '../domain/client-registration.ts';
import { after, epochSeconds, type Seconds } from '../domain/lifetime.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { sha256 } from '../domain/secret-hash.ts';
import type { DocumentFailure, Ports } from './ports.ts';
import { recentDocuments } from './recent-documents.ts';

/** Whether an assertion proves that a request comes from this client (RFC 7523 §3). */
export type CheckAssertion = (
  client: Client,
  presented: PresentedAssertion,
  read: AssertionClaims,
) => Promise<Result<undefined, DocumentFailure>>;

type CheckPorts = Pick<Ports, 'clock' | 'store' | 'clientDocuments' | 'assertions'>;

/** The check of claims, then signature, then use: what costs least comes first, and nothing is written for a stranger. */
export function checkAssertion(ports: CheckPorts, skew: Seconds): CheckAssertion {
  const keySets = recentDocuments(ports.clock, (url) => ports.clientDocuments.keys(url));

  const isSigned = async (keys: ClientKeys, assertion: string) => {
    const { source } = keys;
    const signedBy = (set: readonly ClientKey[]) => ports.assertions.isSignedBy(assertion, set);
    if (source.type === 'inline') return success(await signedBy(source.keys));
    const set = await keySets.get(source.url);
    if (!set.ok || (await signedBy(set.value))) return set.ok ? success(true) : set;
    // The client may have a new key since.
    const renewed = await keySets.renew(source.url);
    return renewed.ok ? success(await signedBy(renewed.value)) : renewed;
  };

  return async (client, presented, read) => {
    if (client.keys === undefined) return refused('the client has no keys');
    const { audiences, assertion } = presented;
    const expected = { client: client.id, audiences };
    const fault = assertionFault(read, expected, ports.clock.now(), skew);
    if (fault !== undefined) return refused(fault);
    const signed = await isSigned(client.keys, assertion);
    if (!signed.ok) return signed;
    return signed.value ? use(ports, client, presented, read, skew) : refused('no key signed it');
  };
}

/**
 * An assertion is good for one request (RFC 7523 §3 item 7), and for that one again when its answer was lost: refreshes are safe to
 * retry. Kept in the store, so that two instances do not each take it once.
 */
async function use(
  { store }: CheckPorts,
  client: Client,
  { assertion, purpose }: PresentedAssertion,
  { id, expiresAt }: AssertionClaims,
  skew: Seconds,
): Promise<Result<undefined, DocumentFailure>> {
  // One without a name is named by itself.
  const key = sha256(`${client.id} ${id ?? assertion}`);
  const used = { purpose: sha256(purpose) };
  const until = after(epochSeconds(expiresAt), skew);
  const outcome = await store.assertions.write(key, used, undefined, until);
  if (outcome.type === 'written') return success(undefined);
  if (outcome.type === 'full') {
    return failure({ kind: 'unavailable', reason: 'too many assertions are in use' });
  }
  const before = await store.assertions.read(key);
  return before?.value.purpose === used.purpose
    ? success(undefined)
    : refused('it was used before');
}

function refused(reason: string): Result<never, DocumentFailure> {
  return failure({ kind: 'refused', reason });
}
