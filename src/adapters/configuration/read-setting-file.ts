import { readFileSync } from 'node:fs';
import { quoted } from './web-address.ts';

/** Reads a file that the operator named. */
export type ReadText = (path: string) => string;

/** Reads it from the disk. */
export const readFromDisk: ReadText = (path) => readFileSync(path, 'utf8');

/** What a secret's file holds, or why it cannot be used. */
export type SecretFile = { readonly value: string } | { readonly fault: string };

/** Reads a secret from its file, without the line break that editors and `echo` leave at its end. */
export function readSecretFile(path: string, readText: ReadText): SecretFile {
  try {
    const value = readText(path).replace(/\r?\n$/, '');
    return value === '' ? { fault: `The file ${quoted(path)} is empty.` } : { value };
  } catch (error) {
    return { fault: unreadable(path, error) };
  }
}

/** A sentence about a file that cannot be read: what the system says, and never a part of what the file holds. */
export function unreadable(path: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const cause = causes[code] ?? (code || 'it cannot be read');
  return `The file ${quoted(path)} cannot be used: ${cause}.`;
}

const causes: Readonly<Record<string, string>> = {
  ENOENT: 'there is none of this name',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a directory',
};
