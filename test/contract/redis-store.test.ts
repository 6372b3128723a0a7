import { after, before, describe } from 'node:test';
import { openRedisStore } from '../../src/adapters/store/redis.ts';
import { recordsContract, standingClock } from '../../src/adapters/testing/testing.ts';
import { type RedisServer, redisAt, startRedis, withoutRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('with a redis-server of this machine', { skip: withoutRedis }, () => {
  const folder = temporaryFolder();
  let redis: RedisServer;
  before(async () => {
    redis = await startRedis(folder);
  });
  after(() => redis.kill());

  recordsContract(
    'the store in Redis',
    async () => {
      const clock = standingClock();
      const open = () => openRedisStore(redisAt(redis.port), clock);
      return { store: await open(), clock, openAgain: open };
    },
    // Its bound is the server's maxmemory.
    { bounded: false },
  );
});
