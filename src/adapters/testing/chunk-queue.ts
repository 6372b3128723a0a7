/** Bytes that are given one chunk at a time, and read as they come; for one reader. */
export interface ChunkQueue extends AsyncIterable<Uint8Array> {
  push(chunk: string | Uint8Array): void;
  end(): void;
  /** Resolves when the reader has left, whether at the end or before. */
  readonly left: Promise<void>;
}

/** Makes an empty queue. */
export function chunkQueue(): ChunkQueue {
  const waiting: Uint8Array[] = [];
  let ended = false;
  let wake = (): void => {};
  let leave = (): void => {};
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const gone = { done: true, value: undefined } as const;

  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    while (waiting.length === 0 && !ended) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const chunk = waiting.shift();
    if (chunk !== undefined) return { done: false, value: chunk };
    leave();
    return gone;
  };
  return {
    push: (chunk) => {
      waiting.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      wake();
    },
    end: () => {
      ended = true;
      wake();
    },
    left,
    [Symbol.asyncIterator]: () => ({
      next,
      // Not an async generator: one that waits for a chunk could not be left.
      return: () => {
        ended = true;
        waiting.length = 0;
        wake();
        leave();
        return Promise.resolve(gone);
      },
    }),
  };
}
