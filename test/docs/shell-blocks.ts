import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A block of commands in a document. */
export interface ShellBlock {
  readonly document: string;
  readonly line: number;
  readonly text: string;
  /** Whether the words before it say that nobody runs it here. */
  readonly isMarked: boolean;
}

/** The blocks of commands of a document, in their order. */
export function shellBlocks(document: string): readonly ShellBlock[] {
  const whole = readFileSync(document, 'utf8');
  return [...whole.matchAll(/^( *)```sh\n([\s\S]*?)^ *```$/gm)].map(
    ({ index, 1: indent = '', 2: text = '' }) => ({
      document,
      line: whole.slice(0, index).split('\n').length,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      isMarked: (whole.slice(0, index).trimEnd().split('\n\n').at(-1) ?? '').includes('(not run)'),
    }),
  );
}

/** One call of a program, with the variables of ours that it was given. */
export interface Call {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Runs commands in a real shell, in a folder, with stand-ins that only note how they are called in place of these programs. */
export function callsIn(commands: string, folder: string, programs: readonly string[]): Call[] {
  const notes = mkdtempSync(join(folder, 'calls-'));
  const bin = mkdtempSync(join(folder, 'bin-'));
  for (const name of programs) {
    const file = join(bin, name);
    writeFileSync(file, standIn(notes, name));
    chmodSync(file, 0o755);
  }
  const ran = spawnSync('bash', ['-euc', commands], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: `${bin}:${process.env.PATH}` },
    timeout: 60_000,
  });
  if (ran.status !== 0) throw new Error(`${ran.stderr}${ran.stdout}`);
  return readdirSync(notes)
    .filter((name) => name.endsWith('.argv'))
    .map((name) => ({
      argv: fields(join(notes, name)),
      env: Object.fromEntries(
        fields(join(notes, name.replace('.argv', '.env')))
          .filter((pair) => pair.startsWith('MCP_GATEWAY_'))
          .map((pair): [string, string] => [
            pair.slice(0, pair.indexOf('=')),
            pair.slice(pair.indexOf('=') + 1),
          ]),
      ),
    }));
}

function standIn(notes: string, name: string): string {
  return `#!/bin/sh
printf '%s\\0' ${name} "$@" > ${notes}/$$.argv
env -0 > ${notes}/$$.env
`;
}

function fields(file: string): string[] {
  return readFileSync(file, 'utf8').split('\0').slice(0, -1);
}
