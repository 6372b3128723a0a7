import type { RecordKind } from '../../application/ports.ts';
import type { SealingKey } from '../../domain/sealing.ts';
import type { StoreLimits } from './limits.ts';
import type { Schema } from './record-format.ts';

/** What a store that outlives the process may be told beside its place. */
export interface StoreOptions {
  /** The bounds; Redis has one of its own. */
  readonly limits?: Partial<StoreLimits>;
  readonly schema?: Schema;
  /** Hears how many records of a kind a scan left out because they cannot be read; again only when it is another number. */
  readonly unreadable?: (kind: RecordKind, count: number) => void;
  /** The gateway keys, the current one first: the store is refused where it was written with another. Absent: any will do. */
  readonly keys?: readonly SealingKey[];
}
