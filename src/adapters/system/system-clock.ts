import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../../application/ports.ts';
import { epochSeconds } from '../../domain/lifetime.ts';

/** The clock of this machine. Waiting never keeps a process alive that has nothing else to do. */
export const systemClock: Clock = {
  now: () => epochSeconds(Date.now() / 1000),
  sleep: (milliseconds) => wait(milliseconds, undefined, { ref: false }),
};
