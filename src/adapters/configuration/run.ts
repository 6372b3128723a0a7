import { setTimeout as wait } from 'node:timers/promises';
import { failure, type Result, success } from '../../domain/result.ts';
import { banner } from './banner.ts';
import { readCommandLine, refusal } from './command-line.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import { nodeWorkers, type Workers } from './node-workers.ts';
import type { Sources } from './sources.ts';
import { startFailure } from './start-failure.ts';
import { describeStore } from './store-location.ts';
import { type Listening, runPool } from './worker-pool.ts';

/** What of `process` a run needs; `process` itself fits. */
export interface ProcessLike {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { readonly columns?: number; write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
}

type StopSignal = 'SIGTERM' | 'SIGINT';

/** What of a gateway a run needs. */
export interface RunnableGateway {
  /** Rejects with the system's error (`code`) when an address cannot be listened on. */
  listen(): Promise<Listening>;
  /** Tells as an event what keeps users from signing in at the upstream. */
  lookAtUpstream(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Runs the gateway until a signal stops it. Resolves with the exit code: 0 for a clean stop (or
 * `--help`), 1 for a failed start, 2 at a second signal, 3 for a stop that failed. The caller exits
 * at once with it.
 */
export async function runCommandLine(
  process: ProcessLike,
  createGateway: (config: GatewayConfig) => RunnableGateway,
  version: string,
  workers: Workers = nodeWorkers(),
): Promise<number> {
  const asked = readCommandLine(
    process.argv.slice(2),
    process.env,
    version,
    process.stdout.columns,
  );
  if (asked.type === 'print') {
    process.stdout.write(`${asked.text}\n`);
    return 0;
  }
  if (asked.type === 'refuse') {
    process.stderr.write(`${asked.text}\n`);
    return 1;
  }
  // Heard from the first moment, so that a signal during the start is not lost.
  const signals = stopSignals(process);
  const run: Run = { process, createGateway, version, signals, ...asked };
  const running = workers.line
    ? serveForAnother(run, workers.line)
    : run.config.workers > 1
      ? supervise(run, workers)
      : serveAlone(run);
  const code = await Promise.race([running, signals.second.then(() => 2)]);
  signals.release();
  return code;
}

/** A run that is under way. */
interface Run {
  readonly process: ProcessLike;
  readonly createGateway: (config: GatewayConfig) => RunnableGateway;
  readonly version: string;
  readonly signals: StopSignals;
  readonly config: GatewayConfig;
  readonly sources: Sources;
  readonly warnings: readonly string[];
}

/** The gateway in this process. */
async function serveAlone(run: Run): Promise<number> {
  const started = await start(run);
  if (!started.ok) {
    complain(run, started.failure);
    return 1;
  }
  const { gateway, listening } = started.value;
  announce(run, listening);
  look(run, gateway);
  await stopSignal(run);
  return stop(run, gateway);
}

/** The gateway in this process, on behalf of the one that started it. */
async function serveForAnother(run: Run, line: NonNullable<Workers['line']>): Promise<number> {
  const started = await start(run);
  if (!started.ok) {
    await line.report({ type: 'failed', text: started.failure });
    return 1;
  }
  const { gateway, listening } = started.value;
  await line.report({ type: 'listening', listening });
  look(run, gateway);
  // A terminal signals the whole group, a service manager often only the first process.
  await Promise.race([line.stop, run.signals.first]);
  return stop(run, gateway);
}

/** The gateway in as many processes as were asked for; this one only looks after them. */
function supervise(run: Run, workers: Workers): Promise<number> {
  return runPool({
    size: run.config.workers,
    fork: workers.fork,
    announce: (listening) => announce(run, listening),
    complain: (text) => complain(run, text),
    now: () => performance.now(),
    wait: (milliseconds) => wait(milliseconds, undefined),
    stop: stopSignal(run),
    stopNow: run.signals.second,
  });
}

async function start({
  createGateway,
  config,
  sources,
}: Run): Promise<
  Result<{ readonly gateway: RunnableGateway; readonly listening: Listening }, string>
> {
  try {
    const gateway = createGateway(config);
    return success({ gateway, listening: await gateway.listen() });
  } catch (error) {
    return failure(refusal([startFailure(error, config, sources)]).text);
  }
}

/** Nobody waits for it: an upstream that is down keeps no gateway from starting. */
function look(run: Run, gateway: RunnableGateway): void {
  gateway.lookAtUpstream().catch((error: unknown) => complain(run, String(error)));
}

async function stop(run: Run, gateway: RunnableGateway): Promise<number> {
  try {
    await gateway.close();
    return 0;
  } catch (error) {
    complain(run, `The gateway did not stop cleanly: ${String(error)}`);
    return 3;
  }
}

function announce({ process, version, config, sources, ...run }: Run, listening: Listening): void {
  const { addresses, port, warnings = [] } = listening;
  const store = describeStore(config.store, process.env);
  const facts = { version, config, sources, addresses, port, store };
  const lines = banner({ ...facts, warnings: [...run.warnings, ...warnings] });
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function stopSignal({ process, signals }: Run): Promise<void> {
  const signal = await signals.first;
  process.stdout.write(`Stopping after ${signal}; a second signal stops at once.\n`);
}

function complain({ process }: Run, text: string): void {
  process.stderr.write(`${text}\n`);
}

interface StopSignals {
  readonly first: Promise<StopSignal>;
  readonly second: Promise<StopSignal>;
  /** Gives the signals back to whoever embeds the run. */
  release(): void;
}

function stopSignals(process: ProcessLike): StopSignals {
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
