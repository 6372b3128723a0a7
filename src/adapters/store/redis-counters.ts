import type { Counters, Tally } from '../../application/ports.ts';
import { epochSeconds } from '../../domain/lifetime.ts';
import { recordKey } from './record-key.ts';
import type { RedisConnection } from './redis-connection.ts';

/**
 * Tallies in Redis, each a string `<count> <last>` that is gone by itself. Asked once and not for long: whoever counts can do so by himself.
 * `prefix`: what their keys, and no others, begin with.
 */
export function redisCounters(connection: Pick<RedisConnection, 'once'>, prefix: string): Counters {
  const run = (key: string, script: string, ...parameters: readonly string[]) => {
    const id = prefix + recordKey(key);
    return connection.once((link) => link.send(id, ['EVAL', script, '1', id, ...parameters]));
  };
  return {
    read: async (key) => tallyOf(await run(key, readScript)),
    add: async (key, { now, life, over }) =>
      tallyOf(await run(key, addScript, String(now), String(life), String(over ?? ''))),
    takeBack: async (key) => {
      await run(key, takeBackScript);
    },
  };
}

function tallyOf(reply: unknown): Tally | undefined {
  const [, count, last] = typeof reply === 'string' ? (/^(\d+) (\d+)$/.exec(reply) ?? []) : [];
  if (count === undefined) return undefined;
  return { count: Number(count), last: epochSeconds(Number(last)) };
}

const readScript = `#!lua flags=no-writes
return redis.call('GET', KEYS[1])`;

/** Parameters: now, life in seconds, how many there have to be (empty: any number). */
const addScript = `#!lua
local before = redis.call('GET', KEYS[1])
local count, last = string.match(before or '', '^(%d+) (%d+)$')
if not last or tonumber(last) + tonumber(ARGV[2]) <= tonumber(ARGV[1]) then count = '0' end
if ARGV[3] == '' or ARGV[3] == count then
  redis.call('SET', KEYS[1], string.format('%d %s', count + 1, ARGV[1]), 'PX', ARGV[2] * 1000)
end
return before`;

const takeBackScript = `#!lua
local count, last = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
if count and tonumber(count) > 0 then
  redis.call('SET', KEYS[1], string.format('%d %s', count - 1, last), 'KEEPTTL')
end`;
