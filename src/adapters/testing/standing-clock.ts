import type { Clock } from '../../application/ports.ts';
import { type EpochSeconds, epochSeconds } from '../../domain/lifetime.ts';

/** A clock that stands still until it is told to move. */
export interface StandingClock extends Clock {
  /** Moves the clock; whoever slept until then wakes up. */
  advance(seconds: number): void;
}

/** How a standing clock treats those who wait. */
export interface StandingClockOptions {
  /**
   * Whether waiting moves the clock: as soon as the process has nothing else to do, time jumps to the first sleeper's end. Code that
   * waits then runs without anybody telling the clock, and without real time going by. Not for tests over sockets, where a
   * process with nothing to do may be waiting for an answer.
   */
  readonly flowing?: boolean;
}

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/** Makes a clock that stands at a moment (seconds since 1970; 2026-01-01 unless told). */
export function standingClock(
  start = 1_767_225_600,
  { flowing = false }: StandingClockOptions = {},
): StandingClock {
  let milliseconds = start * 1000;
  let sleepers: readonly Sleeper[] = [];
  let jumping = false;

  const moveTo = (moment: number): void => {
    milliseconds = Math.max(milliseconds, moment);
    const awake = sleepers.filter(({ until }) => until <= milliseconds);
    sleepers = sleepers.filter(({ until }) => until > milliseconds);
    for (const { wake } of awake) wake();
  };
  const jump = (): void => {
    jumping = false;
    if (sleepers.length === 0) return;
    moveTo(Math.min(...sleepers.map(({ until }) => until)));
    flow();
  };
  const flow = (): void => {
    if (!flowing || jumping || sleepers.length === 0) return;
    jumping = true;
    setImmediate(jump);
  };

  return {
    now: (): EpochSeconds => epochSeconds(milliseconds / 1000),
    advance: (seconds) => moveTo(milliseconds + seconds * 1000),
    sleep: (length) =>
      new Promise((wake) => {
        sleepers = [...sleepers, { until: milliseconds + length, wake }];
        flow();
      }),
  };
}
