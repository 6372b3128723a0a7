/** What a gateway says once it listens. */
export interface Listening {
  readonly addresses: readonly string[];
  readonly port: number;
  /** What an operator should know of it, a sentence each. */
  readonly warnings?: readonly string[];
}

/** What a worker tells the process that started it, once. */
export type WorkerReport =
  | { readonly type: 'listening'; readonly listening: Listening }
  | { readonly type: 'failed'; readonly text: string };

/** A process that runs the gateway for another. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Resolves with what it reports first, or with `undefined` when it ends before. */
  readonly reported: Promise<WorkerReport | undefined>;
  /** Resolves with how it ended: an exit code, or the name of a signal. */
  readonly ended: Promise<number | string>;
  /** Asks it to finish what it does; heard once it has reported. */
  stop(): void;
  /** Asks it to look at the files that may have changed. */
  reload(): void;
  /** Ends it at once. */
  kill(): void;
}

/** What a pool of workers needs. */
export interface PoolParts {
  readonly size: number;
  fork(): WorkerProcess;
  /** Told once, when the first worker listens. */
  announce(listening: Listening): void;
  complain(text: string): void;
  /** Given what is to be done whenever the workers are to look at their files again. */
  onReload(reload: () => void): void;
  /** Milliseconds. */
  now(): number;
  wait(milliseconds: number): Promise<void>;
  /** Resolves when the workers are to finish, and when they are to end at once. */
  readonly stop: Promise<unknown>;
  readonly stopNow: Promise<unknown>;
}

/**
 * Runs workers until it is told to stop. One starts alone, so that a fault of the configuration is told once; a worker that dies is replaced, the slower the
 * more of them die. Resolves with the exit code: 0, 1 where the first one could not start, 3 where one did not end cleanly.
 */
export async function runPool(parts: PoolParts): Promise<number> {
  const pool: Pool = { parts, alive: new Set(), deaths: [], stopping: false };
  const stopped = parts.stop.then(() => {
    pool.stopping = true;
    for (const worker of pool.alive) worker.stop();
  });
  parts.onReload(() => {
    for (const worker of pool.alive) worker.reload();
  });
  parts.stopNow
    .then(() => {
      for (const worker of pool.alive) worker.kill();
    })
    .catch(() => {});
  const first = born(pool);
  const report = await first.reported;
  if (pool.stopping) return worst([await first.ended]);
  if (report?.type !== 'listening') {
    parts.complain(report?.text ?? `The gateway ended before it listened (${await first.ended}).`);
    return 1;
  }
  parts.announce(report.listening);
  const places = Array.from({ length: parts.size }, (_, place) =>
    kept(pool, place === 0 ? first : born(pool), stopped),
  );
  return worst(await Promise.all(places));
}

interface Pool {
  readonly parts: PoolParts;
  readonly alive: Set<WorkerProcess>;
  /** When workers died unasked, not longer ago than {@link memory}. */
  deaths: readonly number[];
  stopping: boolean;
}

const memory = 60_000;
const shortestDelay = 100;
const longestDelay = 30_000;

function born(pool: Pool): WorkerProcess {
  const worker = pool.parts.fork();
  pool.alive.add(worker);
  // While it starts it hears nothing: what it missed is said again.
  worker.reported
    .then(() => {
      if (pool.stopping) worker.stop();
    })
    .catch(() => {});
  return worker;
}

/** Keeps one place of the pool filled until the stop; resolves with how its last worker ended. */
async function kept(
  pool: Pool,
  worker: WorkerProcess,
  stopped: Promise<void>,
): Promise<number | string> {
  const { complain, wait } = pool.parts;
  let current = worker;
  for (;;) {
    const ending = await current.ended;
    pool.alive.delete(current);
    if (pool.stopping) return ending;
    const delay = delayAfterDeath(pool);
    complain(`Worker ${current.pid} ended (${ending}); another takes its place in ${delay} ms.`);
    await Promise.race([wait(delay), stopped]);
    if (pool.stopping) return 0;
    current = born(pool);
  }
}

function delayAfterDeath(pool: Pool): number {
  const now = pool.parts.now();
  pool.deaths = [...pool.deaths.filter((moment) => now - moment < memory), now];
  return Math.min(longestDelay, shortestDelay * 2 ** (pool.deaths.length - 1));
}

function worst(endings: readonly (number | string)[]): number {
  return endings.every((ending) => ending === 0) ? 0 : 3;
}
