import type { ClientId } from '../domain/client-registration.ts';
import type { Ports } from './ports.ts';
import { unlessUnreadable } from './unless-unreadable.ts';

/**
 * The clients that registered here, until they get a token. Anybody may register, but a token takes a user: a flood of registrations puts
 * out its own, and never a client that is in use.
 */
export interface UnusedClients {
  /** Counts one in; where there are too many, the oldest is forgotten. */
  add(id: ClientId): Promise<void>;
  /** Forgets the oldest that is still unused, to make room; false where there is none. */
  forgetOldest(): Promise<boolean>;
}

/** With all that a registration may hold, 20,000 fill some 300 MB. Of one address, at the default limit, they come in three hours. */
const mostUnused = 20_000;

/** Those of this process: what was registered before it started is gone within a day. */
export function unusedClients(
  ports: Pick<Ports, 'clock' | 'store'>,
  most: number = mostUnused,
): UnusedClients {
  const ids = new Set<ClientId>();

  const forgetOldest = async () => {
    for (const id of ids) {
      ids.delete(id);
      if (await forget(ports, id)) return true;
    }
    return false;
  };

  return {
    forgetOldest,
    async add(id) {
      ids.add(id);
      const [oldest = id] = ids;
      if (ids.size <= most) return;
      ids.delete(oldest);
      await forget(ports, oldest);
    },
  };
}

/** False where it is in use by now, or gone. */
async function forget(
  { clock, store }: Pick<Ports, 'clock' | 'store'>,
  id: ClientId,
): Promise<boolean> {
  const held = await unlessUnreadable(store.clients.read(id));
  if (held === undefined || held.value.usedAt !== undefined) return false;
  const outcome = await store.clients.write(id, held.value, held.version, clock.now());
  return outcome.type === 'written';
}
