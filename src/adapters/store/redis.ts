import type { Clock, Store } from '../../application/ports.ts';
import { unavailable } from './in-time.ts';
import {
  currentSchema,
  type Kind,
  recordFormat,
  refuseNewer,
  type Schema,
  type StoredRecord,
} from './record-format.ts';
import type { RedisAddress } from './redis-address.ts';
import { RedisConnection } from './redis-connection.ts';
import { redisLink } from './redis-link.ts';
import { RedisRecords } from './redis-records.ts';
import { redisWarnings } from './redis-warnings.ts';
import { TrackedRecords } from './tracked-records.ts';

/** What a store in Redis may be told beside its address. */
export interface RedisOptions {
  readonly schema?: Schema;
}

/** How many records are kept beside the server: reading one again costs no round trip. */
const keptAtHand = 10_000;

/**
 * Connects to the store in Redis or Valkey, 7 or later. Any number of gateways may share it. Rejects with `StoreUnavailable` and a sentence where it
 * cannot be used; once open it survives the loss of its connection.
 */
export async function openRedisStore(
  address: RedisAddress,
  clock: Pick<Clock, 'now'>,
  { schema = currentSchema }: RedisOptions = {},
): Promise<Store & { readonly warnings: readonly string[] }> {
  const now = () => performance.now();
  const tracked = new TrackedRecords<StoredRecord<unknown>>(keptAtHand, now);
  const connection = new RedisConnection((heard) => redisLink(address, heard), tracked, now);
  try {
    await connection.open();
    await checkSchema(connection, `${address.prefix}schema`, schema);
    const shared = { clock, connection, tracked };
    const records = <Name extends Kind>(kind: Name) =>
      new RedisRecords(shared, `${address.prefix}${kind}:`, recordFormat(kind, schema));
    return {
      flows: records('flows'),
      clients: records('clients'),
      grants: records('grants'),
      registrations: records('registrations'),
      warnings: await connection.run(redisWarnings),
      close: async () => connection.close(),
    };
  } catch (error) {
    connection.close();
    throw unavailable(error, `Redis cannot be used as the store (${reasonOf(error)})`);
  }
}

/** The store says which schema last wrote to it; it is raised before anything is written in a newer one. */
async function checkSchema(
  connection: RedisConnection,
  key: string,
  schema: Schema,
): Promise<void> {
  const command = ['EVAL', raiseScript, '1', key, String(schema.version)];
  const found = await connection.run((link) => link.send(key, command));
  refuseNewer(Number(found), schema, 'The store in Redis');
}

const raiseScript = `#!lua
local found = tonumber(redis.call('GET', KEYS[1]) or '0')
if found < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
return found`;

/** Also where several addresses were tried and each failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  return first === undefined ? error.message : reasonOf(first);
}
