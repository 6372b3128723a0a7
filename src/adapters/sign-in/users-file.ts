import { readFileSync, statSync } from 'node:fs';
import type { Events } from '../../application/events.ts';
import { readUsers, type Users } from '../../domain/users-file.ts';

/**
 * The users of a file, as it is now: it is looked at whenever somebody signs in, so that no change is missed, by whatever means the file
 * was replaced. A file that cannot be used any more leaves the users as they were, and is told once. Throws where the first look fails.
 */
export function usersFile(path: string, events: Events): () => Users {
  let seen = stamp(path);
  let users = loaded(path);
  return () => {
    const now = stamp(path);
    if (now === seen) return users;
    seen = now;
    try {
      users = loaded(path);
      events.emit({ type: 'file_reloaded', file: path });
    } catch (error) {
      events.emit({ type: 'file_unusable', file: path, reason: sentence(error) });
    }
    return users;
  };
}

function loaded(path: string): Users {
  const users = readUsers(textOf(path));
  if (!users.ok) throw new Error(`The users file ${path} cannot be used: ${users.failure}.`);
  return users.value;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    const remedy = remedies[code] ?? 'give the path of a file, for example ./users';
    throw new Error(`The users file ${path} cannot be read (${code}); ${remedy}.`, {
      cause: error,
    });
  }
}

const readable = 'it and its folder must be readable by the user that the gateway runs as';
const remedies: Readonly<Record<string, string>> = {
  ENOENT: 'write it, a line of NAME:HASH for each user, with hashes that hash-password prints',
  EACCES: readable,
  EPERM: readable,
};

/** What of a file changes with every replacement; where it cannot be looked at, why. Never throws: reading it will say so. */
function stamp(path: string): string {
  try {
    const { mtimeNs, ctimeNs, size, ino } = statSync(path, { bigint: true });
    return [mtimeNs, ctimeNs, size, ino].join();
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
