import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { GatewayKeys } from '../../domain/grant-keys.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import { sealingKey } from '../../domain/sealing.ts';

/**
 * Reads the gateway keys from a file: a key of 32 bytes per line, as 43 base64url characters; the first one is written with, the others are still read.
 * Empty lines and those that begin with # do not count. Where there is no file yet, one is made, or it is refused with a sentence.
 */
export function keysFromFile(
  path: string,
  whenMissing: 'make' | 'refuse',
): Result<GatewayKeys, string> {
  try {
    return readKeys(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') return unusable(path, error);
  }
  if (whenMissing === 'refuse') return failure(missing(path));
  try {
    makeKeyFile(path);
    return readKeys(path);
  } catch (error) {
    return unusable(path, error);
  }
}

function readKeys(path: string): Result<GatewayKeys, string> {
  const fault = permissionFault(path);
  if (fault !== undefined) return failure(fault);
  const lines = readFileSync(path, 'utf8').split(/\r?\n/);
  const keys = [];
  for (const [place, line] of lines.entries()) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    // Not shown: what is not a key any more, or not yet, may be most of one.
    if (!keyText.test(text)) return failure(notKey(path, place + 1));
    keys.push(sealingKey(new Uint8Array(Buffer.from(text, 'base64url'))));
  }
  const [current, ...previous] = keys;
  return current === undefined
    ? failure(`The key file ${path} holds no key; ${howToMake(path)}.`)
    : success({ current, previous });
}

/** 32 bytes: the last character carries four bits. */
const keyText = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/**
 * With this key and a copy of the store an attacker would still need a live token for anything of the users', but has the gateway's own secrets at the
 * upstream at once. So no stranger may read it, and nobody else may change it. Its group may read it: that is how secrets are mounted into containers.
 */
function permissionFault(path: string): string | undefined {
  const { mode } = statSync(path);
  if (process.platform === 'win32' || (mode & 0o027) === 0) return undefined;
  const what =
    (mode & 0o004) === 0 ? 'be changed by others' : 'be read by every user of this machine';
  return `The key file ${path} can ${what}; run chmod 600 ${path} (in Kubernetes, mount it with defaultMode: 0440).`;
}

/** All of it or nothing, and only once, however many processes start at the same time. */
function makeKeyFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const descriptor = openSync(draft, 'wx', 0o600);
  try {
    writeSync(descriptor, `${randomBytes(32).toString('base64url')}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(draft, path);
  } catch (error) {
    // Another process was faster: its key is the key.
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
}

function missing(path: string): string {
  return `The key file ${path} is not there; ${howToMake(path)}, and give every gateway of this store the same one.`;
}

function howToMake(path: string): string {
  return `make one with (umask 077; head -c 32 /dev/urandom | base64 | tr +/ -_ | tr -d = > ${path})`;
}

function notKey(path: string, line: number): string {
  return `Line ${line} of the key file ${path} is not a key; a key is 32 bytes, written as 43 base64url characters.`;
}

function unusable(path: string, error: unknown): Result<never, string> {
  const reason = error instanceof Error ? error.message : String(error);
  const remedy =
    codeOf(error) === 'EACCES' ? '; it must be readable by the user that the gateway runs as' : '';
  return failure(`The key file ${path} cannot be used (${reason})${remedy}.`);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
