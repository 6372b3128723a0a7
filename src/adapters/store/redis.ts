import type { Clock, RecordKind, Store } from '../../application/ports.ts';
import { unavailable } from './in-time.ts';
import { currentSchema, recordFormat, type Schema, type StoredRecord } from './record-format.ts';
import { recordsOfAll } from './records-of-all.ts';
import type { RedisAddress } from './redis-address.ts';
import { RedisConnection } from './redis-connection.ts';
import { redisCounters } from './redis-counters.ts';
import { redisLink } from './redis-link.ts';
import { RedisMark } from './redis-mark.ts';
import { RedisRecords } from './redis-records.ts';
import { redisWarnings } from './redis-warnings.ts';
import { keyMark, renewedMarks } from './store-marks.ts';
import type { StoreOptions } from './store-options.ts';
import { TrackedRecords } from './tracked-records.ts';
import { UnreadableCount } from './unreadable-count.ts';
import { WriteHealth } from './write-health.ts';

/** How many records are kept beside the server: reading one again costs no round trip. */
const keptAtHand = 10_000;

/**
 * Connects to the store in Redis or Valkey, 7 or later. Any number of gateways may share it. Rejects with `StoreUnavailable` and a sentence where it
 * cannot be used; once open it survives the loss of its connection.
 */
export async function openRedisStore(
  address: RedisAddress,
  clock: Pick<Clock, 'now'>,
  { schema = currentSchema, keys = [], unreadable }: StoreOptions = {},
): Promise<Store & Required<Pick<Store, 'counters'>> & { readonly warnings: readonly string[] }> {
  const now = () => performance.now();
  const tracked = new TrackedRecords<StoredRecord<unknown>>(keptAtHand, now);
  const connection = new RedisConnection((heard) => redisLink(address, heard), tracked, now);
  try {
    await connection.open();
    await checkMarks(connection, address.prefix, schema, keys.map(keyMark));
    const mark = new RedisMark(`${address.prefix}schema`);
    connection.watch((link) => mark.look(link));
    const health = new WriteHealth(() => connection.run((link) => mark.touch(link)));
    const shared = { clock, connection, tracked, mark, health };
    const records = <Name extends RecordKind>(kind: Name) =>
      new RedisRecords(
        shared,
        `${address.prefix}${kind}:`,
        recordFormat(kind, schema),
        new UnreadableCount(kind, unreadable),
      );
    return {
      ...recordsOfAll(records),
      counters: redisCounters(connection, `${address.prefix}count:`),
      probe: async () => {
        await connection.run((link) => mark.assertStill(link));
        await health.probe();
      },
      warnings: await connection.run(redisWarnings),
      close: async () => connection.close(),
    };
  } catch (error) {
    connection.close();
    throw unavailable(error, `Redis cannot be used as the store (${reasonOf(error)})`);
  }
}

async function checkMarks(
  connection: RedisConnection,
  prefix: string,
  schema: Schema,
  ourKeys: readonly string[],
): Promise<void> {
  const mark = async (name: string, ...script: readonly string[]) => {
    const key = `${prefix}${name}`;
    const [source = '', ...parameters] = script;
    const command = source === '' ? ['GET', key] : ['EVAL', source, '1', key, ...parameters];
    const found = await connection.run((link) => link.send(key, command));
    return typeof found === 'string' ? found : undefined;
  };
  const check = (version: string | undefined, key: string | undefined) => {
    const found = { schema: version === undefined ? version : Number(version), key };
    renewedMarks(found, schema, ourKeys, 'The store in Redis');
  };
  // Nothing is written to a store that is not ours; of two gateways that open a new one at once, a script decides.
  const version = await mark('schema');
  check(version, await mark('key'));
  if (ourKeys.length > 0) check(version, await mark('key', keyScript, ...ourKeys));
  check(await mark('schema', raiseScript, String(schema.version)), undefined);
}

/** Answers what was there, and raises it. */
const raiseScript = `#!lua
local found = redis.call('GET', KEYS[1])
if tonumber(found or '0') < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return found`;

/** Answers what was there, and puts the current key's mark in its place where it is one of ours. */
const keyScript = `#!lua
local found = redis.call('GET', KEYS[1])
for _, ours in ipairs(ARGV) do
  if (found or ours) == ours then
    redis.call('SET', KEYS[1], ARGV[1])
    break
  end
end
return found`;

/** Also where several addresses were tried and each failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  return first === undefined ? error.message : reasonOf(first);
}
