import { closeSync, fchmodSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the files of a store before LMDB would, which makes them readable to others: 0600, in a directory that is made 0700 where there
 * is none yet. Throws the system's error where that is not possible.
 */
export function prepareFiles(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (const file of [path, `${path}-lock`]) {
    const descriptor = openSync(file, 'a', 0o600);
    try {
      if ((fstatSync(descriptor).mode & 0o777) !== 0o600) fchmodSync(descriptor, 0o600);
    } finally {
      closeSync(descriptor);
    }
  }
}
