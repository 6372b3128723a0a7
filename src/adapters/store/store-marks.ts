import { StoreUnavailable } from '../../application/ports.ts';
import { deriveKey, type SealingKey } from '../../domain/sealing.ts';
import type { Schema } from './record-format.ts';

/** What a store says of itself beside its records. */
export interface StoreMarks {
  /** The schema of the newest release that wrote to it. */
  readonly schema: number | undefined;
  /** The mark of the gateway key it is written with. */
  readonly key: string | undefined;
}

/** A gateway key's mark: it tells two keys apart, and nothing about either. */
export function keyMark(key: SealingKey): string {
  return Buffer.from(deriveKey(key, '', 'store mark')).toString('base64url');
}

/**
 * The marks that a store has from now on. Refuses with a sentence a store that a newer release has written to, and one of another gateway key: with that
 * no token of it would ever open, and every user would be logged out without anybody knowing why. `where` names the store.
 */
export function renewedMarks(
  found: StoreMarks,
  schema: Schema,
  ourKeys: readonly string[],
  where: string,
): StoreMarks {
  if (found.schema !== undefined && found.schema > schema.version) {
    throw new StoreUnavailable(
      `${where} was written by a newer version of the gateway (its schema is ${found.schema}, this version knows ${schema.version}); run that version, or give another store`,
    );
  }
  const [current] = ourKeys;
  if (found.key !== undefined && current !== undefined && !ourKeys.includes(found.key)) {
    throw new StoreUnavailable(
      `${where} was written with another gateway key; give the key file that belongs to it, or another store`,
    );
  }
  return { schema: schema.version, key: current ?? found.key };
}
