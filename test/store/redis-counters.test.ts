import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { openRedisStore } from '../../src/adapters/store/redis.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { StoreUnavailable } from '../../src/application/ports.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { type RedisServer, redisAt, startRedis, withoutRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('counters in Redis', { skip: withoutRedis }, () => {
  const folder = temporaryFolder();
  const clock = standingClock();
  const open: { close(): Promise<void> }[] = [];
  let redis: RedisServer;
  before(async () => {
    redis = await startRedis(folder);
  });
  after(async () => {
    await Promise.all(open.map((store) => store.close()));
    await redis.kill();
  });

  async function counters() {
    const store = await openRedisStore(redisAt(redis.port), clock);
    open.push(store);
    return store.counters;
  }
  const step = () => ({ now: clock.now(), life: seconds(60) });

  it('say what there was before, to all alike, and when the last one was', async () => {
    const [here, there] = [await counters(), await counters()];
    const began = clock.now();

    assert.equal(await here.read('a'), undefined);
    assert.equal(await here.add('a', step()), undefined);
    assert.deepEqual(await there.add('a', step()), { count: 1, last: began });
    clock.advance(10);
    await there.add('a', step());

    assert.deepEqual(await here.read('a'), { count: 3, last: clock.now() });
    assert.equal(await here.read('b'), undefined);
  });

  it('lose none of those that come together', async () => {
    const doors = await Promise.all([counters(), counters(), counters()]);

    await Promise.all(Array.from({ length: 60 }, (_, time) => doors[time % 3]?.add('c', step())));

    assert.equal((await doors[0].read('c'))?.count, 60);
  });

  it('add over a given number only: of those that come together, one', async () => {
    const doors = await Promise.all([counters(), counters(), counters()]);
    await doors[0].add('d', step());

    const before = await Promise.all(doors.map((each) => each.add('d', { ...step(), over: 1 })));

    assert.deepEqual(before.map((tally) => tally?.count).sort(), [1, 2, 2]);
    assert.equal((await doors[0].read('d'))?.count, 2);
  });

  it('take back what there is, and no more', async () => {
    const all = await counters();
    await all.takeBack('e');
    await all.add('e', step());
    await all.takeBack('e');
    await all.takeBack('e');

    assert.equal((await all.read('e'))?.count, 0);
    assert.equal((await all.add('e', { ...step(), over: 0 }))?.count, 0);
    assert.equal((await all.read('e'))?.count, 1);
  });

  it('begin anew after the life of the last one, and leave the server by themselves', async () => {
    const all = await counters();
    await all.add('f', step());
    clock.advance(60);
    await all.add('f', { ...step(), over: 0 });

    assert.equal((await all.read('f'))?.count, 1);
    const left = Number(await redis.command('PTTL', 'test:count:f'));
    assert.equal(left > 0 && left <= 60_000, true, `${left} ms`);
    await all.takeBack('f');
    assert.equal(Number(await redis.command('PTTL', 'test:count:f')) > 0, true, 'still ends');
  });

  it('fail at once, or nearly, where the server is away or silent', async () => {
    const all = await counters();
    redis.freeze();
    await assert.rejects(all.add('g', step()), StoreUnavailable);
    redis.resume();
    await redis.kill();

    await assert.rejects(all.add('g', step()));
  });
});
