import { randomBytes } from 'node:crypto';
import type { Random } from '../../application/ports.ts';

/** The operating system's cryptographic randomness. */
export const systemRandom: Random = { bytes: (count) => randomBytes(count) };
