import type { Clock, Store } from '../../application/ports.ts';
import { prepareFiles } from './disk-files.ts';
import { DiskRecords, type DiskTables } from './disk-records.ts';
import { unavailable } from './in-time.ts';
import { defaultLimits, type StoreLimits } from './limits.ts';
import { type LmdbFile, loadLmdb } from './lmdb.ts';
import {
  currentSchema,
  type Kind,
  recordFormat,
  refuseNewer,
  type Schema,
} from './record-format.ts';

/** What a store on disk may be told beside its place. */
export interface DiskOptions {
  readonly limits?: Partial<StoreLimits>;
  readonly schema?: Schema;
}

/**
 * Opens the store in one LMDB file (and its lock file beside it), making it where there is none. Any number of processes of this machine
 * may have it open. Rejects with `StoreUnavailable` and a sentence where it cannot be used.
 */
export async function openDiskStore(
  path: string,
  clock: Pick<Clock, 'now'>,
  { limits = {}, schema = currentSchema }: DiskOptions = {},
): Promise<Store> {
  const root = await openFile(path);
  try {
    await checkSchema(root, schema, path);
    const most = { ...defaultLimits, ...limits };
    const disk = tablesOf(root, clock);
    const records = <Name extends Kind>(kind: Name) =>
      new DiskRecords(disk, kind, recordFormat(kind, schema), most[kind]);
    return {
      flows: records('flows'),
      clients: records('clients'),
      grants: records('grants'),
      registrations: records('registrations'),
      close: () => root.close(),
    };
  } catch (error) {
    await root.close();
    throw unavailable(error, `The store ${path} cannot be used`);
  }
}

async function openFile(path: string): Promise<LmdbFile> {
  try {
    prepareFiles(path);
    const { open } = await loadLmdb();
    return open({
      path,
      noSubdir: true,
      encoding: 'string',
      maxDbs: 8,
      // A commit is on the disk before it is answered.
      overlappingSync: false,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw unavailable(error, `The store ${path} cannot be opened (${reason})`);
  }
}

function tablesOf(root: LmdbFile, clock: Pick<Clock, 'now'>): DiskTables {
  const table = (name: Kind) =>
    root.openDB<string>({ name, encoding: 'string', useVersions: true });
  return {
    clock,
    refresh: () => root.resetReadTxn(),
    tables: {
      flows: table('flows'),
      clients: table('clients'),
      grants: table('grants'),
      registrations: table('registrations'),
    },
    expiry: root.openDB({ name: 'expiry', encoding: 'string' }),
  };
}

/** The store says which schema last wrote to it; it is raised before anything is written in a newer one. */
async function checkSchema(root: LmdbFile, schema: Schema, path: string): Promise<void> {
  const found = Number(
    root.transactionSync(() => {
      const before = root.get(schemaKey) ?? '0';
      if (Number(before) < schema.version) root.putSync(schemaKey, String(schema.version));
      return before;
    }),
  );
  refuseNewer(found, schema, `The store ${path}`);
}

const schemaKey = 'schema';
