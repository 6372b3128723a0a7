import type { Clock } from '../../application/ports.ts';
import { epochSeconds } from '../../domain/lifetime.ts';

/** The clock on the wall, for the fakes that are real servers. */
export const wallClock: Clock = {
  now: () => epochSeconds(Date.now() / 1000),
  sleep: (milliseconds) =>
    new Promise((resolve) => {
      setTimeout(resolve, milliseconds);
    }),
};
