import { closeSync, fchmodSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the files of a store before LMDB would, which makes them readable to others: 0600, in a directory that is made 0700 where there
 * is none yet. Throws the system's error where that is not possible, and refuses a file that LMDB has not written.
 */
export function prepareFiles(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  for (const file of [path, `${path}-lock`]) {
    const descriptor = openSync(file, 'a+', 0o600);
    try {
      if (file === path) refuseForeign(descriptor);
      if ((fstatSync(descriptor).mode & 0o777) !== 0o600) fchmodSync(descriptor, 0o600);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** LMDB's native code does not survive a file of another kind. */
function refuseForeign(descriptor: number): void {
  if (fstatSync(descriptor).size === 0) return;
  const head = Buffer.alloc(magicPlace + 4);
  readSync(descriptor, head, 0, head.length, 0);
  if (head.readUInt32LE(magicPlace) === magic || head.readUInt32BE(magicPlace) === magic) return;
  throw new Error('it is a file of another kind');
}

/** Where LMDB writes its mark, behind the header of the first page. */
const magicPlace = 24;
const magic = 0xbeefc0de;
