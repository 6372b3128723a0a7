import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Events } from '../../application/events.ts';

/** A certificate (with its chain) and its key, PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** The certificate that a gateway shows, in two files that are renewed now and then. */
export interface TlsFiles {
  readonly current: TlsPair;
  /** Looks at the files; the new pair where they were replaced by one that can be used. */
  renewed(): TlsPair | undefined;
}

/**
 * Reads the files; throws where they cannot be used. What cannot be used later on leaves the pair as it was, and is told once: while a
 * program replaces one file after the other, the two do not belong together.
 */
export function tlsFiles(certPath: string, keyPath: string, events: Events): TlsFiles {
  const stamps = () => [certPath, keyPath].map(stamp).join(' ');
  let seen = stamps();
  let pair = load(certPath, keyPath);
  return {
    get current() {
      return pair;
    },
    renewed: () => {
      const now = stamps();
      if (now === seen) return undefined;
      seen = now;
      try {
        pair = load(certPath, keyPath);
      } catch (error) {
        events.emit({ type: 'file_unusable', file: certPath, reason: sentence(error) });
        return undefined;
      }
      events.emit({ type: 'file_reloaded', file: certPath });
      return pair;
    },
  };
}

function load(certPath: string, keyPath: string): TlsPair {
  const pair = { cert: readFileSync(certPath, 'utf8'), key: readFileSync(keyPath, 'utf8') };
  try {
    createSecureContext(pair);
  } catch (error) {
    throw new Error(
      `${certPath} and ${keyPath} are no certificate and its key (${sentence(error)}).`,
    );
  }
  return pair;
}

/** What of a file changes with every replacement; where it cannot be looked at, why. Never throws: reading it will say so. */
function stamp(path: string): string {
  try {
    const { mtimeNs, ctimeNs, size, ino } = statSync(path, { bigint: true });
    return [mtimeNs, ctimeNs, size, ino].join();
  } catch (error) {
    return error instanceof Error && 'code' in error ? `no file: ${error.code}` : 'no file';
  }
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
