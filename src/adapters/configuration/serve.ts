import { setTimeout as wait } from 'node:timers/promises';
import type { Events } from '../../application/events.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import { type CommandLine, refusal } from './command-line.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import type { Workers } from './node-workers.ts';
import { type OpenLog, type OperatorVoice, operatorVoice } from './operator-voice.ts';
import { startFailure } from './start-failure.ts';
import type { StopSignals } from './stop-signals.ts';
import { describeStore } from './store-location.ts';
import { type Listening, runPool } from './worker-pool.ts';

/** What of a gateway a run needs. */
export interface RunnableGateway {
  /** Rejects with the system's error (`code`) when an address cannot be listened on. */
  listen(): Promise<Listening>;
  /** Tells as an event what keeps users from signing in at the upstream. */
  lookAtUpstream(): Promise<void>;
  /** Looks at the files that may have changed. */
  reload?(): void;
  close(): Promise<void>;
}

/** What of the program serving needs. */
export interface ServedProgram {
  readonly version: string;
  /** Throws where the configuration cannot work on this machine. */
  readonly createGateway: (config: GatewayConfig, events?: Events) => RunnableGateway;
  /** Left out: nothing is logged. */
  readonly openLog?: OpenLog;
}

/** What of `process` serving needs. */
export interface ServingProcess {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { readonly isTTY?: boolean; write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  on(signal: 'SIGHUP', listener: () => void): unknown;
  off(signal: 'SIGHUP', listener: () => void): unknown;
}

/** A run that is under way. */
interface Run {
  readonly process: ServingProcess;
  readonly program: ServedProgram;
  readonly signals: StopSignals;
  readonly asked: Extract<CommandLine, { type: 'start' }>;
  readonly voice: OperatorVoice;
  gateway: RunnableGateway | undefined;
  /** What SIGHUP asks for: that the gateway here, or the workers, look at their files again. */
  reload: () => void;
}

/**
 * Runs the gateway until a signal stops it: in this process, in several, or as one of those. Resolves with the exit code: 0 for a clean
 * stop, 1 for a failed start, 2 at a second signal, 3 for a stop that failed.
 */
export async function serve(
  process: ServingProcess,
  program: ServedProgram,
  asked: Run['asked'],
  signals: StopSignals,
  workers: Workers,
): Promise<number> {
  const voice = await operatorVoice(process.stdout, program.openLog, asked.config);
  const look = () => run.gateway?.reload?.();
  const run: Run = { process, program, signals, asked, voice, gateway: undefined, reload: look };
  // Else it would end the process.
  const reload = () => run.reload();
  process.on('SIGHUP', reload);
  const running = workers.line
    ? serveForAnother(run, workers.line)
    : asked.config.workers > 1
      ? supervise(run, workers)
      : serveAlone(run);
  const code = await Promise.race([running, signals.second.then(() => 2)]);
  signals.release();
  process.off('SIGHUP', reload);
  voice.log?.flush();
  return code;
}

/** The gateway in this process. */
async function serveAlone(run: Run): Promise<number> {
  const started = await start(run);
  if (!started.ok) {
    complain(run, started.failure);
    return 1;
  }
  announce(run, started.value.listening);
  look(run, started.value.gateway);
  await stopSignal(run);
  return stop(run, started.value.gateway);
}

/** The gateway in this process, on behalf of the one that started it. */
async function serveForAnother(run: Run, line: NonNullable<Workers['line']>): Promise<number> {
  line.onReload(run.reload);
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
    size: run.asked.config.workers,
    fork: workers.fork,
    announce: (listening) => announce(run, listening),
    complain: (text) => complain(run, text),
    onReload: (reload) => {
      run.reload = reload;
    },
    now: () => performance.now(),
    wait: (milliseconds) => wait(milliseconds, undefined),
    stop: stopSignal(run),
    stopNow: run.signals.second,
  });
}

async function start(
  run: Run,
): Promise<Result<{ readonly gateway: RunnableGateway; readonly listening: Listening }, string>> {
  const { config, sources } = run.asked;
  try {
    const gateway = run.program.createGateway(config, run.voice.log);
    run.gateway = gateway;
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

function announce({ process, program, asked, voice }: Run, listening: Listening): void {
  const { addresses, port, warnings = [] } = listening;
  const { config, sources } = asked;
  voice.tell.started({
    version: program.version,
    config,
    sources,
    addresses,
    port,
    store: describeStore(config.store, process.env),
    warnings: [...asked.warnings, ...warnings],
  });
}

async function stopSignal({ signals, voice }: Run): Promise<void> {
  voice.tell.stopping(await signals.first);
}

function complain({ process }: Run, text: string): void {
  process.stderr.write(`${text}\n`);
}
