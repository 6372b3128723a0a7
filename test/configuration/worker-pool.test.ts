import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type PoolParts,
  runPool,
  type WorkerProcess,
  type WorkerReport,
} from '../../src/adapters/configuration/worker-pool.ts';

const listening: WorkerReport = {
  type: 'listening',
  listening: { addresses: ['127.0.0.1'], port: 4711 },
};

/** A worker that does what the test says. */
class FakeWorker implements WorkerProcess {
  readonly pid: number;
  readonly reported: Promise<WorkerReport | undefined>;
  readonly ended: Promise<number | string>;
  report: (report: WorkerReport | undefined) => void = () => {};
  end: (ending: number | string) => void = () => {};

  constructor(pid: number) {
    this.pid = pid;
    this.reported = new Promise((resolve) => {
      this.report = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.end = (ending) => {
        this.report(undefined);
        resolve(ending);
      };
    });
  }

  reloads = 0;

  reload(): void {
    this.reloads += 1;
  }

  stop(): void {
    this.end(0);
  }

  kill(): void {
    this.end('SIGKILL');
  }
}

/** A pool whose time stands still, and whose waits end when the test says. */
function fakePool(size: number) {
  const workers: FakeWorker[] = [];
  const told: string[] = [];
  const waits: { readonly milliseconds: number; readonly over: () => void }[] = [];
  let stop = () => {};
  let stopNow = () => {};
  let reload = () => {};
  const parts: PoolParts = {
    size,
    fork: () => {
      const worker = new FakeWorker(workers.length + 1);
      workers.push(worker);
      return worker;
    },
    announce: ({ port }) => told.push(`port ${port}`),
    complain: (text) => told.push(text),
    onReload: (each) => {
      reload = each;
    },
    now: () => 0,
    wait: (milliseconds) => new Promise((over) => waits.push({ milliseconds, over })),
    stop: new Promise<void>((resolve) => {
      stop = resolve;
    }),
    stopNow: new Promise<void>((resolve) => {
      stopNow = resolve;
    }),
  };
  const code = runPool(parts);
  return {
    workers,
    told,
    waits,
    code,
    stop: () => stop(),
    stopNow: () => stopNow(),
    reload: () => reload(),
  };
}

/** Lets everything happen that can. */
function settled(): Promise<void> {
  return new Promise(setImmediate);
}

describe('a pool of workers', () => {
  it('starts one, tells where it listens, and then starts the others', async () => {
    const pool = fakePool(3);
    assert.equal(pool.workers.length, 1);

    pool.workers[0]?.report(listening);
    await settled();

    assert.equal(pool.workers.length, 3);
    assert.deepEqual(pool.told, ['port 4711']);
    pool.stop();
    assert.equal(await pool.code, 0);
  });

  it('has each of those that live look at its files again, also those that took a place', async () => {
    const pool = fakePool(2);
    pool.workers[0]?.report(listening);
    await settled();
    pool.reload();
    pool.workers[1]?.end('SIGKILL');
    await settled();
    pool.waits[0]?.over();
    await settled();

    pool.reload();

    assert.deepEqual(
      pool.workers.map(({ reloads }) => reloads),
      [2, 1, 1],
    );
    pool.stop();
    await pool.code;
  });

  it('tells once why the first one could not start, and ends with 1', async () => {
    const pool = fakePool(3);

    pool.workers[0]?.report({ type: 'failed', text: 'The port is in use.' });

    assert.equal(await pool.code, 1);
    assert.deepEqual(pool.told, ['The port is in use.']);
    assert.equal(pool.workers.length, 1);
  });

  it('ends with 1 where the first one dies without a word', async () => {
    const pool = fakePool(2);

    pool.workers[0]?.end('SIGSEGV');

    assert.equal(await pool.code, 1);
    assert.match(pool.told.join(), /ended before it listened \(SIGSEGV\)/);
  });

  it('replaces a worker that dies, the slower the more of them die', async () => {
    const pool = fakePool(1);
    pool.workers[0]?.report(listening);
    await settled();

    for (let deaths = 1; deaths <= 12; deaths += 1) {
      pool.workers.at(-1)?.end('SIGSEGV');
      await settled();
      pool.waits.at(-1)?.over();
      await settled();
      assert.equal(pool.workers.length, deaths + 1);
    }

    const delays = pool.waits.map(({ milliseconds }) => milliseconds);
    assert.deepEqual(delays.slice(0, 4), [100, 200, 400, 800]);
    assert.equal(delays.at(-1), 30_000);
    assert.match(pool.told[1] ?? '', /^Worker 1 ended \(SIGSEGV\); another takes its place/);
    pool.stop();
    assert.equal(await pool.code, 0);
  });

  it('starts nobody any more once it stops', async () => {
    const pool = fakePool(2);
    pool.workers[0]?.report(listening);
    await settled();
    pool.workers[1]?.end('SIGSEGV');
    await settled();

    pool.stop();

    assert.equal(await pool.code, 0);
    assert.equal(pool.workers.length, 2);
  });

  it('waits for a worker that is still starting, and then stops it', async () => {
    const pool = fakePool(2);
    pool.workers[0]?.report(listening);
    await settled();
    const starting = pool.workers[1];
    assert.ok(starting);
    const { stop } = starting;
    starting.stop = () => {}; // it hears nothing yet

    pool.stop();
    await settled();
    starting.stop = stop;
    starting.report(listening);

    assert.equal(await pool.code, 0);
  });

  it('ends with 3 where a worker did not end cleanly at the stop', async () => {
    const pool = fakePool(2);
    pool.workers[0]?.report(listening);
    await settled();
    const stubborn = pool.workers[1];
    assert.ok(stubborn);
    stubborn.stop = () => {};

    pool.stop();
    await settled();
    pool.stopNow();

    assert.equal(await pool.code, 3);
  });
});
