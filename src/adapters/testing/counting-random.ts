import { createHash } from 'node:crypto';
import type { Random } from '../../application/ports.ts';

/**
 * Randomness that is none: every call gives other bytes, every run the same. For tests only: whoever knows the count knows every secret
 * that was made of it.
 */
export function countingRandom(seed = 'counting'): Random {
  let calls = 0;
  return {
    bytes: (count) => {
      calls += 1;
      const blocks = Array.from({ length: Math.ceil(count / 32) }, (_, block) =>
        createHash('sha256').update(`${seed} ${calls} ${block}`).digest(),
      );
      return new Uint8Array(Buffer.concat(blocks).subarray(0, count));
    },
  };
}
