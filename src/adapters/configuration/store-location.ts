import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { isRedisUrl, type RedisLocation, redisLocation, withoutCredentials } from './redis-url.ts';
import { quoted } from './web-address.ts';

/** Where a gateway keeps what outlives a request. */
export type StoreLocation =
  | { readonly type: 'memory' }
  | { readonly type: 'disk'; readonly path: string }
  | { readonly type: 'redis'; readonly address: RedisLocation };

type Environment = Readonly<Record<string, string | undefined>>;

/** What is wrong with a text as the place of a store; `undefined` where nothing is. */
export function storeFault(text: string, example: string): string | undefined {
  if (text === 'memory' || text === 'disk') return undefined;
  if (isRedisUrl(text)) {
    const location = redisLocation(text);
    return typeof location === 'string' ? location : undefined;
  }
  // Anything with a scheme is meant as an address, not as the name of a file.
  if (isPath(text) && !/^\w[\w+]+:/.test(text)) return undefined;
  return `${quoted(withoutCredentials(text))} is not a store; give memory, disk, a path such as ./store.mdb, or the URL of a Redis such as redis://localhost, for example ${example}.`;
}

/** The place that a sound setting names. */
export function storeLocation(text: string, environment: Environment): StoreLocation {
  if (text === 'memory') return { type: 'memory' };
  if (text === 'disk') return { type: 'disk', path: standardPath(environment) };
  const address = isRedisUrl(text) ? redisLocation(text) : undefined;
  return typeof address === 'object'
    ? { type: 'redis', address }
    : { type: 'disk', path: resolve(text.replace(/^~(?=\/)/, homedir())) };
}

/** The state folder of the user who runs the gateway (XDG Base Directory Specification); a relative one does not count. */
function standardPath({ XDG_STATE_HOME = '' }: Environment): string {
  const state = isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : join(homedir(), '.local', 'state');
  return join(state, 'mcp-oauth-gateway', 'store.mdb');
}

/** The place in words, for the start. */
export function describeStore(text: string, environment: Environment): string {
  const location = storeLocation(text, environment);
  switch (location.type) {
    case 'memory':
      return 'memory (grants end with this process)';
    case 'disk':
      return location.path;
    case 'redis':
      return withoutCredentials(text);
  }
}

function isPath(text: string): boolean {
  return /[/\\]/.test(text) || /\.\w+$/.test(text);
}
