import type { RecordKind, RecordOf, Records, Store } from '../../application/ports.ts';

/** The records of every kind, as a store has them. */
export type RecordsOfAll = Pick<Store, RecordKind>;

/** Makes the records of every kind, each in the same way: a store that has one of them has all. */
export function recordsOfAll(
  make: <Name extends RecordKind>(kind: Name) => Records<RecordOf<Name>>,
): RecordsOfAll {
  return {
    flows: make('flows'),
    clients: make('clients'),
    grants: make('grants'),
    registrations: make('registrations'),
    assertions: make('assertions'),
    stepUps: make('stepUps'),
  };
}
