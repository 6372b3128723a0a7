import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openDiskStore } from '../../src/adapters/store/disk.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import type { UpstreamRegistration, Version } from '../../src/application/ports.ts';
import { after, seconds } from '../../src/domain/lifetime.ts';

/** What a process of its own does with a store on disk. */
export type DiskTask =
  /** Adds one to the number in a record so many times, again where another was faster. */
  | { readonly type: 'count'; readonly key: string; readonly times: number }
  /** Writes record after record until it is killed, and reports each once it is acknowledged. */
  | { readonly type: 'write'; readonly prefix: string }
  /** Writes until it cannot, waits for a message that there is room again, and writes once more; reports each outcome. */
  | { readonly type: 'fill' };

/** An acknowledged write. */
export interface Acknowledged {
  readonly key: string;
  readonly version: number;
}

/** The number that a record of the counting task holds. */
export function numbered(number: number): UpstreamRegistration {
  const server = 'https://as.upstream.example';
  const secret = { clientSecret: undefined, secretExpiresAt: undefined };
  return { server, clientId: String(number), ...secret, method: 'none' };
}

/** Starts a process that opens the store and does its task; every message of it is a report. */
export function startDiskChild(path: string, task: DiskTask): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [path, JSON.stringify(task)], {
    execArgv: ['--import', 'tsx'],
  });
}

/** Starts a filling process that may not make a file larger than so many KiB, until its limit is lifted. */
export function startFillingChild(path: string, kibibytes: number): ChildProcess {
  const limited = `trap '' XFSZ; ulimit -S -f ${kibibytes}; exec "$0" "$@"`;
  const script = fileURLToPath(import.meta.url);
  const task: DiskTask = { type: 'fill' };
  return spawn(
    'bash',
    ['-c', limited, process.execPath, '--import', 'tsx', script, path, JSON.stringify(task)],
    // lmdb says on stderr what the system said.
    { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] },
  );
}

/** Kills a writing process after so many reports, and gives back all that it acknowledged. */
export async function killedWhileWriting(
  path: string,
  prefix: string,
  reports: number,
): Promise<readonly Acknowledged[]> {
  const child = startDiskChild(path, { type: 'write', prefix });
  const acknowledged: Acknowledged[] = [];
  child.on('message', (report) => {
    acknowledged.push(report as Acknowledged);
    if (acknowledged.length === reports) child.kill('SIGKILL');
  });
  await once(child, 'close');
  return acknowledged;
}

/** Opens the store again and asserts that everything acknowledged is there. */
export async function assertKept(
  path: string,
  acknowledged: readonly Acknowledged[],
): Promise<void> {
  const store = await openDiskStore(path, systemClock);
  try {
    for (const { key, version } of acknowledged) {
      assert.equal((await store.registrations.read(key))?.version, version, key);
    }
  } finally {
    await store.close();
  }
}

const end = () => after(systemClock.now(), seconds(3600));

async function count(path: string, key: string, times: number): Promise<void> {
  const { registrations, close } = await openDiskStore(path, systemClock);
  for (let done = 0; done < times; ) {
    const stored = await registrations.read(key);
    const next = numbered(Number(stored?.value.clientId ?? '0') + 1);
    const outcome = await registrations.write(key, next, stored?.version, end());
    if (outcome.type === 'written') done += 1;
  }
  await close();
}

async function write(path: string, prefix: string): Promise<void> {
  const { registrations } = await openDiskStore(path, systemClock, {
    limits: { registrations: 1_000_000 },
  });
  let versions: readonly (Version | undefined)[] = [];
  for (let round = 0; ; round += 1) {
    // Several at once share a transaction; the first of them is written over and over.
    const keys = [`${prefix}-again`, ...[1, 2, 3].map((place) => `${prefix}-${round}-${place}`)];
    const outcomes = await Promise.all(
      keys.map((key, place) =>
        registrations.write(key, numbered(round), place === 0 ? versions[0] : undefined, end()),
      ),
    );
    versions = outcomes.map((outcome) =>
      outcome.type === 'written' ? outcome.version : undefined,
    );
    for (const [place, key] of keys.entries()) {
      if (place > 0) process.send?.({ key, version: versions[place] });
    }
  }
}

async function fill(path: string): Promise<void> {
  const { registrations, probe, close } = await openDiskStore(path, systemClock, {
    limits: { registrations: 1_000_000 },
  });
  const isReady = () =>
    probe().then(
      () => true,
      () => false,
    );
  const large = { ...numbered(0), clientId: 'x'.repeat(20_000) };
  const attempt = async (key: string) => {
    try {
      return (await registrations.write(key, large, undefined, end())).type;
    } catch (error) {
      return error instanceof Error ? error.name : String(error);
    }
  };
  let outcome = 'written';
  for (let round = 0; outcome === 'written'; round += 1) outcome = await attempt(`fill-${round}`);
  const isReadable = (await registrations.read('fill-0')) !== undefined;
  process.send?.({ outcome, isReadable, isReady: await isReady() });
  await once(process, 'message');
  const isReadyAgain = await isReady();
  process.send?.({ outcome: await attempt('fill-again'), isReady: isReadyAgain });
  await close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [path = '', text = ''] = process.argv.slice(2);
  const task = JSON.parse(text) as DiskTask;
  if (task.type === 'count') await count(path, task.key, task.times);
  else if (task.type === 'fill') await fill(path);
  else await write(path, task.prefix);
  process.disconnect?.();
}
