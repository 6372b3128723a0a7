import type {
  Clock,
  RecordKind,
  Records,
  Version,
  Versioned,
  WriteOutcome,
} from '../../application/ports.ts';
import { type EpochSeconds, isExpired } from '../../domain/lifetime.ts';
import { inTime, unavailable } from './in-time.ts';
import { committed, type LmdbTable } from './lmdb.ts';
import { newVersion } from './new-version.ts';
import { RecentRecords } from './recent-records.ts';
import type { RecordFormat, StoredRecord } from './record-format.ts';
import { recordKey } from './record-key.ts';
import type { StoreOptions } from './store-options.ts';
import { UnreadableCount } from './unreadable-count.ts';
import type { WriteHealth } from './write-health.ts';

/** What the records of all kinds have in common. */
export interface DiskTables {
  readonly clock: Pick<Clock, 'now'>;
  /** Comes before every reading: sees what other processes have committed until now. Throws where the store is closed. */
  refresh(): void;
  readonly tables: Readonly<Record<RecordKind, LmdbTable<string>>>;
  readonly health: WriteHealth;
  readonly unreadable: StoreOptions['unreadable'];
  /** `[expiry, kind, key]` of every record, to its version: changed together with the record, so that expired ones are found without a search. */
  readonly expiry: LmdbTable<readonly [number, RecordKind, string]>;
}

/** How long a write may take before whoever asked for it is told to come back (milliseconds). */
export const patience = 5000;
/** How many expired records a write clears away: more than the one it may add. */
const sweepStep = 8;
/** And as many where the store is full, before it says so. */
const fullSweep = 1024;
const scanBatch = 256;
/** How many records are kept as values beside the file: reading one again costs a comparison of versions. */
const keptAtHand = 4096;

/** The records of one kind in an LMDB file. A write is one conditional transaction, on the disk before it is answered. */
export class DiskRecords<Value> implements Records<Value> {
  readonly #disk: DiskTables;
  readonly #table: LmdbTable<string>;
  readonly #kind: RecordKind;
  readonly #format: RecordFormat<Value>;
  readonly #limit: number;
  readonly #unreadable: UnreadableCount;
  readonly #recent = new RecentRecords<StoredRecord<Value>>(keptAtHand);

  constructor(disk: DiskTables, kind: RecordKind, format: RecordFormat<Value>, limit: number) {
    this.#disk = disk;
    this.#table = disk.tables[kind];
    this.#kind = kind;
    this.#format = format;
    this.#limit = limit;
    this.#unreadable = new UnreadableCount(kind, disk.unreadable);
  }

  async read(key: string): Promise<Versioned<Value> | undefined> {
    try {
      const record = this.#look(recordKey(key));
      return this.#isLiving(record) ? record : undefined;
    } catch (error) {
      throw unavailable(error, 'The store on disk cannot be read.');
    }
  }

  async write(
    key: string,
    value: Value,
    over: Version | undefined,
    expiresAt: EpochSeconds,
  ): Promise<WriteOutcome> {
    try {
      const writing = this.#write(recordKey(key), value, over, expiresAt);
      return await this.#disk.health.learn(inTime(writing, patience));
    } catch (error) {
      throw unavailable(error, 'The store on disk cannot be written.');
    }
  }

  async #write(
    id: string,
    value: Value,
    over: Version | undefined,
    expiresAt: EpochSeconds,
  ): Promise<WriteOutcome> {
    const present = this.#look(id);
    const living = this.#isLiving(present) ? present : undefined;
    if (living?.version !== over) return { type: 'outdated' };
    if (living === undefined && (await this.#isFull())) return { type: 'full' };
    const record = { value, version: newVersion(), expiresAt };
    const written = await this.#replace(id, present, record);
    // Nobody waits for it; where it fails, the next write tries again.
    this.#sweep(sweepStep).catch(() => {});
    if (!written) return { type: 'outdated' };
    this.#recent.set(id, record);
    return { type: 'written', version: record.version };
  }

  /** One transaction: the condition, the record and its place in the index. */
  #replace(
    id: string,
    present: StoredRecord<Value> | undefined,
    record: StoredRecord<Value>,
  ): Promise<boolean> {
    const { expiry } = this.#disk;
    const text = this.#format.spell(record);
    const change = () => {
      if (present) ignoreOutcome(expiry.remove([present.expiresAt, this.#kind, id]));
      ignoreOutcome(expiry.put([record.expiresAt, this.#kind, id], String(record.version)));
      ignoreOutcome(this.#table.put(id, text, record.version));
    };
    return committed(
      present
        ? this.#table.ifVersion(id, present.version, change)
        : this.#table.ifNoExists(id, change),
    );
  }

  #look(id: string): StoredRecord<Value> | undefined {
    this.#disk.refresh();
    const known = this.#recent.get(id);
    if (known !== undefined && this.#table.doesExist(id, known.version)) return known;
    this.#recent.delete(id);
    const text = this.#table.get(id);
    if (text === undefined) return undefined;
    const record = this.#format.read(text);
    this.#recent.set(id, record);
    return record;
  }

  #isLiving(record: StoredRecord<Value> | undefined): record is StoredRecord<Value> {
    return record !== undefined && !isExpired(record.expiresAt, this.#disk.clock.now());
  }

  async #isFull(): Promise<boolean> {
    if (this.#count() < this.#limit) return false;
    await this.#sweep(fullSweep);
    return this.#count() >= this.#limit;
  }

  #count(): number {
    this.#disk.refresh();
    return this.#table.getStats().entryCount;
  }

  /** Clears away so many expired records of any kind; one that is written anew meanwhile stays. */
  async #sweep(most: number): Promise<void> {
    const { clock, expiry, tables } = this.#disk;
    this.#disk.refresh();
    const end = clock.now() + 1; // dead from its expiry second on
    const swept = [...expiry.getRange({ end: [end], limit: most })].map(({ key, value }) => {
      const [, kind, id] = key;
      return tables[kind].ifVersion(id, Number(value), () => {
        ignoreOutcome(tables[kind].remove(id));
        ignoreOutcome(expiry.remove(key));
      });
    });
    await Promise.all(swept);
  }

  async *scan(): AsyncIterable<Versioned<Value>> {
    let last: string | undefined;
    const readable = this.#unreadable.begin();
    for (;;) {
      const batch = this.#batchAfter(last);
      for (const { value } of batch) {
        const record = await readable.read(() => this.#format.read(value));
        if (this.#isLiving(record)) yield record;
      }
      last = batch.at(-1)?.key;
      if (batch.length < scanBatch) {
        readable.end();
        return;
      }
      await new Promise(setImmediate);
    }
  }

  /** No read transaction stays open between two batches: one that does keeps the file from using space again. */
  #batchAfter(
    last: string | undefined,
  ): readonly { readonly key: string; readonly value: string }[] {
    try {
      this.#disk.refresh();
      const from = last === undefined ? {} : { start: last, exclusiveStart: true };
      return [...this.#table.getRange({ ...from, limit: scanBatch })];
    } catch (error) {
      throw unavailable(error, 'The store on disk cannot be read.');
    }
  }
}

/** What is written under a condition shares the fate of its condition, and that one is waited for. */
function ignoreOutcome(written: Promise<boolean>): void {
  written.catch(() => {});
}
