import { setTimeout as wait } from 'node:timers/promises';
import { StoreUnavailable } from '../../application/ports.ts';
import { inTime, unavailable } from './in-time.ts';
import { type Invalidations, isErrorReply, type RedisLink } from './redis-link.ts';

/** Who has to know whether the server is there. */
export interface Trust extends Invalidations {
  trustUntil(moment: number): void;
}

/** How often the server is asked whether it is there, and how long an answer is good for (milliseconds). */
const heartbeat = 1000;
const lease = 3000;
/** How long a request waits for a server that has just gone; while it stays away, only for one attempt. */
const patience = 3000;
const attempt = 1000;
/** How long is waited for what can be done without. */
const glance = 250;
/** After this long without an answer the connections are made anew: a peer that vanished without a word is waited for by nobody. */
const silence = 4000;

/**
 * Keeps a store connected for as long as it is open: makes lost connections anew, and repeats what was lost with one. Everything that is run
 * must be safe to repeat.
 */
export class RedisConnection {
  readonly #connect: (invalidations: Invalidations) => Promise<RedisLink>;
  readonly #trust: Trust;
  readonly #now: () => number;
  readonly #closing = new AbortController();
  #link: RedisLink | undefined;
  #silentSince: number | undefined;
  #look: (link: RedisLink) => Promise<void> = async () => {};

  constructor(
    connect: (invalidations: Invalidations) => Promise<RedisLink>,
    trust: Trust,
    now: () => number,
  ) {
    this.#connect = connect;
    this.#trust = trust;
    this.#now = now;
  }

  /** Makes the first connection; rejects where that is not possible. */
  async open(): Promise<void> {
    this.#link = await this.#connect(this.#trust);
    await this.#beat();
    this.#keepBeating().catch(() => {});
  }

  /** From here on this too is asked with every heartbeat. */
  watch(look: (link: RedisLink) => Promise<void>): void {
    this.#look = look;
  }

  /** Runs commands, over again where the connection breaks; throws {@link StoreUnavailable} once that has taken too long. */
  async run<Answer>(commands: (link: RedisLink) => Promise<Answer>): Promise<Answer> {
    const limit = this.#isAway() ? attempt : patience;
    const deadline = this.#now() + limit;
    for (;;) {
      const link = this.#link;
      try {
        if (link === undefined) throw new StoreUnavailable('There is no connection to Redis.');
        return await inTime(commands(link), Math.max(1, deadline - this.#now()));
      } catch (error) {
        const over = limit === attempt || this.#now() >= deadline || this.#closing.signal.aborted;
        if (over || (link !== undefined && isDefinite(error)))
          throw unavailable(error, 'Redis cannot be reached, or refuses.');
        await wait(50);
      }
    }
  }

  /** Runs commands once, for what can be done without: throws at once where the server was last seen to be away, and soon where it is silent. */
  async once<Answer>(commands: (link: RedisLink) => Promise<Answer>): Promise<Answer> {
    const link = this.#link;
    if (link === undefined || this.#silentSince !== undefined) {
      throw new StoreUnavailable('There is no connection to Redis.');
    }
    return inTime(commands(link), glance);
  }

  close(): void {
    this.#closing.abort();
    this.#drop();
  }

  #isAway(): boolean {
    return this.#silentSince !== undefined && this.#now() - this.#silentSince > patience;
  }

  async #keepBeating(): Promise<void> {
    for (;;) {
      await wait(heartbeat, undefined, { ref: false, signal: this.#closing.signal });
      await this.#beat();
    }
  }

  async #beat(): Promise<void> {
    const asked = this.#now();
    try {
      this.#link ??= await this.#connect(this.#trust);
      await inTime(Promise.all([pingAll(this.#link), this.#look(this.#link)]), heartbeat);
      this.#silentSince = undefined;
      this.#trust.trustUntil(asked + lease);
    } catch {
      this.#silentSince ??= asked;
      this.#distrust();
      if (this.#now() - this.#silentSince > silence) this.#drop();
    }
    if (this.#closing.signal.aborted) this.#drop();
  }

  #distrust(): void {
    this.#trust.trustUntil(Number.NEGATIVE_INFINITY);
    this.#trust.forget();
  }

  #drop(): void {
    this.#distrust();
    const link = this.#link;
    this.#link = undefined;
    link?.destroy();
  }
}

/**
 * Whether asking again would get the same answer: the store's own word (a record that cannot be read, a server that was emptied), or the server's no. What a failover or a start says is
 * none: it passes.
 */
function isDefinite(error: unknown): boolean {
  if (error instanceof StoreUnavailable) return true;
  return isErrorReply(error) && !passing.has(error.message.split(' ', 1)[0] ?? '');
}

const passing = new Set(['READONLY', 'LOADING', 'MASTERDOWN', 'CLUSTERDOWN', 'TRYAGAIN', 'BUSY']);

async function pingAll(link: RedisLink): Promise<void> {
  const servers = await link.servers();
  await Promise.all(servers.map((send) => send(['PING'])));
}
