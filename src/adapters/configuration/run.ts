import type { Events } from '../../application/events.ts';
import { type BannerFacts, banner, bannerFields } from './banner.ts';
import { type CommandLine, readCommandLine, refusal } from './command-line.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import { type ReadPassword, readPassword } from './read-password.ts';
import { startFailure } from './start-failure.ts';

/** What of `process` a run needs; `process` itself fits. */
export interface ProcessLike {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Parameters<ReadPassword>[0];
  readonly stdout: {
    readonly columns?: number;
    readonly isTTY?: boolean;
    write(text: string): unknown;
  };
  readonly stderr: { write(text: string): unknown };
  on(signal: StopSignal | 'SIGHUP', listener: () => void): unknown;
  off(signal: StopSignal | 'SIGHUP', listener: () => void): unknown;
}

type StopSignal = 'SIGTERM' | 'SIGINT';

/** What of a gateway a run needs. */
export interface RunnableGateway {
  /** Rejects with the system's error (`code`) when an address cannot be listened on. */
  listen(): Promise<{ readonly addresses: readonly string[]; readonly port: number }>;
  /** Looks at the files that may have changed. */
  reload?(): void;
  close(): Promise<void>;
}

/** Where events go, and what else the operator has to hear. */
export interface OperatorLog extends Events {
  say(level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Writes out what waits to be written. */
  flush(): void;
}

/** What the program can do, as its parts do it. */
export interface Program {
  readonly version: string;
  /** Throws where the configuration cannot work on this machine. */
  readonly createGateway: (config: GatewayConfig, events?: Events) => RunnableGateway;
  /** Left out: nothing is logged. */
  readonly openLog?: (config: GatewayConfig, format: 'text' | 'json') => Promise<OperatorLog>;
  readonly hashPassword: (password: string) => Promise<string>;
  /** The kind of store, in words. */
  readonly store?: string;
}

/**
 * Runs the program: the gateway until a signal stops it, or a command. Resolves with the exit code: 0 for a clean stop (or a command that
 * did what it should), 1 for a failed start, 2 at a second signal, 3 for a stop that failed. The caller exits at once with it.
 */
export async function runCommandLine(process: ProcessLike, program: Program): Promise<number> {
  const { argv, env, stdout, stderr } = process;
  // Heard from the first moment, so that a signal during the start is not lost.
  const signals = stopSignals(process);
  const asked = await readCommandLine(argv.slice(2), env, program.version, stdout.columns);
  if (asked.type === 'start' && !asked.check) return serve(process, program, asked, signals);
  signals.release();
  switch (asked.type) {
    case 'print':
      stdout.write(`${asked.text}\n`);
      return 0;
    case 'refuse':
      stderr.write(`${asked.text}\n`);
      return 1;
    case 'hash_password':
      return hashPassword(process, program);
    case 'start':
      return check(process, program, asked);
  }
}

async function hashPassword({ stdin, stdout, stderr }: ProcessLike, program: Program) {
  const read = await readPassword(stdin, stderr);
  if (read.ok) stdout.write(`${await program.hashPassword(read.value)}\n`);
  else stderr.write(`${read.failure}\n`);
  return read.ok ? 0 : 1;
}

type Start = Extract<CommandLine, { type: 'start' }>;

/** Goes as far as a start can without listening. */
async function check(process: ProcessLike, program: Program, asked: Start): Promise<number> {
  const { config, sources, warnings } = asked;
  try {
    await program.createGateway(config).close();
  } catch (error) {
    process.stderr.write(`${refusal([startFailure(error, config, sources)]).text}\n`);
    return 1;
  }
  const lines = [...warnings.map((each) => `Warning: ${each}`), 'The configuration is good.'];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

async function serve(
  process: ProcessLike,
  program: Program,
  asked: Start,
  signals: StopSignals,
): Promise<number> {
  const { config, sources, warnings } = asked;
  const { version, createGateway, store = 'memory (grants end with this process)' } = program;
  const complain = (text: string) => process.stderr.write(`${text}\n`);
  const { log, tell } = await voice(process, program, config);
  let gateway: RunnableGateway | undefined;
  // Else it would end the process.
  const reload = () => gateway?.reload?.();
  process.on('SIGHUP', reload);
  const run = async (): Promise<number> => {
    try {
      gateway = createGateway(config, log);
      const { addresses, port } = await gateway.listen();
      tell.started({ version, config, sources, addresses, port, store, warnings });
    } catch (error) {
      complain(refusal([startFailure(error, config, sources)]).text);
      return 1;
    }
    tell.stopping(await signals.first);
    try {
      await gateway.close();
      return 0;
    } catch (error) {
      complain(`The gateway did not stop cleanly: ${String(error)}`);
      return 3;
    }
  };
  const code = await Promise.race([run(), signals.second.then(() => 2)]);
  signals.release();
  process.off('SIGHUP', reload);
  log?.flush();
  return code;
}

interface Voice {
  readonly log: OperatorLog | undefined;
  readonly tell: {
    started(facts: BannerFacts): void;
    stopping(signal: StopSignal): void;
  };
}

/** A banner for people; for programs the same as lines of the log. */
async function voice(
  { stdout }: ProcessLike,
  { openLog }: Program,
  config: GatewayConfig,
): Promise<Voice> {
  const { logFormat } = config;
  const format = logFormat === 'auto' ? (stdout.isTTY ? 'text' : 'json') : logFormat;
  const log = await openLog?.(config, format);
  if (log !== undefined && format === 'json') {
    return { log, tell: toldByLog(log) };
  }
  const print = (text: string) => stdout.write(`${text}\n`);
  return {
    log,
    tell: {
      started: (facts) => print(banner(facts).join('\n')),
      stopping: (signal) => print(`Stopping after ${signal}; a second signal stops at once.`),
    },
  };
}

function toldByLog(log: OperatorLog): Voice['tell'] {
  return {
    started: (facts) => {
      log.say('info', 'started', bannerFields(facts));
      for (const warning of facts.warnings) log.say('warn', warning);
    },
    stopping: (signal) => log.say('info', 'stopping', { signal }),
  };
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
