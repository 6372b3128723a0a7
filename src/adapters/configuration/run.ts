import { type CommandLine, readCommandLine, refusal } from './command-line.ts';
import { nodeWorkers, type Workers } from './node-workers.ts';
import { printed } from './printed.ts';
import { type ReadPassword, readPassword } from './read-password.ts';
import { type ServedProgram, type ServingProcess, serve } from './serve.ts';
import { startFailure } from './start-failure.ts';
import { type Signalled, stopSignals } from './stop-signals.ts';

/** What of `process` a run needs; `process` itself fits. */
export interface ProcessLike extends Signalled, ServingProcess {
  readonly argv: readonly string[];
  readonly stdin: Parameters<ReadPassword>[0];
  readonly stdout: ServingProcess['stdout'] & { readonly columns?: number };
  on(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT' | 'SIGHUP', listener: () => void): unknown;
}

/** What the program can do, as its parts do it. */
export interface Program extends ServedProgram {
  readonly hashPassword: (password: string) => Promise<string>;
}

/**
 * Runs the program: the gateway until a signal stops it, or a command. Resolves with the exit code: 0 for a clean stop (or a command that
 * did what it should), 1 for a failed start, 2 at a second signal, 3 for a stop that failed. The caller exits at once with it.
 */
export async function runCommandLine(
  process: ProcessLike,
  program: Program,
  workers: Workers = nodeWorkers(),
): Promise<number> {
  const { argv, env, stdout, stderr } = process;
  // Heard from the first moment, so that a signal during the start is not lost.
  const signals = stopSignals(process);
  const asked = await readCommandLine(argv.slice(2), env);
  if (asked.type === 'start' && !asked.check) {
    return serve(process, program, asked, signals, workers);
  }
  signals.release();
  switch (asked.type) {
    case 'help':
    case 'version':
      stdout.write(`${await printed(asked, program.version, stdout.columns)}\n`);
      return 0;
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
