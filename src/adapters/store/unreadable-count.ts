import { type RecordKind, UnreadableRecord } from '../../application/ports.ts';

/** Counts what a scan leaves out, and says so once. */
export class UnreadableCount {
  readonly #kind: RecordKind;
  readonly #tell: (kind: RecordKind, count: number) => void;
  #told = 0;

  constructor(kind: RecordKind, tell: (kind: RecordKind, count: number) => void = () => {}) {
    this.#kind = kind;
    this.#tell = tell;
  }

  /** One scan: `read` answers with `undefined` instead of failing for a record that cannot be read; `end` comes after the last. */
  begin() {
    let count = 0;
    return {
      read: async <Value>(reading: () => Value | Promise<Value>): Promise<Value | undefined> => {
        try {
          return await reading();
        } catch (error) {
          if (!(error instanceof UnreadableRecord)) throw error;
          count += 1;
          return undefined;
        }
      },
      end: (): void => {
        if (count !== this.#told && count > 0) this.#tell(this.#kind, count);
        this.#told = count;
      },
    };
  }
}
