import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';

/** The command line, started as an operator starts it. */
export interface CommandLine {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly printed: { readonly out: string; readonly err: string };
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Where it listens, once it has said so. */
  base(): Promise<string>;
}

/** Starts it with a state folder of its own. Whoever starts it ends it. */
export function startCommandLine(home: string, flags: readonly string[]): CommandLine {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts', ...flags], {
    env: { ...process.env, XDG_STATE_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    printed.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    printed.err += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  const base = async () => {
    await eventually(
      async () => printed.out + printed.err,
      () => printed.out.includes('MCP URL') || child.exitCode !== null,
    );
    const port = /^listening on: +127\.0\.0\.1:(\d+)/m.exec(printed.out)?.[1];
    assert.ok(port, printed.err);
    return `http://127.0.0.1:${port}`;
  };
  return { child, printed, ended, base };
}
