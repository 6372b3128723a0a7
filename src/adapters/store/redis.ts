import type { Clock, Store } from '../../application/ports.ts';
import { unavailable } from './in-time.ts';
import {
  currentSchema,
  type Kind,
  recordFormat,
  recordsOfAll,
  type Schema,
  type StoredRecord,
} from './record-format.ts';
import type { RedisAddress } from './redis-address.ts';
import { RedisConnection } from './redis-connection.ts';
import { redisCounters } from './redis-counters.ts';
import { redisLink } from './redis-link.ts';
import { RedisRecords } from './redis-records.ts';
import { redisWarnings } from './redis-warnings.ts';
import { keyMark, renewedMarks } from './store-marks.ts';
import type { StoreOptions } from './store-options.ts';
import { TrackedRecords } from './tracked-records.ts';

/** How many records are kept beside the server: reading one again costs no round trip. */
const keptAtHand = 10_000;

/**
 * Connects to the store in Redis or Valkey, 7 or later. Any number of gateways may share it. Rejects with `StoreUnavailable` and a sentence where it
 * cannot be used; once open it survives the loss of its connection.
 */
export async function openRedisStore(
  address: RedisAddress,
  clock: Pick<Clock, 'now'>,
  { schema = currentSchema, keys = [] }: StoreOptions = {},
): Promise<Store & Required<Pick<Store, 'counters'>> & { readonly warnings: readonly string[] }> {
  const now = () => performance.now();
  const tracked = new TrackedRecords<StoredRecord<unknown>>(keptAtHand, now);
  const connection = new RedisConnection((heard) => redisLink(address, heard), tracked, now);
  try {
    await connection.open();
    await checkMarks(connection, address.prefix, schema, keys.map(keyMark));
    const shared = { clock, connection, tracked };
    const records = <Name extends Kind>(kind: Name) =>
      new RedisRecords(shared, `${address.prefix}${kind}:`, recordFormat(kind, schema));
    return {
      ...recordsOfAll(records),
      counters: redisCounters(connection, `${address.prefix}count:`),
      probe: async () => {
        const key = `${address.prefix}schema`;
        await connection.run((link) => link.send(key, ['GET', key]));
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
  const mark = async (name: string, script: string, parameters: readonly string[]) => {
    const key = `${prefix}${name}`;
    const found = await connection.run((link) =>
      link.send(key, ['EVAL', script, '1', key, ...parameters]),
    );
    return typeof found === 'string' ? found : undefined;
  };
  const version = await mark('schema', raiseScript, [String(schema.version)]);
  const found = { schema: version === undefined ? version : Number(version), key: undefined };
  renewedMarks(found, schema, ourKeys, 'The store in Redis');
  if (ourKeys.length === 0) return;
  const key = await mark('key', keyScript, ourKeys);
  renewedMarks({ ...found, key }, schema, ourKeys, 'The store in Redis');
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
