/** What asks a program to stop. */
export type StopSignal = 'SIGTERM' | 'SIGINT';

/** Where signals come from; `process` fits. */
export interface Signalled {
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
}

/** The signals of a run: the first stops it, the second ends it at once. */
export interface StopSignals {
  readonly first: Promise<StopSignal>;
  readonly second: Promise<StopSignal>;
  /** Gives the signals back to whoever embeds the run. */
  release(): void;
}

/** Hears the signals from now on. */
export function stopSignals(process: Signalled): StopSignals {
  const names: readonly StopSignal[] = ['SIGTERM', 'SIGINT'];
  const waiting: ((signal: StopSignal) => void)[] = [];
  const first = new Promise<StopSignal>((resolve) => waiting.push(resolve));
  const second = new Promise<StopSignal>((resolve) => waiting.push(resolve));
  const listeners = names.map((name) => ({ name, listener: () => waiting.shift()?.(name) }));
  for (const { name, listener } of listeners) process.on(name, listener);
  return {
    first,
    second,
    release: () => {
      for (const { name, listener } of listeners) process.off(name, listener);
    },
  };
}
