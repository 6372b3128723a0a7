import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { defences, type Removal } from './defences.ts';
import { type Proof, type Threat, threats } from './threat-table.ts';

// Takes every defence of the table of threats away, one after the other and in a copy, and demands that each test that the table names
// fails at least once. Takes some minutes: `npm run threats`, or with a word of one row's threat to try that row alone.

const [word = ''] = process.argv.slice(2);
const copy = mkdtempSync(join(tmpdir(), 'removed-defences-'));
const left: string[] = [];
try {
  for (const each of ['src', 'test', 'docs', 'deploy', 'package.json', 'tsconfig.json']) {
    cpSync(each, join(copy, each), { recursive: true });
  }
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'));
  for (const row of threats().filter(({ threat }) => threat.includes(word)))
    left.push(...tried(row));
} finally {
  rmSync(copy, { recursive: true, force: true });
}
for (const each of left) console.error(`not shown: ${each}`);
process.exitCode = left.length > 0 ? 1 : 0;

/** The tests of a row that did not fail, whatever was taken away. */
function tried({ threat, proofs }: Threat): readonly string[] {
  const removals = defences[Object.keys(defences).find((each) => threat.startsWith(each)) ?? ''];
  const open = new Set(proofs.map(({ title }) => title));
  for (const removal of removals ?? []) {
    const failed = failedWithout(removal, proofs);
    console.log(
      `${failed.length > 0 ? 'seen' : 'NOTHING FAILS'}  ${threat.slice(0, 50)}  ${removal.text.trim().slice(0, 60)}`,
    );
    for (const title of failed) open.delete(title);
  }
  return [...open];
}

function failedWithout(
  { file, text, becomes }: Removal,
  proofs: readonly Proof[],
): readonly string[] {
  const path = join(copy, file);
  const whole = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    whole.replace(text, () => becomes),
  );
  try {
    return proofs.filter(fails).map(({ title }) => title);
  } finally {
    writeFileSync(path, whole);
  }
}

/** Whether the one test fails, or never ends; a file that no longer loads shows nothing. */
function fails({ file, title }: Proof): boolean {
  const pattern = escaped(title.replace(/ \(seed .*$/, ''));
  const ran = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--test', '--test-reporter=tap', `--test-name-pattern=${pattern}`, file],
    { cwd: copy, encoding: 'utf8', timeout: 60_000 },
  );
  const { code } = (ran.error ?? {}) as NodeJS.ErrnoException;
  if (code === 'ETIMEDOUT') return true;
  return new RegExp(`not ok \\d+ - ${pattern}`).test(ran.stdout.replaceAll('\\#', '#'));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
