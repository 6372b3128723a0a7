import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';

/** A gateway in a process of its own, started from the command line. */
export interface GatewayProcess {
  /** Where it listens, without a trailing slash. */
  readonly origin: string;
  /** All that it has printed so far: the start, then the log. */
  printed(): string;
  /** Ends it at once, in the middle of whatever it does. */
  kill(): Promise<void>;
  /** Ends it as an operator does; the value is its exit code. */
  stop(): Promise<number | null>;
}

/**
 * Starts one on a free port of the loopback, with these settings beside those of this process's environment; a test that fails leaves it to
 * the end of its own process.
 */
export async function startGatewayProcess(
  environment: Readonly<Record<string, string>>,
  ...flags: readonly string[]
): Promise<GatewayProcess> {
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      'src/main.ts',
      '--port=0',
      '--host=127.0.0.1',
      '--log-format=text',
      ...flags,
    ],
    { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const atEnd = () => child.kill('SIGKILL');
  process.once('exit', atEnd);
  const ended = once(child, 'exit').then(() => process.off('exit', atEnd));
  const printed = outputOf(child);
  await eventually(
    async () => printed.text,
    (text) => text.includes('MCP URL') || child.exitCode !== null,
  );
  const port = /^listening on: +127\.0\.0\.1:(\d+)/m.exec(printed.text)?.[1];
  assert.ok(port, printed.text);
  const end = async (signal: 'SIGKILL' | 'SIGTERM') => {
    child.kill(signal);
    await ended;
    return child.exitCode;
  };
  return {
    origin: `http://127.0.0.1:${port}`,
    printed: () => printed.text,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
}

function outputOf({ stdout, stderr }: ChildProcess): { text: string } {
  const printed = { text: '' };
  for (const stream of [stdout, stderr]) {
    stream?.on('data', (chunk) => {
      printed.text += chunk;
    });
  }
  return printed;
}
