import type {
  Clock,
  Counters,
  RecordKind,
  RecordOf,
  Records,
  Store,
} from '../../application/ports.ts';
import { openDiskStore } from './disk.ts';
import { memoryStore } from './memory.ts';
import { recordsOfAll } from './records-of-all.ts';
import { openRedisStore } from './redis.ts';
import type { RedisAddress } from './redis-address.ts';
import type { StoreOptions } from './store-options.ts';

/** Where a store is. */
export type StorePlace =
  | { readonly type: 'memory' }
  | { readonly type: 'disk'; readonly path: string }
  | { readonly type: 'redis'; readonly address: RedisAddress };

/** A store that is opened when it is first used, or before. */
export interface OpenableStore extends Store {
  /** Opens it, so that a fault shows at the start and not at the first request. Answers with what an operator should know of it, a sentence each. */
  open(): Promise<readonly string[]>;
}

type Opened = Store & { readonly warnings?: readonly string[] };

/** The store at a place; making it neither waits nor touches anything. */
export function configuredStore(
  place: StorePlace,
  clock: Pick<Clock, 'now'>,
  options: StoreOptions,
): OpenableStore {
  switch (place.type) {
    case 'memory':
      return { ...memoryStore(clock, options.limits), open: async () => [] };
    case 'disk':
      return storeOnDemand(() => openDiskStore(place.path, clock, options));
    case 'redis':
      return storeOnDemand(() => openRedisStore(place.address, clock, options), countersOnDemand);
  }
}

/** Opens a store at its first use; where that fails, again at the next one. */
function storeOnDemand<Ready extends Opened>(
  open: () => Promise<Ready>,
  more: (opened: () => Promise<Ready>) => Pick<Store, 'counters'> = () => ({}),
): OpenableStore {
  let store: Ready | undefined;
  let opening: Promise<Ready> | undefined;
  const opened = () => {
    opening ??= open().then(
      (ready) => {
        store = ready;
        return ready;
      },
      (error: unknown) => {
        opening = undefined;
        throw error;
      },
    );
    return opening;
  };
  const records = <Name extends RecordKind>(kind: Name): Records<RecordOf<Name>> => {
    const of = (ready: Store) => ready[kind] as Records<RecordOf<Name>>;
    return {
      read: (key) => (store ? of(store).read(key) : opened().then((ready) => of(ready).read(key))),
      write: (...write) =>
        store ? of(store).write(...write) : opened().then((ready) => of(ready).write(...write)),
      scan: async function* () {
        yield* of(await opened()).scan();
      },
    };
  };
  return {
    ...recordsOfAll(records),
    ...more(opened),
    probe: async () => (await opened()).probe(),
    open: async () => (await opened()).warnings ?? [],
    close: async () => {
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}

/** The counters of a store that has some. */
function countersOnDemand(opened: () => Promise<{ readonly counters: Counters }>) {
  const counters: Counters = {
    read: async (key) => (await opened()).counters.read(key),
    add: async (key, step) => (await opened()).counters.add(key, step),
    takeBack: async (key) => (await opened()).counters.takeBack(key),
  };
  return { counters };
}
