import { StoreUnavailable } from '../../application/ports.ts';

/** Waits for an answer of a store for so many milliseconds; throws {@link StoreUnavailable} where none comes. */
export async function inTime<Answer>(
  answer: Promise<Answer>,
  milliseconds: number,
): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable(noAnswer)), milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

const noAnswer = 'The store did not answer in time.';

/** A failure of a store, in the application's words. */
export function unavailable(error: unknown, message: string): StoreUnavailable {
  return error instanceof StoreUnavailable
    ? error
    : new StoreUnavailable(message, { cause: error });
}
