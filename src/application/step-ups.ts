import type { ClientId } from '../domain/client-registration.ts';
import type { Subject } from '../domain/grant.ts';
import { after, seconds } from '../domain/lifetime.ts';
import { measuredScopes, type Scope, type StepUp, scopeTokens } from '../domain/scope.ts';
import { sha256 } from '../domain/secret-hash.ts';
import type { GrantId } from '../domain/token-pair.ts';
import { readLiveGrant } from './live-grants.ts';
import type { KeptStepUp, Ports } from './ports.ts';

/**
 * Remembers for a while what the upstream demanded in the middle of a client's work, for when its user authorizes it again: the 403 names only what is
 * missing, as the upstream said it, and clients ask for no more than that. In the store, since any instance may be asked next.
 */
export interface StepUps {
  /** The upstream demanded more scope of this grant. Never rejects: the 403 does not wait for it, and is true without it. */
  demanded(grant: GrantId, scope: Scope): Promise<void>;
  /** What it demanded of a client lately; with what its user grants it still, where the user is known. */
  of(client: ClientId, subject: Subject | undefined): Promise<StepUp>;
}

/** How long a client has to come back: people read the page first, and may be at lunch (seconds). */
const life = seconds(3600);

/** How often another instance may be faster, before its demand is the one that is kept. */
const rounds = 3;

type StepUpPorts = Pick<Ports, 'clock' | 'store' | 'events'>;

/** The memory of step-ups, under two keys: one for the client, since nobody may have signed in yet, one for client and user. */
export function stepUps(ports: StepUpPorts): StepUps {
  const { store, events } = ports;
  return {
    demanded: async (grant, scope) => {
      const demanded = measuredScopes(scopeTokens(scope));
      if (demanded === undefined) return;
      try {
        await keepFor(ports, grant, demanded);
      } catch (error) {
        events.emit({ type: 'internal_error', reason: `step-up not kept: ${String(error)}` });
      }
    },
    of: async (client, subject) => {
      const [anyUser, thisUser] = await Promise.all([
        store.stepUps.read(keyOf(client, undefined)),
        subject && store.stepUps.read(keyOf(client, subject)),
      ]);
      const named = anyUser?.value.demanded ?? [];
      const demanded = subject === undefined ? named : (thisUser?.value.demanded ?? []);
      const grant = thisUser?.value.grant && (await readLiveGrant(ports, thisUser.value.grant));
      return { named, demanded, granted: scopeTokens(grant?.value.scope) };
    },
  };
}

async function keepFor(
  ports: StepUpPorts,
  grant: GrantId,
  demanded: readonly string[],
): Promise<void> {
  const held = await readLiveGrant(ports, grant);
  if (held === undefined) return;
  const { clientId, subject } = held.value;
  await keep(ports, keyOf(clientId, undefined), demanded, undefined);
  await keep(ports, keyOf(clientId, subject), demanded, grant);
}

/** Adds to what is there. A client that runs into the same demand again and again costs a look-up each time, and a write twice an hour. */
async function keep(
  { clock, store }: StepUpPorts,
  key: string,
  demanded: readonly string[],
  grant: GrantId | undefined,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const now = clock.now();
    const held = await store.stepUps.read(key);
    const before = held?.value;
    const until = after(now, life);
    const value = { demanded: together(before?.demanded, demanded), grant, until };
    if (before !== undefined && isKept(before, value)) return;
    const { type } = await store.stepUps.write(key, value, held?.version, until);
    if (type !== 'outdated') return;
  }
}

/** Whether the record says all of it, for a good while yet. */
function isKept(before: KeptStepUp, wanted: KeptStepUp): boolean {
  return (
    wanted.until - before.until < life / 2 &&
    wanted.grant === before.grant &&
    wanted.demanded.every((token) => before.demanded.includes(token))
  );
}

/** Without a limit a stranger's words are not kept: rather the newest alone than a part of all. */
function together(before: readonly string[] | undefined, added: readonly string[]) {
  return measuredScopes([...new Set([...(before ?? []), ...added])]) ?? added;
}

function keyOf(client: ClientId, subject: Subject | undefined): string {
  return sha256(JSON.stringify([client, subject ?? null]));
}
