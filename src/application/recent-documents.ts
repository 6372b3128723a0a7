import { after, type EpochSeconds, isExpired, seconds } from '../domain/lifetime.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { Clock, DocumentFailure, FetchedDocument } from './ports.ts';

/** Gets a document from where it lies. */
export type FetchDocument<Value> = (
  url: string,
) => Promise<Result<FetchedDocument<Value>, DocumentFailure>>;

/** Documents by their URL, fetched when they are wanted and kept for a while. */
export interface RecentDocuments<Value> {
  /** The document; where it cannot be had just now, the one that was had at most a day ago. */
  get(url: string): Promise<Result<Value, DocumentFailure>>;
  /** The same, but fetched again unless that was done within the last minute: something was missing in the one that is kept. */
  renew(url: string): Promise<Result<Value, DocumentFailure>>;
}

interface Kept<Value> {
  readonly value: Value;
  readonly fetchedAt: EpochSeconds;
  readonly freshUntil: EpochSeconds;
}

interface Failed {
  readonly failure: DocumentFailure;
  readonly until: EpochSeconds;
}

const minute = 60;
/** What HTTP says of a document's freshness counts between these bounds (seconds). */
const freshness = { least: 5 * minute, most: 24 * 60 * minute };
/** How long a failure is answered without asking again (seconds): not a cache of it, but a pause for whoever is asked (§4.3 of the draft). */
const pause = { unavailable: 10, refused: 30 };
const mostKept = 1000;
const mostRunning = 32;

/** Remembers documents in this process: a bounded number, each fetched once however many want it. */
export function recentDocuments<Value>(
  clock: Pick<Clock, 'now'>,
  fetch: FetchDocument<Value>,
): RecentDocuments<Value> {
  const kept = new Map<string, Kept<Value>>();
  const failed = new Map<string, Failed>();
  const running = new Map<string, Promise<Result<Value, DocumentFailure>>>();

  const fetched = async (url: string): Promise<Result<Value, DocumentFailure>> => {
    const outcome = await fetch(url);
    const now = clock.now();
    if (!outcome.ok) return failedNow(url, outcome.failure, now);
    const { value, freshFor } = outcome.value;
    const fresh = Math.min(Math.max(freshFor, freshness.least), freshness.most);
    remember(kept, url, { value, fetchedAt: now, freshUntil: after(now, seconds(fresh)) });
    failed.delete(url);
    return success(value);
  };

  const failedNow = (url: string, reason: DocumentFailure, now: EpochSeconds) => {
    remember(failed, url, { failure: reason, until: after(now, seconds(pause[reason.kind])) });
    // What was withdrawn, or is another thing now, counts no longer.
    if (reason.kind === 'refused') kept.delete(url);
    return lastKnown(url, reason, now);
  };

  const lastKnown = (
    url: string,
    reason: DocumentFailure,
    now: EpochSeconds,
  ): Result<Value, DocumentFailure> => {
    const last = kept.get(url);
    return last !== undefined && now < last.fetchedAt + freshness.most
      ? success(last.value)
      : failure(reason);
  };

  const current = (url: string): Promise<Result<Value, DocumentFailure>> => {
    const now = clock.now();
    const last = failed.get(url);
    if (last !== undefined && !isExpired(last.until, now)) {
      return Promise.resolve(lastKnown(url, last.failure, now));
    }
    const already = running.get(url);
    if (already !== undefined) return already;
    if (running.size >= mostRunning) return Promise.resolve(lastKnown(url, tooMany, now));
    const fetching = fetched(url).finally(() => running.delete(url));
    running.set(url, fetching);
    return fetching;
  };

  return {
    async get(url) {
      const last = kept.get(url);
      if (last === undefined || isExpired(last.freshUntil, clock.now())) return current(url);
      remember(kept, url, last);
      return success(last.value);
    },
    async renew(url) {
      const last = kept.get(url);
      return last !== undefined && clock.now() < last.fetchedAt + minute
        ? success(last.value)
        : current(url);
    },
  };
}

const tooMany: DocumentFailure = {
  kind: 'unavailable',
  reason: 'too many documents are being fetched',
};

/** Puts an entry last; where there are too many, the one that was wanted longest ago goes. */
function remember<Entry>(entries: Map<string, Entry>, key: string, entry: Entry): void {
  entries.delete(key);
  entries.set(key, entry);
  for (const oldest of entries.keys()) {
    if (entries.size <= mostKept) return;
    entries.delete(oldest);
  }
}
