import type { StoreLimits } from '../../src/adapters/store/limits.ts';
import { recordKinds } from '../../src/adapters/testing/sample-records.ts';

/** The same limit for each kind of record; none where there is none. */
export function everyLimit(limit: number | undefined): Partial<StoreLimits> {
  return limit === undefined ? {} : Object.fromEntries(recordKinds.map((kind) => [kind, limit]));
}
