import { UnreadableRecord } from './ports.ts';

/** What was read, or `undefined` where that one record cannot be: for work on many, which goes on with the others. */
export async function unlessUnreadable<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof UnreadableRecord) return undefined;
    throw error;
  }
}
