import type { Clock, Records, Version, Versioned, WriteOutcome } from '../../application/ports.ts';
import { type EpochSeconds, isExpired } from '../../domain/lifetime.ts';
import { newVersion } from './new-version.ts';
import type { RecordFormat, StoredRecord } from './record-format.ts';
import { recordKey } from './record-key.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisLink } from './redis-link.ts';
import type { RedisMark } from './redis-mark.ts';
import type { TrackedRecords } from './tracked-records.ts';
import type { UnreadableCount } from './unreadable-count.ts';
import type { WriteHealth } from './write-health.ts';

/** What the records of all kinds have in common. */
export interface RedisShared {
  readonly clock: Pick<Clock, 'now'>;
  readonly connection: RedisConnection;
  readonly tracked: TrackedRecords<StoredRecord<unknown>>;
  readonly mark: RedisMark;
  readonly health: WriteHealth;
}

/** How many keys a server is asked for at a time. */
const scanBatch = 256;

/** The records of one kind in Redis. A write is one script over one key, which is one step in a cluster too. */
export class RedisRecords<Value> implements Records<Value> {
  readonly #shared: RedisShared;
  readonly #tracked: TrackedRecords<StoredRecord<Value>>;
  readonly #prefix: string;
  readonly #format: RecordFormat<Value>;
  readonly #unreadable: UnreadableCount;

  /** `prefix`: what the keys of this kind, and no others, begin with. */
  constructor(
    shared: RedisShared,
    prefix: string,
    format: RecordFormat<Value>,
    unreadable: UnreadableCount,
  ) {
    this.#shared = shared;
    // One cache for all kinds: the prefix keeps them apart.
    this.#tracked = shared.tracked as TrackedRecords<StoredRecord<Value>>;
    this.#prefix = prefix;
    this.#format = format;
    this.#unreadable = unreadable;
  }

  async read(key: string): Promise<Versioned<Value> | undefined> {
    this.#shared.mark.assertThere();
    const id = this.#prefix + recordKey(key);
    const record = this.#tracked.get(id) ?? (await this.#fetch(id));
    return record !== undefined && this.#lives(record) ? record : undefined;
  }

  async write(
    key: string,
    value: Value,
    over: Version | undefined,
    expiresAt: EpochSeconds,
  ): Promise<WriteOutcome> {
    this.#shared.mark.assertThere();
    const id = this.#prefix + recordKey(key);
    const now = this.#shared.clock.now();
    const version = newVersion();
    const script = over === undefined ? createScript : replaceScript;
    const text = this.#format.spell({ value, version, expiresAt });
    // A life, not a moment: it does not matter whether the server's clock is right.
    const life = Math.max(1, (expiresAt - now) * 1000);
    const parameters = [String(over ?? ''), String(now), String(version), text, String(life)];
    const command = ['EVAL', script, '1', id, ...parameters];
    const { connection, health } = this.#shared;
    const outcome = await health
      .learn(connection.run((link) => runScript(link, id, command)))
      // The server tells its own writer last: a read that follows must not find what was before.
      .finally(() => this.#tracked.invalidate(id));
    return outcome === 'written' ? { type: 'written', version } : { type: outcome };
  }

  async *scan(): AsyncIterable<Versioned<Value>> {
    const { connection } = this.#shared;
    const readable = this.#unreadable.begin();
    await connection.run((link) => this.#shared.mark.assertStill(link));
    const servers = await connection.run((link) => link.servers());
    for (const send of servers) {
      let cursor = '0';
      do {
        const [next, ids] = await connection.run(async () =>
          scanned(await send(this.#scanCommand(cursor))),
        );
        const records = await connection.run((link) =>
          Promise.all(ids.map((id) => readable.read(() => this.#ask(link, id)))),
        );
        for (const record of records) {
          if (record !== undefined && this.#lives(record)) yield record;
        }
        cursor = next;
      } while (cursor !== '0');
    }
    readable.end();
  }

  #scanCommand(cursor: string): readonly string[] {
    const pattern = `${this.#prefix.replace(/[*?[\]\\]/g, '\\$&')}*`;
    return ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(scanBatch)];
  }

  #fetch(id: string): Promise<StoredRecord<Value> | undefined> {
    const { connection, mark } = this.#shared;
    return connection.run(async (link) => {
      const record = await this.#tracked.read(id, () => this.#ask(link, id));
      if (record === undefined) await mark.assertStill(link);
      return record;
    });
  }

  async #ask(link: RedisLink, id: string): Promise<StoredRecord<Value> | undefined> {
    const text = await link.send(id, ['GET', id]);
    return typeof text === 'string' ? this.#format.read(text) : undefined;
  }

  #lives({ expiresAt }: StoredRecord<Value>): boolean {
    return !isExpired(expiresAt, this.#shared.clock.now());
  }
}

type ScriptOutcome = 'written' | 'outdated' | 'full';

async function runScript(
  link: RedisLink,
  id: string,
  command: readonly string[],
): Promise<ScriptOutcome> {
  try {
    const reply = await link.send(id, command);
    if (reply === 'written' || reply === 'outdated') return reply;
  } catch (error) {
    // The server is at its maxmemory; only a script that makes a new record is ever told so.
    if (error instanceof Error && error.message.startsWith('OOM ')) return 'full';
    throw error;
  }
  throw new Error('Redis gave an answer that the script has not.');
}

function scanned(reply: unknown): readonly [string, readonly string[]] {
  const [cursor, ids] = Array.isArray(reply) ? reply : [];
  if (!Array.isArray(ids)) throw new Error('Redis did not answer SCAN.');
  return [String(cursor), ids.map(String)];
}

/**
 * Compares and writes. Parameters: the version to write over (empty: none), now, the new version, the new text, its life in milliseconds. A
 * repetition of a write whose answer was lost finds its own version, and is answered as the first time.
 */
const body = `
local version, expires = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+) ')
if version == ARGV[3] then return 'written' end
if expires and tonumber(expires) <= tonumber(ARGV[2]) then version = nil end
if (version or '') ~= ARGV[1] then return 'outdated' end
redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
return 'written'`;

const createScript = `#!lua${body}`;
/** What exists can be changed even where the memory is full: a grant that could not be revoked would be worse. */
const replaceScript = `#!lua flags=allow-oom${body}`;
