import type { LiveGrant } from '../domain/grant.ts';
import type { EndGrant } from './end-grant.ts';
import { readLiveGrant } from './live-grants.ts';
import type { Ports } from './ports.ts';
import { unlessUnreadable } from './unless-unreadable.ts';

/** Which grants an operator means; what is left out does not matter. */
export interface GrantFilter {
  /** The subject. */
  readonly user: string | undefined;
  /** The client id. */
  readonly client: string | undefined;
  readonly grant: string | undefined;
}

/** What an operator may know of a grant. */
export interface GrantSummary {
  readonly grant: string;
  readonly user: string;
  readonly client: string;
  /** What the client calls itself; absent where it is not in the store. */
  readonly clientName: string | undefined;
  readonly scope: string | undefined;
  /** Seconds since 1970. */
  readonly issuedAt: number;
}

/** The grants in the operator's hands. */
export interface AdministerGrants {
  /** Those in force. */
  list(filter: GrantFilter): AsyncIterable<GrantSummary>;
  /** Ends them, for all instances at once; the value is how many. The upstream's tokens stay: only a client's own token can open them. */
  revoke(filter: GrantFilter): Promise<number>;
}

/** The use case behind the admin socket. */
export function administerGrants(
  ports: Pick<Ports, 'store'>,
  endGrant: EndGrant,
): AdministerGrants {
  async function* matching(filter: GrantFilter): AsyncIterable<LiveGrant> {
    const seen = new Set<string>(); // a scan may show a record twice
    for await (const { value } of ports.store.grants.scan()) {
      if (value.state !== 'live' || seen.has(value.id) || !isMeant(value, filter)) continue;
      seen.add(value.id);
      yield value;
    }
  }
  return {
    async *list(filter) {
      for await (const { id, subject, clientId, scope, issuedAt } of matching(filter)) {
        const client = await unlessUnreadable(ports.store.clients.read(clientId));
        const clientName = client?.value.name;
        yield { grant: id, user: subject, client: clientId, clientName, scope, issuedAt };
      }
    },
    async revoke(filter) {
      let count = 0;
      for await (const { id } of matching(filter)) {
        const held = await readLiveGrant(ports, id);
        if (held === undefined) continue;
        await endGrant(held, 'revoked');
        count += 1;
      }
      return count;
    },
  };
}

function isMeant({ id, subject, clientId }: LiveGrant, { grant, user, client }: GrantFilter) {
  return (
    (grant === undefined || grant === id) &&
    (user === undefined || user === subject) &&
    (client === undefined || client === clientId)
  );
}
