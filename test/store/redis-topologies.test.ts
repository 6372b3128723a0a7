import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openRedisStore } from '../../src/adapters/store/redis.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { recordsContract, standingClock } from '../../src/adapters/testing/testing.ts';
import type { Store, Version } from '../../src/application/ports.ts';
import { after as later, seconds } from '../../src/domain/lifetime.ts';
import { numbered } from '../support/disk-child.ts';
import { eventually } from '../support/eventually.ts';
import {
  type RedisServer,
  redisAt,
  startCluster,
  startSentinel,
  withoutRedis,
} from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const inAnHour = () => later(systemClock.now(), seconds(3600));

async function write(store: Store, key: string, number: number, over?: Version): Promise<Version> {
  const outcome = await store.registrations.write(key, numbered(number), over, inAnHour());
  assert.ok(outcome.type === 'written', outcome.type);
  return outcome.version;
}

const numberIn = async (store: Store, key: string) =>
  (await store.registrations.read(key))?.value.clientId;

describe('a cluster of Redis', { skip: withoutRedis }, () => {
  const folder = temporaryFolder();
  let nodes: readonly RedisServer[] = [];
  const address = () => redisAt(nodes[0]?.port ?? 0, { topology: 'cluster' });
  before(async () => {
    nodes = await startCluster(folder);
  });
  after(() => Promise.all(nodes.map((node) => node.kill())));

  recordsContract(
    'a cluster',
    async () => {
      const clock = standingClock();
      return { store: await openRedisStore(address(), clock), clock };
    },
    { bounded: false },
  );

  it('spreads its records, and tells of a change on every node', async () => {
    const [one, other] = [
      await openRedisStore(address(), systemClock),
      await openRedisStore(address(), systemClock),
    ];

    for (let place = 0; place < 30; place += 1) {
      const version = await write(one, `spread-${place}`, 1);
      assert.equal(await numberIn(one, `spread-${place}`), '1');
      await write(other, `spread-${place}`, 2, version);
      await eventually(
        () => numberIn(one, `spread-${place}`),
        (read) => read === '2',
      );
    }

    const sizes = await Promise.all(nodes.map((node) => node.command('DBSIZE')));
    assert.ok(
      sizes.every((size) => Number(size) > 0),
      sizes.join(),
    );
    await Promise.all([one.close(), other.close()]);
  });
});

describe('a Redis that sentinels look after', { skip: withoutRedis }, () => {
  const folder = temporaryFolder();
  let watched: Awaited<ReturnType<typeof startSentinel>>;
  const address = () => redisAt(watched.port, { topology: 'sentinel', service: 'door' });
  before(async () => {
    watched = await startSentinel(folder);
  });
  after(() => watched.stop());

  recordsContract(
    'a master that a sentinel names',
    async () => {
      const clock = standingClock();
      return { store: await openRedisStore(address(), clock), clock };
    },
    { bounded: false },
  );

  it('is followed to its new master when the old one dies', async () => {
    const [one, other] = [
      await openRedisStore(address(), systemClock),
      await openRedisStore(address(), systemClock),
    ];
    const version = await write(one, 'failover', 1);
    assert.equal(await numberIn(one, 'failover'), '1');
    await watched.master.command('WAIT', '1', '5000');

    await watched.master.kill();
    const outcome = await eventually(
      () =>
        other.registrations
          .write('failover', numbered(2), version, inAnHour())
          .catch((error: Error) => ({ type: error.name })),
      ({ type }) => type !== 'StoreUnavailable',
    );

    // The first attempt may have got through after it was given up.
    assert.ok(['written', 'outdated'].includes(outcome.type), outcome.type);
    await eventually(
      () => numberIn(one, 'failover').catch(() => ''),
      (read) => read === '2',
    );
    await Promise.all([one.close(), other.close()]);
  });
});
