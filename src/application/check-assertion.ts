import { type AssertionClaims, assertionFault, type ClientKeys } from '../domain/client-keys.ts';
import type {
  AssertionPurpose,
  Client,
  PresentedAssertion,
} from '../domain/client-registration.ts';
import { knowsSecret } from '../domain/grant.ts';
import { after, epochSeconds, type Seconds } from '../domain/lifetime.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { sha256 } from '../domain/secret-hash.ts';
import { readPresentedToken } from '../domain/token-pair.ts';
import { readLiveGrant } from './live-grants.ts';
import type { DocumentFailure, Ports } from './ports.ts';
import { recentDocuments } from './recent-documents.ts';

/** Whether an assertion proves that a request comes from this client (RFC 7523 §3). */
export type CheckAssertion = (
  client: Client,
  presented: PresentedAssertion,
  read: AssertionClaims,
) => Promise<Result<undefined, DocumentFailure>>;

/** What is wrong with fetching keys from a URL for a client that the operator did not name himself; `undefined` where nothing is. */
export type KeyUrlRule = (url: string) => string | undefined;

type CheckPorts = Pick<Ports, 'clock' | 'store' | 'clientDocuments' | 'assertions'>;

/** The check of claims, then signature, then use: what costs least comes first, and nothing is written for a stranger. */
export function checkAssertion(
  ports: CheckPorts,
  skew: Seconds,
  keyUrlFault: KeyUrlRule,
): CheckAssertion {
  const keySets = recentDocuments(ports.clock, (url) => ports.clientDocuments.keys(url));

  const isSignedByKeysAt = async (url: string, assertion: string) => {
    const set = await keySets.get(url);
    if (!set.ok || (await ports.assertions.isSignedBy(assertion, set.value))) {
      return set.ok ? success(true) : set;
    }
    // The client may have a new key since.
    const renewed = await keySets.renew(url);
    return renewed.ok
      ? success(await ports.assertions.isSignedBy(assertion, renewed.value))
      : renewed;
  };

  const isSigned = async ({ origin }: Client, { source }: ClientKeys, assertion: string) => {
    if (source.type === 'inline') {
      return success(await ports.assertions.isSignedBy(assertion, source.keys));
    }
    const fault = origin === 'configured' ? undefined : keyUrlFault(source.url);
    return fault === undefined ? isSignedByKeysAt(source.url, assertion) : refused(fault);
  };

  return async (client, presented, read) => {
    if (client.keys === undefined) return refused('the client has no keys');
    const { audiences, assertion } = presented;
    const expected = { client: client.id, audiences };
    const fault = assertionFault(read, expected, ports.clock.now(), skew);
    if (fault !== undefined) return refused(fault);
    const signed = await isSigned(client, client.keys, assertion);
    if (!signed.ok) return signed;
    if (!signed.value) return refused('no key signed it');
    const { purpose } = presented;
    return purpose && (await canBeDone(ports, client, purpose))
      ? use(ports, client, purpose, read, skew)
      : success(undefined);
  };
}

/**
 * Whether the request comes with a token that is the client's. Any other does nothing, however often it is sent, and is not remembered: a
 * stranger, who may register with keys of his own, could fill the store with assertions and made-up tokens.
 */
async function canBeDone(
  ports: CheckPorts,
  client: Client,
  { token }: AssertionPurpose,
): Promise<boolean> {
  const presented = readPresentedToken(token);
  if (presented === undefined) return false;
  const { grant: id, secret } = presented.gateway;
  const held = await readLiveGrant(ports, id);
  return held?.value.clientId === client.id && knowsSecret(held.value, secret);
}

/**
 * An assertion is good for one request (RFC 7523 §3 item 7), and for that one again when its answer was lost: refreshes are safe to
 * retry. Kept in the store, so that two instances do not each take it once.
 */
async function use(
  { store }: CheckPorts,
  client: Client,
  purpose: AssertionPurpose,
  { id, expiresAt }: AssertionClaims,
  skew: Seconds,
): Promise<Result<undefined, DocumentFailure>> {
  const key = sha256(`${client.id} ${id}`);
  const used = { purpose: sha256(`${purpose.action} ${purpose.token}`) };
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
