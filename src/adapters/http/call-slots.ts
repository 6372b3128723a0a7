import type { GrantId } from '../../domain/token-pair.ts';

/** How many calls to /mcp, streams among them, may be under way at a time. */
export interface CallLimits {
  readonly perGrant: number;
  readonly total: number;
}

/** The room for calls that are under way. */
export interface CallSlots {
  /** Takes a place; to be released when the call is over. Where there is none: whether the grant has too many, or all together. */
  take(grant: GrantId): (() => void) | 'grant' | 'total';
}

/** Makes the room. */
export function callSlots({ perGrant, total }: CallLimits): CallSlots {
  const taken = new Map<GrantId, number>();
  let all = 0;
  return {
    take: (grant) => {
      const own = taken.get(grant) ?? 0;
      if (own >= perGrant) return 'grant';
      if (all >= total) return 'total';
      taken.set(grant, own + 1);
      all += 1;
      return () => {
        all -= 1;
        const left = (taken.get(grant) ?? 0) - 1;
        if (left > 0) taken.set(grant, left);
        else taken.delete(grant);
      };
    },
  };
}
