import { type ChildProcess, fork, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Load, LoadResult } from './load.ts';

/** A server under measure, in a process of its own. */
export interface Server {
  readonly port: number;
  readonly pid: number;
  /** CPU time that the system has accounted to all its threads so far (microseconds). */
  cpu(): number;
  /** Resident memory (bytes). */
  memory(): number;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a server and waits for its line `listening PORT`, or until `ready` finds the port in what it prints. */
export async function startServer(
  command: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  ready = /listening (\d+)/,
): Promise<Server> {
  const child = spawn(command, parameters, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  const port = await new Promise<number>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      const found = ready.exec(text)?.[1];
      if (found !== undefined) resolve(Number(found));
    });
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}: ${text}`)));
  });
  return serverOf(child, port);
}

/** A server that has been started, and says its port by other means. */
export function serverOf(child: ChildProcess, port: number): Server {
  const pid = child.pid ?? 0;
  return {
    port,
    pid,
    cpu: () => cpuOf(pid),
    memory: () => memoryOf(pid),
    stop: () => stop(child),
  };
}

/** Nanoseconds on a processor, thread by thread: finer than the hundredths of a second of /proc/PID/stat. */
function cpuOf(pid: number): number {
  let total = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const line = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8');
    total += Number(line.split(' ')[0]);
  }
  return total / 1000;
}

function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    running.delete(child);
    if (child.exitCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 7000);
    timer.unref();
  });
}

/** The load generator, in a process of its own. */
export interface Generator {
  run(load: Load): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** Starts the load generator. */
export async function startGenerator(script: URL): Promise<Generator> {
  const child = fork(script);
  running.add(child);
  await message(child);
  return {
    run: (load) => {
      const result = message(child) as Promise<LoadResult>;
      child.send(load);
      return result;
    },
    stop: () => stop(child),
  };
}

function message(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => {
    child.once('message', resolve);
  });
}
