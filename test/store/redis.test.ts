import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { openRedisStore } from '../../src/adapters/store/redis.ts';
import type { RedisAddress } from '../../src/adapters/store/redis-address.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { type Store, StoreUnavailable, type Version } from '../../src/application/ports.ts';
import { after as later, seconds } from '../../src/domain/lifetime.ts';
import { sealingKey } from '../../src/domain/sealing.ts';
import { numbered } from '../support/disk-child.ts';
import { eventually } from '../support/eventually.ts';
import { startLossyProxy } from '../support/lossy-proxy.ts';
import {
  freePort,
  type RedisServer,
  redisAt,
  startRedis,
  withoutRedis,
} from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const inAnHour = () => later(systemClock.now(), seconds(3600));

describe('the store in Redis', { skip: withoutRedis }, () => {
  const folder = temporaryFolder();
  let redis: RedisServer;
  const open: Store[] = [];
  let prefixes = 0;
  before(async () => {
    redis = await startRedis(folder);
  });
  after(async () => {
    await Promise.all(open.map((store) => store.close()));
    await redis.kill();
  });

  /** The address of a store of its own. */
  function newAddress(port = redis.port): RedisAddress {
    prefixes += 1;
    return redisAt(port, { prefix: `${prefixes}:` });
  }

  /** One gateway's store, closed at the end. */
  async function gatewayAt(address: RedisAddress): ReturnType<typeof openRedisStore> {
    const store = await openRedisStore(address, systemClock);
    open.push(store);
    return store;
  }

  async function write(store: Store, number: number, over?: Version): Promise<Version> {
    const value = numbered(number);
    const outcome = await store.registrations.write('key', value, over, inAnHour());
    assert.ok(outcome.type === 'written', outcome.type);
    return outcome.version;
  }

  const numberIn = async (store: Store) => (await store.registrations.read('key'))?.value.clientId;

  /** How often the server was asked for a record since it was started. */
  async function lookups(): Promise<number> {
    const stats = String(await redis.command('INFO', 'commandstats'));
    return Number(/^cmdstat_get:calls=(\d+)/m.exec(stats)?.[1] ?? 0);
  }

  it('asks the server once for a record that is read over and over', async () => {
    const store = await gatewayAt(newAddress());
    await write(store, 1);
    const before = await lookups();

    for (let round = 0; round < 100; round += 1) assert.equal(await numberIn(store), '1');

    // Not one each; the heartbeat looks for the store's mark meanwhile.
    assert.ok((await lookups()) - before < 50, 'it was asked over and over');
  });

  it('sees what another gateway has written, although it had read the record before', async () => {
    const address = newAddress();
    const [one, other] = [await gatewayAt(address), await gatewayAt(address)];
    let version = await write(one, 0);

    for (let number = 1; number <= 50; number += 1) {
      await numberIn(one);
      version = await write(other, number, version);
      assert.equal(
        await eventually(
          () => numberIn(one),
          (read) => read === `${number}`,
        ),
        `${number}`,
      );
    }
  });

  it('does not believe what it kept once the connection is lost', async () => {
    const address = newAddress();
    const [one, other] = [await gatewayAt(address), await gatewayAt(address)];
    const version = await write(one, 1);
    assert.equal(await numberIn(one), '1');

    await redis.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await write(other, 2, version);

    assert.equal(
      await eventually(
        () => numberIn(one),
        (read) => read === '2',
      ),
      '2',
    );
  });

  it('never answers as if a record were not there once somebody has emptied the server, until a gateway is started on it', async () => {
    const other = await startRedis(folder);
    const address = redisAt(other.port);
    const [store, second] = [await gatewayAt(address), await gatewayAt(address)];
    await write(store, 1);
    await numberIn(store);
    await other.command('FLUSHALL');

    const said = await eventually(
      () => numberIn(store).catch((error: unknown) => error),
      (read) => read !== '1',
    );
    const strange = await second.clients.read('never there').catch((error: unknown) => error);

    for (const error of [said, strange]) {
      assert.ok(error instanceof StoreUnavailable, `answered ${String(error)}`);
      assert.match(error.message, /was emptied.*restart the gateways/);
    }
    await assert.rejects(store.probe(), /was emptied/);
    await assert.rejects(write(second, 2), StoreUnavailable);
    const restarted = await gatewayAt(address);
    assert.equal(await numberIn(restarted), undefined);
    await eventually(
      () => numberIn(second).catch(() => 'away'),
      (read) => read === undefined,
    );
    await Promise.all([store, second, restarted].map((each) => each.close()));
    await other.kill();
  });

  it('does not take an empty server in its place for its own', async () => {
    const server = await startRedis(folder);
    const store = await gatewayAt(redisAt(server.port));
    await write(store, 1);

    await server.restart(); // with nothing on its disk
    const said = await eventually(
      () => store.registrations.read('key').catch((error: Error) => error.message),
      (answer) => answer === undefined || String(answer).includes('emptied'),
    );

    assert.match(String(said), /everybody signs in again/);
    await store.close();
    await server.kill();
  });

  it('finds its own write where the answer to it was lost', async () => {
    const proxy = await startLossyProxy(redis.port);
    const store = await gatewayAt(newAddress(proxy.port));
    const version = await write(store, 1);

    proxy.loseAnswerTo('"clientId":"2"');
    await write(store, 2, version);

    assert.equal(await numberIn(store), '2');
    await store.close();
    await proxy.close();
  });

  it('keeps gateways with other prefixes, and other programs, apart', async () => {
    const [one, other] = [await gatewayAt(newAddress()), await gatewayAt(newAddress())];
    await write(one, 1);

    assert.equal(await numberIn(other), undefined);
    for await (const record of other.registrations.scan()) assert.fail(JSON.stringify(record));
  });

  it('scans its own records alone where its prefix holds signs of a pattern', async () => {
    const store = await gatewayAt(redisAt(redis.port, { prefix: '*[a]?\\:' }));
    await write(store, 1);

    const seen = [];
    for await (const { value } of store.registrations.scan()) seen.push(value.clientId);

    assert.deepEqual(seen, ['1']);
  });

  it('leaves a record out of a scan that cannot be read, says so once, and asks for it once', async () => {
    const address = newAddress();
    const told: string[] = [];
    const store = await openRedisStore(address, systemClock, {
      unreadable: (kind, count) => told.push(`${count} of ${kind}`),
    });
    open.push(store);
    await write(store, 1);
    await redis.command(
      'SET',
      `${address.prefix}registrations:broken`,
      '1 4000000000 1 {"secret"}',
    );

    for (const _scan of [1, 2]) {
      const seen = [];
      for await (const { value } of store.registrations.scan()) seen.push(value.clientId);
      assert.deepEqual(seen, ['1']);
    }
    const before = await lookups();
    await assert.rejects(store.registrations.read('broken'), /A record of the registrations/);

    // Tried every 50 ms it would be some 60; the heartbeat looks for the store's mark meanwhile.
    assert.ok((await lookups()) - before < 20, 'it was asked over and over');
    assert.deepEqual(told, ['1 of registrations']);
  });

  it('does not ask again where the server has said no', async () => {
    const address = newAddress();
    const store = await gatewayAt(address);
    await redis.command('LPUSH', `${address.prefix}registrations:list`, 'of another program');
    const before = await lookups();

    await assert.rejects(store.registrations.read('list'), StoreUnavailable);

    assert.ok((await lookups()) - before < 20, 'it was asked over and over');
  });

  it('leaves nothing on the server for ever but its own marks', async () => {
    const address = newAddress();
    const store = await gatewayAt(address);
    await store.registrations.write(
      'k',
      numbered(1),
      undefined,
      later(systemClock.now(), seconds(20)),
    );

    const life = Number(await redis.command('PTTL', `${address.prefix}registrations:k`));

    assert.ok(life > 15_000 && life <= 20_000, `${life} ms`);
  });

  it('is refused where a newer version wrote to it', async () => {
    const address = newAddress();
    const schema = { version: 2, upgrades: {} };
    await (await openRedisStore(address, systemClock, { schema })).close();

    await assert.rejects(
      openRedisStore(address, systemClock),
      /The store in Redis was written by a newer version of the gateway \(its schema is 2, this/,
    );
  });

  it('is refused where it was written with another gateway key', async () => {
    const address = newAddress();
    const key = (byte: number) => sealingKey(new Uint8Array(32).fill(byte));
    const opened = async (...keys: readonly number[]) =>
      (await openRedisStore(address, systemClock, { keys: keys.map(key) })).close();
    await opened(1);

    await assert.rejects(opened(2), /was written with another gateway key/);
    await opened(2, 1);
    await opened(2);
    await assert.rejects(opened(1), /was written with another gateway key/);
  });

  it('is left as it was by a gateway that it is not for', async () => {
    const address = newAddress();
    const key = (byte: number) => sealingKey(new Uint8Array(32).fill(byte));
    await (await openRedisStore(address, systemClock, { keys: [key(1)] })).close();
    const marks = () =>
      Promise.all(
        ['schema', 'key'].map((name) => redis.command('GET', `${address.prefix}${name}`)),
      );
    const before = await marks();

    const newer = { schema: { version: 2, upgrades: {} }, keys: [key(2)] };
    await assert.rejects(openRedisStore(address, systemClock, newer), /another gateway key/);

    assert.deepEqual(await marks(), before);
    await (await openRedisStore(address, systemClock, { keys: [key(1)] })).close();
  });

  it('is refused with what the system says where nobody is there, or the password is wrong', async () => {
    const nowhere = redisAt(await freePort());
    const locked = redisAt(redis.port, { username: 'nobody', password: 'wrong' });

    await assert.rejects(
      openRedisStore(nowhere, systemClock),
      /cannot be used as the store \(.*ECONNREFUSED/,
    );
    await assert.rejects(openRedisStore(locked, systemClock), /WRONGPASS/);
  });

  it('needs no more rights than docs/store.md names, and none beside its own keys', async () => {
    const rights = /`(\+get [^`]*)`/.exec(readFileSync('docs/store.md', 'utf8'))?.[1] ?? '';
    const account = ['on', '>pass', '~acl:*', 'resetchannels', '-@all', ...rights.split(' ')];
    await redis.command('ACL', 'SETUSER', 'door', ...account);
    const address = redisAt(redis.port, { username: 'door', password: 'pass', prefix: 'acl:' });
    const store = await gatewayAt(address);

    const version = await write(store, 1);
    await write(store, 2, version);
    const seen = [];
    for await (const { value } of store.registrations.scan()) seen.push(value.clientId);

    assert.equal(await numberIn(store), '2');
    assert.deepEqual(seen, ['2']);
    assert.equal(store.warnings.length, 2);
  });

  it('warns where the server would lose records', async () => {
    const server = await startRedis(
      folder,
      '--maxmemory',
      '100mb',
      '--maxmemory-policy',
      'allkeys-lru',
    );
    const store = await openRedisStore(redisAt(server.port), systemClock);
    await server.command('CONFIG', 'SET', 'appendonly', 'yes', 'maxmemory-policy', 'noeviction');
    const sound = await openRedisStore(redisAt(server.port), systemClock);

    assert.match(
      store.warnings.join('\n'),
      /maxmemory-policy allkeys-lru.*\n.*no append-only file/,
    );
    assert.deepEqual(sound.warnings, []);
    await Promise.all([store.close(), sound.close()]);
    await server.kill();
  });

  it('takes no new record where the memory is full, and still changes those that are there', async () => {
    const server = await startRedis(folder, '--maxmemory-policy', 'noeviction');
    const store = await openRedisStore(redisAt(server.port), systemClock);
    const version = await write(store, 1);

    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    const refused = await store.registrations.write('new', numbered(2), undefined, inAnHour());
    const changed = await store.registrations.write('key', numbered(3), version, inAnHour());
    await store.probe();
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    const accepted = await store.registrations.write('new', numbered(2), undefined, inAnHour());

    assert.deepEqual([refused.type, changed.type, accepted.type], ['full', 'written', 'written']);
    await store.close();
    await server.kill();
  });
});

describe('a Redis that goes away', { skip: withoutRedis }, () => {
  const folder = temporaryFolder();
  const persistent = ['--appendonly', 'yes', '--appendfsync', 'always'];

  /** How an attempt ended. */
  function outcomeOf(attempt: Promise<unknown>): Promise<string> {
    return attempt.then(
      () => 'answered',
      (error: unknown) => (error instanceof StoreUnavailable ? 'unavailable' : String(error)),
    );
  }

  /** How a read that was never made before ends, a write, and, once the connection or its lease is over, one that was. */
  async function outcomesOf(store: Store): Promise<readonly string[]> {
    const kept = eventually(
      () => outcomeOf(store.registrations.read('key')),
      (outcome) => outcome !== 'answered',
    );
    return Promise.all([
      outcomeOf(store.registrations.read('another')),
      outcomeOf(store.registrations.write('new', numbered(2), undefined, inAnHour())),
      outcomeOf(store.probe()),
      kept,
    ]);
  }

  const unavailable = ['unavailable', 'unavailable', 'unavailable', 'unavailable'];

  it('is unavailable while it is dead, and is found again without a restart', async () => {
    const server = await startRedis(folder, ...persistent);
    const store = await openRedisStore(redisAt(server.port), systemClock);
    await store.registrations.write('key', numbered(1), undefined, inAnHour());
    await store.registrations.read('key');
    await server.kill();

    const dead = await outcomesOf(store);
    await server.restart();
    const read = await eventually(
      () => store.registrations.read('key').catch(() => undefined),
      (record) => record !== undefined,
    );

    await store.probe();
    assert.deepEqual(dead, unavailable);
    assert.deepEqual(read?.value, numbered(1));
    await store.close();
    await server.kill();
  });

  it('is not ready while it can only be read, and is again by itself', async () => {
    const server = await startRedis(folder);
    const store = await openRedisStore(redisAt(server.port), systemClock);
    const first = await store.registrations.write('key', numbered(1), undefined, inAnHour());
    assert.ok(first.type === 'written', first.type);
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    await store.probe(); // nobody has tried to write yet

    const over = first.version;
    const write = () => store.registrations.write('key', numbered(2), over, inAnHour());
    await assert.rejects(write(), StoreUnavailable);
    const refused = await Promise.all([1, 2, 3].map(() => outcomeOf(store.probe())));
    assert.deepEqual((await store.registrations.read('key'))?.value, numbered(1));
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '0');

    assert.deepEqual(refused, ['unavailable', 'unavailable', 'unavailable']);
    await store.probe();
    assert.equal((await write()).type, 'written');
    await store.close();
    await server.kill();
  });

  it('is waited for where it is back at once: nobody is turned away for it', async () => {
    const server = await startRedis(folder, ...persistent);
    const store = await openRedisStore(redisAt(server.port), systemClock);
    const first = await store.registrations.write('key', numbered(1), undefined, inAnHour());
    assert.ok(first.type === 'written');

    await server.kill();
    const during = Promise.all([
      outcomeOf(store.registrations.read('key')),
      store.registrations.write('key', numbered(2), first.version, inAnHour()),
    ]);
    await server.restart();
    const [read, written] = await during;

    assert.equal(read, 'answered');
    assert.equal(written.type, 'written');
    await store.close();
    await server.kill();
  });

  it('is unavailable while it hangs, also for what was just read, and is found again', async () => {
    const server = await startRedis(folder);
    const store = await openRedisStore(redisAt(server.port), systemClock);
    await store.registrations.write('key', numbered(1), undefined, inAnHour());
    await store.registrations.read('key');
    server.freeze();

    const hanging = await outcomesOf(store);
    server.resume();
    const again = await eventually(
      () => outcomeOf(store.registrations.read('key')),
      (outcome) => outcome === 'answered',
    );

    assert.deepEqual([hanging, again], [unavailable, 'answered']);
    await store.close();
    await server.kill();
  });
});
