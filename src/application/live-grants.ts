import { type Grant, keptUntil, type LiveGrant, type TokenPolicy } from '../domain/grant.ts';
import type { GrantId } from '../domain/token-pair.ts';
import type { Ports, Versioned } from './ports.ts';

/** The grant, where it is in force: an ended one is as good as none to whoever presents a token of it. */
export async function readLiveGrant(
  { store }: Pick<Ports, 'store'>,
  id: GrantId,
): Promise<Versioned<LiveGrant> | undefined> {
  return whereLive(await store.grants.read(id));
}

/** What was read of a grant, where it is in force. */
export function whereLive(stored: Versioned<Grant> | undefined): Versioned<LiveGrant> | undefined {
  return stored?.value.state === 'live' ? (stored as Versioned<LiveGrant>) : undefined;
}

/** Writes a grant over the state it was read in; `undefined` where another writer was faster. */
export async function writeGrant(
  { store }: Pick<Ports, 'store'>,
  policy: TokenPolicy,
  held: Versioned<LiveGrant>,
  grant: LiveGrant,
): Promise<Versioned<LiveGrant> | undefined> {
  const until = keptUntil(grant, policy);
  const outcome = await store.grants.write(grant.id, grant, held.version, until);
  return outcome.type === 'written' ? { value: grant, version: outcome.version } : undefined;
}

/**
 * Changes a grant whatever other writers do meanwhile: a change lost to one of them is made again on what is there now. `undefined`
 * where the grant is over.
 */
export async function changeGrant(
  ports: Pick<Ports, 'store'>,
  policy: TokenPolicy,
  held: Versioned<LiveGrant>,
  change: (grant: LiveGrant) => LiveGrant,
): Promise<Versioned<LiveGrant> | undefined> {
  let current: Versioned<LiveGrant> | undefined = held;
  while (current !== undefined) {
    const written = await writeGrant(ports, policy, current, change(current.value));
    if (written !== undefined) return written;
    current = await readLiveGrant(ports, held.value.id);
  }
  return undefined;
}
