import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDiskStore } from '../src/adapters/store/disk.ts';
import { memoryStore } from '../src/adapters/store/memory.ts';
import { openRedisStore } from '../src/adapters/store/redis.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { sampleRecord } from '../src/adapters/testing/sample-records.ts';
import type { Store } from '../src/application/ports.ts';
import type { Grant } from '../src/domain/grant.ts';
import { after, seconds } from '../src/domain/lifetime.ts';
import { redisAt, startRedis, withoutRedis } from '../test/support/redis-server.ts';

// node --expose-gc --import tsx bench/store-growth.ts [--million]: what grants cost in each store, and what a look-up costs among many. Each store
// grows by processes of its own, so that none pays for another.

interface Bench {
  readonly store: Store;
  /** Bytes that the grants take, wherever they lie. */
  size(): Promise<number>;
  close(): Promise<void>;
}

const sizes = process.argv.includes('--million') ? [1000, 100_000, 1_000_000] : [1000, 100_000];
const batch = 1000;
const lookups = 20_000;
const folder = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-bench-'));

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  memory: async () => {
    const store = memoryStore(systemClock, { grants: 2_000_000 });
    const before = heap();
    return { store, size: async () => heap() - before, close: store.close };
  },
  disk: async () => {
    const path = join(folder, 'store.mdb');
    const store = await openDiskStore(path, systemClock, { limits: { grants: 2_000_000 } });
    return { store, size: async () => statSync(path).size, close: store.close };
  },
  redis: async () => {
    const redis = await startRedis(folder, '--maxmemory-policy', 'noeviction');
    const store = await openRedisStore(redisAt(redis.port), systemClock);
    const used = async () =>
      Number(/^used_memory:(\d+)/m.exec(String(await redis.command('INFO', 'memory')))?.[1]);
    const before = await used();
    const close = async () => {
      await store.close();
      await redis.kill();
    };
    return { store, size: async () => (await used()) - before, close };
  },
};

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** A grant after its first exchange, with texts of its own. */
const sample = JSON.stringify(sampleRecord('grants', 'bench'));
const grantAt = (place: number): Grant => ({ ...(JSON.parse(sample) as Grant), id: keyAt(place) });
const keyAt = (place: number) =>
  Buffer.from(String(place).padStart(16, '0')).toString('base64url') as Grant['id'];

async function fill(store: Store, from: number, to: number): Promise<void> {
  const end = after(systemClock.now(), seconds(86_400));
  for (let start = from; start < to; start += batch) {
    const places = Array.from({ length: Math.min(batch, to - start) }, (_, place) => start + place);
    await Promise.all(
      places.map((place) => store.grants.write(keyAt(place), grantAt(place), undefined, end)),
    );
  }
}

/** Microseconds: median and 99th percentile of look-ups one after another. */
async function lookUp(store: Store, key: (round: number) => string): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < lookups; round += 1) {
    const wanted = key(round);
    const began = performance.now();
    if ((await store.grants.read(wanted)) === undefined) throw new Error('A grant is gone.');
    times.push((performance.now() - began) * 1000);
  }
  times.sort((left, right) => left - right);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  return `${at(0.5)} / ${at(0.99)}`;
}

async function grow(name: string): Promise<void> {
  const bench = await benches[name]?.();
  if (bench === undefined) throw new Error(`There is no store ${name}.`);
  let filled = 0;
  for (const size of sizes) {
    const began = performance.now();
    await fill(bench.store, filled, size);
    const rate = Math.round(((size - filled) / (performance.now() - began)) * 1000);
    filled = size;
    const bytes = Math.round((await bench.size()) / size);
    const hot = await lookUp(bench.store, () => keyAt(7));
    const any = await lookUp(bench.store, () => keyAt(Math.floor(Math.random() * size)));
    const perHundredThousand = ((bytes * 100_000) / 1024 / 1024).toFixed(0);
    console.log(
      `| ${name} | ${size} | ${bytes} | ${perHundredThousand} | ${hot} | ${any} | ${rate} |`,
    );
  }
  await bench.close();
}

const [, , wanted] = process.argv;
try {
  if (wanted !== undefined && wanted in benches) await grow(wanted);
  else {
    console.log(
      '| store | grants | bytes each | MiB per 100,000 | hot look-up µs (p50 / p99) | any look-up µs | writes/s in batches |',
    );
    console.log('|---|---|---|---|---|---|---|');
    for (const name of Object.keys(benches)) {
      if (name === 'redis' && withoutRedis) continue;
      const script = process.argv[1] ?? '';
      const options = ['--expose-gc', '--import', 'tsx', '--max-old-space-size=8192'];
      execFileSync(process.execPath, [...options, script, name, ...process.argv.slice(2)], {
        stdio: 'inherit',
      });
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
