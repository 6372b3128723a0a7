import cluster, { type Worker } from 'node:cluster';
import type { WorkerProcess, WorkerReport } from './worker-pool.ts';

/** How a command line comes to have workers, or to be one. */
export interface Workers {
  /** The line to the process that started this one; absent where this is no worker. */
  readonly line:
    | {
        report(report: WorkerReport): Promise<void>;
        readonly stop: Promise<unknown>;
        onReload(reload: () => void): void;
      }
    | undefined;
  fork(): WorkerProcess;
}

/** Workers of node:cluster: they share what is listened on, and run what this process runs. */
export function nodeWorkers(): Workers {
  const { worker } = cluster;
  return {
    line: worker && lineOf(worker),
    fork,
  };
}

/** What a process says to its workers. */
type Order = 'stop' | 'reload';

function lineOf(worker: Worker): NonNullable<Workers['line']> {
  const onOrder = (awaited: Order, obey: () => void) =>
    worker.on('message', (order: Order) => {
      if (order === awaited) obey();
    });
  return {
    report: (report) => new Promise((sent) => worker.send(report, () => sent())),
    // A worker that loses its primary is ended by node:cluster itself.
    stop: new Promise<void>((resolve) => onOrder('stop', resolve)),
    onReload: (reload) => onOrder('reload', reload),
  };
}

function fork(): WorkerProcess {
  const worker = cluster.fork();
  const ended = new Promise<number | string>((resolve) => {
    worker.once('exit', (code: number | null, signal: string | null) =>
      resolve(signal ?? code ?? 0),
    );
  });
  const report = new Promise<WorkerReport>((resolve) => worker.once('message', resolve));
  const order = (what: Order) => {
    if (worker.isConnected()) worker.send(what, () => {});
  };
  return {
    pid: worker.process.pid,
    reported: Promise.race([report, ended.then(() => undefined)]),
    ended,
    stop: () => order('stop'),
    reload: () => order('reload'),
    kill: () => {
      worker.process.kill('SIGKILL');
    },
  };
}
