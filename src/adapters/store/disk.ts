import {
  type Clock,
  type RecordKind,
  type Store,
  StoreUnavailable,
} from '../../application/ports.ts';
import { prepareFiles } from './disk-files.ts';
import { DiskRecords, type DiskTables, patience } from './disk-records.ts';
import { inTime, unavailable } from './in-time.ts';
import { defaultLimits } from './limits.ts';
import { committed, type LmdbFile, lmdbOptions, loadLmdb } from './lmdb.ts';
import { currentSchema, recordFormat, type Schema } from './record-format.ts';
import { recordsOfAll } from './records-of-all.ts';
import { keyMark, renewedMarks } from './store-marks.ts';
import type { StoreOptions } from './store-options.ts';
import { WriteHealth } from './write-health.ts';

/**
 * Opens the store in one LMDB file (and its lock file beside it), making it where there is none. Any number of processes of this machine
 * may have it open. Rejects with `StoreUnavailable` and a sentence where it cannot be used.
 */
export async function openDiskStore(
  path: string,
  clock: Pick<Clock, 'now'>,
  { limits = {}, schema = currentSchema, keys = [], unreadable }: StoreOptions = {},
): Promise<Store> {
  const root = await openFile(path);
  try {
    checkMarks(root, schema, keys.map(keyMark), path);
    const most = { ...defaultLimits, ...limits };
    let isClosed = false;
    const health = new WriteHealth(() => writeOne(root, path));
    const disk = { ...tablesOf(root, clock, () => isClosed), health, unreadable };
    const records = <Name extends RecordKind>(kind: Name) =>
      new DiskRecords(disk, kind, recordFormat(kind, schema), most[kind]);
    return {
      ...recordsOfAll(records),
      // Read only, unless the last write failed: anybody may ask whether the gateway is ready, and a write is a wait for the disk.
      probe: async () => {
        readMarks(disk, root, path);
        await health.probe();
      },
      close: () => {
        isClosed = true;
        return root.close();
      },
    };
  } catch (error) {
    await root.close();
    throw unavailable(error, `The store ${path} cannot be used`);
  }
}

function readMarks(disk: Pick<DiskTables, 'refresh'>, root: LmdbFile, path: string): void {
  try {
    disk.refresh();
    root.get('schema');
  } catch (error) {
    throw unavailable(error, `The store ${path} cannot be read.`);
  }
}

/** As large as a large record: a small one may find room where no other does. */
const probeText = '-'.repeat(20_000);

async function writeOne(root: LmdbFile, path: string): Promise<void> {
  try {
    await inTime(committed(root.put('probe', probeText)), patience);
  } catch (error) {
    throw unavailable(error, `The store ${path} can be read, and not be written.`);
  }
}

async function openFile(path: string): Promise<LmdbFile> {
  try {
    prepareFiles(path);
    const { open } = await loadLmdb();
    return open({ ...lmdbOptions, path });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw unavailable(error, `The store ${path} cannot be opened (${reason})`);
  }
}

function tablesOf(
  root: LmdbFile,
  clock: Pick<Clock, 'now'>,
  isClosed: () => boolean,
): Omit<DiskTables, 'health' | 'unreadable'> {
  const table = (name: RecordKind) =>
    root.openDB<string>({ name, encoding: 'string', useVersions: true });
  return {
    clock,
    refresh: () => {
      // A reading while the file closes would end the process: `lmdb` throws out of a timer that nobody can hear.
      if (isClosed()) throw new StoreUnavailable('The store on disk is closed.');
      root.resetReadTxn();
    },
    tables: {
      flows: table('flows'),
      clients: table('clients'),
      grants: table('grants'),
      registrations: table('registrations'),
      assertions: table('assertions'),
      stepUps: table('stepUps'),
    },
    expiry: root.openDB({ name: 'expiry', encoding: 'string' }),
  };
}

/** One transaction: of two processes that open a new store with different keys, the second is refused. */
function checkMarks(
  root: LmdbFile,
  schema: Schema,
  ourKeys: readonly string[],
  path: string,
): void {
  root.transactionSync(() => {
    const found = root.get('schema');
    const before = { schema: found === undefined ? found : Number(found), key: root.get('key') };
    const marks = renewedMarks(before, schema, ourKeys, `The store ${path}`);
    if (marks.schema !== before.schema) root.putSync('schema', String(marks.schema));
    if (marks.key !== undefined && marks.key !== before.key) root.putSync('key', marks.key);
  });
}
