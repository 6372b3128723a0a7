import cluster from 'node:cluster';
import { once } from 'node:events';
import type { WorkerProcess, WorkerReport } from './worker-pool.ts';

/** How a command line comes to have workers, or to be one. */
export interface Workers {
  /** The line to the process that started this one; absent where this is no worker. */
  readonly line:
    | { report(report: WorkerReport): Promise<void>; readonly stop: Promise<unknown> }
    | undefined;
  fork(): WorkerProcess;
}

/** Workers of node:cluster: they share what is listened on, and run what this process runs. */
export function nodeWorkers(): Workers {
  const { worker } = cluster;
  return {
    line: worker && {
      report: (report) => new Promise((sent) => worker.send(report, () => sent())),
      // The only message there is. A worker that loses its primary is ended by node:cluster itself.
      stop: once(worker, 'message'),
    },
    fork,
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
  return {
    pid: worker.process.pid,
    reported: Promise.race([report, ended.then(() => undefined)]),
    ended,
    stop: () => {
      if (worker.isConnected()) worker.send('stop', () => {});
    },
    kill: () => {
      worker.process.kill('SIGKILL');
    },
  };
}
