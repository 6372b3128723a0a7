import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Check } from './checks.ts';

const { resolve } = createRequire(import.meta.url);
const packageFile = resolve('@modelcontextprotocol/conformance/package.json');

/** What may be told to a run of the suite beside its arguments. */
export interface SuiteRun {
  /** Hears every line the suite prints, while it runs; a rejection ends the run. */
  readonly onLine?: (line: string) => Promise<void>;
}

/** Milliseconds for one command of the suite; a good one takes five seconds. */
const patience = 180_000;

/**
 * Runs one command of the suite in a process of its own and gives back all checks of all its scenarios. Failed checks are a
 * result like any other; a run without any is an error that shows what the suite printed.
 */
export async function runSuite(
  args: readonly string[],
  { onLine }: SuiteRun = {},
): Promise<readonly Check[]> {
  const results = await mkdtemp(join(tmpdir(), 'conformance-'));
  try {
    const printed = await run([...args, '--output-dir', results], onLine);
    const checks = await readResults(results);
    if (checks.length === 0) throw new Error(`The suite had no result:\n${printed}`);
    return checks;
  } finally {
    await rm(results, { recursive: true });
  }
}

async function run(args: readonly string[], onLine: SuiteRun['onLine']): Promise<string> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(new Error('The suite took too long.')), patience);
  const suite = spawn(process.execPath, [join(dirname(packageFile), 'dist/index.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: stop.signal,
  });
  const lines: string[] = [];
  suite.stderr.on('data', (chunk) => lines.push(String(chunk)));
  createInterface(suite.stdout).on('line', (line) => {
    lines.push(line);
    onLine?.(line).catch((error: unknown) => stop.abort(error));
  });
  try {
    await new Promise<void>((done, failed) => {
      suite.once('close', () => done());
      suite.once('error', (error) => failed(stop.signal.reason ?? error));
    });
  } finally {
    clearTimeout(timer);
  }
  return lines.slice(-20).join('\n');
}

const resultFile = z.array(
  z.object({
    id: z.string(),
    status: z.enum(['SUCCESS', 'FAILURE', 'WARNING', 'SKIPPED', 'INFO']),
    description: z.string(),
    errorMessage: z.string().optional(),
  }),
);

/** `server-tools-list-2026-11-24T07-51-45-535Z`: the command, the scenario, the time. */
const resultName = /^(?:server|authorization-server)-(?<scenario>.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/;

async function readResults(folder: string): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const scenario = resultName.exec(name)?.groups?.scenario;
    if (scenario === undefined) throw new Error(`What is the result ${name} about?`);
    const file = join(folder, name, 'checks.json');
    for (const check of existsSync(file) ? await readChecks(file) : [brokenOff]) {
      checks.push({ ...check, scenario });
    }
  }
  return checks;
}

/** A scenario that throws leaves an empty folder behind. */
const brokenOff: Omit<Check, 'scenario'> = {
  id: 'scenario',
  status: 'FAILURE',
  description: 'The scenario has an end',
  errorMessage: 'It broke off, without a result.',
};

async function readChecks(file: string): Promise<ReadonlyArray<Omit<Check, 'scenario'>>> {
  const found = resultFile.parse(JSON.parse(await readFile(file, 'utf8')));
  return found.map((check) => ({ ...check, errorMessage: check.errorMessage }));
}
