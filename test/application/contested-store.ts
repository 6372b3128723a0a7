import type { Records, Store } from '../../src/application/ports.ts';

type Kind = Exclude<keyof Store, 'counters' | 'probe' | 'close'>;

/** A store in which other writers can be let in first. */
export interface ContestedStore extends Store {
  /** Runs before the next write of this kind (or before as many as it says), between its reading and its writing. */
  beforeWrite(kind: Kind, rival: (key: string) => Promise<unknown>, times?: number): void;
  /** The store as the rivals use it: nobody comes before them. */
  readonly quiet: Store;
}

export function contestedStore(quiet: Store): ContestedStore {
  const rivals = new Map<Kind, ((key: string) => Promise<unknown>)[]>();
  const contested = <Value>(kind: Kind, records: Records<Value>): Records<Value> => ({
    read: (key) => records.read(key),
    write: async (key, value, over, expiresAt) => {
      await rivals.get(kind)?.shift()?.(key);
      return records.write(key, value, over, expiresAt);
    },
    scan: () => records.scan(),
  });
  return {
    quiet,
    flows: contested('flows', quiet.flows),
    clients: contested('clients', quiet.clients),
    grants: contested('grants', quiet.grants),
    registrations: contested('registrations', quiet.registrations),
    assertions: contested('assertions', quiet.assertions),
    probe: () => quiet.probe(),
    close: () => quiet.close(),
    beforeWrite: (kind, rival, times = 1) => {
      const queue = rivals.get(kind) ?? [];
      rivals.set(kind, [...queue, ...Array.from({ length: times }, () => rival)]);
    },
  };
}
