/** The part of `lmdb` that is used here: a table of texts, each with a version. */
export interface LmdbTable<Key> {
  get(key: Key): string | undefined;
  doesExist(key: Key, version: number): boolean;
  put(key: Key, value: string, version?: number): Promise<boolean>;
  putSync(key: Key, value: string): void;
  remove(key: Key): Promise<boolean>;
  /** Runs the writes of `change` if the entry has this version when they are committed, and says whether it had. */
  ifVersion(key: Key, version: number, change: () => void): Promise<boolean>;
  /** Runs the writes of `change` if there is no such entry when they are committed, and says whether there was none. */
  ifNoExists(key: Key, change: () => void): Promise<boolean>;
  getRange(range: {
    readonly start?: Key;
    readonly exclusiveStart?: boolean;
    readonly end?: readonly unknown[];
    readonly limit: number;
  }): Iterable<{ readonly key: Key; readonly value: string }>;
  getStats(): { readonly entryCount: number };
}

/** The file that holds the tables. */
export interface LmdbFile extends LmdbTable<string> {
  openDB<Key>(options: {
    readonly name: string;
    readonly encoding: 'string';
    readonly useVersions?: boolean;
  }): LmdbTable<Key>;
  transactionSync<Outcome>(change: () => Outcome): Outcome;
  /** From here on everything is seen that any process has committed. */
  resetReadTxn(): void;
  close(): Promise<void>;
}

/** How a file is opened. */
export interface LmdbOptions {
  readonly path: string;
  readonly noSubdir: true;
  readonly encoding: 'string';
  readonly maxDbs: number;
  readonly maxReaders: number;
  readonly overlappingSync: boolean;
  readonly eventTurnBatching: boolean;
}

/** How every file of ours is opened. */
export const lmdbOptions: Omit<LmdbOptions, 'path'> = {
  noSubdir: true,
  encoding: 'string',
  maxDbs: 8,
  // More than any number of workers has need of.
  maxReaders: 1024,
  // A commit is on the disk before it is answered.
  overlappingSync: false,
  // With it a commit that fails is also told to a promise that nobody can hear, which ends the process.
  eventTurnBatching: false,
};

/**
 * Loads `lmdb`, and only where it is used: it is native code. Its own types do not compile under NodeNext ("export =" in a module), neither here
 * nor for whoever installs this package, so its name is kept from the compiler.
 */
export async function loadLmdb(): Promise<{ open(options: LmdbOptions): LmdbFile }> {
  const name: string = 'lmdb';
  return import(name);
}

/** Waits for a transaction. Where it fails `lmdb` rejects a second promise too, beside the error: unheard it would end the process. */
export async function committed(transaction: Promise<boolean>): Promise<boolean> {
  try {
    return await transaction;
  } catch (error) {
    const { commitError } = error as { readonly commitError?: Promise<unknown> };
    commitError?.catch(() => {});
    throw error;
  }
}
