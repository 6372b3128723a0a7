import {
  type RecordKind,
  type Records,
  type Store,
  StoreUnavailable,
} from '../../src/application/ports.ts';

/** A store in which other writers can be let in first. */
export interface ContestedStore extends Store {
  /** Runs before the next write of this kind (or before as many as it says), between its reading and its writing. */
  beforeWrite(kind: RecordKind, rival: (key: string) => Promise<unknown>, times?: number): void;
  /** The store as the rivals use it: nobody comes before them, and it is never away. */
  readonly quiet: Store;
  /** While it is away nothing can be read or written. */
  isAway: boolean;
  /** The next write of this kind is done, and its answer lost. */
  loseNextAnswer(kind: RecordKind): void;
}

export function contestedStore(quiet: Store): ContestedStore {
  const rivals = new Map<RecordKind, ((key: string) => Promise<unknown>)[]>();
  const losing = new Set<RecordKind>();
  const unlessAway = () => {
    if (contestedByAll.isAway) throw new StoreUnavailable('away');
  };
  const contested = <Value>(kind: RecordKind, records: Records<Value>): Records<Value> => ({
    read: async (key) => {
      unlessAway();
      return records.read(key);
    },
    write: async (key, value, over, expiresAt) => {
      await rivals.get(kind)?.shift()?.(key);
      unlessAway();
      const outcome = await records.write(key, value, over, expiresAt);
      if (losing.delete(kind)) throw new StoreUnavailable('no answer');
      return outcome;
    },
    scan: () => records.scan(),
  });
  const contestedByAll: ContestedStore = {
    quiet,
    isAway: false,
    loseNextAnswer: (kind) => losing.add(kind),
    flows: contested('flows', quiet.flows),
    clients: contested('clients', quiet.clients),
    grants: contested('grants', quiet.grants),
    registrations: contested('registrations', quiet.registrations),
    assertions: contested('assertions', quiet.assertions),
    stepUps: contested('stepUps', quiet.stepUps),
    probe: () => quiet.probe(),
    close: () => quiet.close(),
    beforeWrite: (kind, rival, times = 1) => {
      const queue = rivals.get(kind) ?? [];
      rivals.set(kind, [...queue, ...Array.from({ length: times }, () => rival)]);
    },
  };
  return contestedByAll;
}
