import { StoreUnavailable } from '../../application/ports.ts';
import type { RedisLink } from './redis-link.ts';

/**
 * The mark that the store in Redis bears since it was opened. A server without it was emptied, or is another: what is not there may have been, so
 * that nothing of it is believed until somebody has put the records back, or opened the store anew.
 */
export class RedisMark {
  readonly #key: string;
  #isGone = false;

  /** `key`: of the schema's mark. */
  constructor(key: string) {
    this.#key = key;
  }

  /** Looks for it; rejects where the server cannot be asked. */
  async look(link: RedisLink): Promise<void> {
    const found = await link.send(this.#key, ['GET', this.#key]);
    this.#isGone = typeof found !== 'string';
  }

  /** Writes it again, as it is. */
  async touch(link: RedisLink): Promise<void> {
    await link.send(this.#key, ['EVAL', touchScript, '1', this.#key]);
  }

  /** Throws {@link StoreUnavailable} where it was gone when it was last looked for. */
  assertThere(): void {
    if (this.#isGone) throw new StoreUnavailable(emptied);
  }

  /** Comes before the answer that a record is not there. */
  async assertStill(link: RedisLink): Promise<void> {
    await this.look(link);
    this.assertThere();
  }
}

/** What exists can be changed even where the memory is full: to be full is no fault. */
const touchScript = `#!lua flags=allow-oom
local found = redis.call('GET', KEYS[1])
if found then redis.call('SET', KEYS[1], found) end`;

const emptied =
  'The store in Redis was emptied, or is not the one that was opened: put its data back, or restart the gateways to go on with an empty one (everybody signs in again).';
