import { randomBytes } from 'node:crypto';
import type { Version } from '../../application/ports.ts';

/** A version that no state of any record has had: 48 random bits, chosen by the writer, so that no process has to ask another. */
export function newVersion(): Version {
  // Zero means no version to LMDB.
  return (randomBytes(6).readUIntBE(0, 6) + 1) as Version;
}
