import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openDiskStore } from '../../src/adapters/store/disk.ts';
import { lmdbOptions, loadLmdb } from '../../src/adapters/store/lmdb.ts';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { StoreUnavailable } from '../../src/application/ports.ts';
import { after, seconds } from '../../src/domain/lifetime.ts';
import { sealingKey } from '../../src/domain/sealing.ts';
import {
  assertKept,
  killedWhileWriting,
  numbered,
  startDiskChild,
  startFillingChild,
} from '../support/disk-child.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let paths = 0;
const newPath = () => {
  paths += 1;
  return join(folder, `${paths}.mdb`);
};
const inAnHour = () => after(systemClock.now(), seconds(3600));

/** How many records and places in the index the file holds, whether they live or not. */
async function entriesIn(
  path: string,
): Promise<{ readonly records: number; readonly expiry: number }> {
  const { open } = await loadLmdb();
  const file = open({ ...lmdbOptions, path });
  const count = (name: string, useVersions: boolean) =>
    file.openDB({ name, encoding: 'string', useVersions }).getStats().entryCount;
  const entries = { records: count('registrations', true), expiry: count('expiry', false) };
  await file.close();
  return entries;
}

describe('the store on disk', () => {
  it('is readable to its owner alone, in a folder of its own', async () => {
    const path = join(folder, 'state', 'door', 'store.mdb');

    await (await openDiskStore(path, systemClock)).close();

    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(`${path}-lock`).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'state', 'door')).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'state')).mode & 0o777, 0o700);
  });

  it('takes away from others what they could read before', async () => {
    const path = newPath();
    writeFileSync(path, '');
    chmodSync(path, 0o644);

    await (await openDiskStore(path, systemClock)).close();

    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('survives a restart', async () => {
    const path = newPath();
    const before = await openDiskStore(path, systemClock);
    const written = await before.registrations.write('key', numbered(1), undefined, inAnHour());
    await before.close();

    const later = await openDiskStore(path, systemClock);
    const stored = await later.registrations.read('key');
    await later.close();

    assert.ok(written.type === 'written');
    assert.deepEqual(stored?.value, numbered(1));
    assert.equal(stored?.version, written.version);
  });

  it('can be open twice in one process, and shows each what the other wrote', async () => {
    const path = newPath();
    const one = await openDiskStore(path, systemClock);
    const other = await openDiskStore(path, systemClock);
    const first = await one.registrations.write('key', numbered(1), undefined, inAnHour());
    assert.ok(first.type === 'written');
    assert.deepEqual((await other.registrations.read('key'))?.value, numbered(1));

    await other.registrations.write('key', numbered(2), first.version, inAnHour());

    assert.deepEqual((await one.registrations.read('key'))?.value, numbered(2));
    await one.close();
    assert.deepEqual((await other.registrations.read('key'))?.value, numbered(2));
    await other.close();
  });

  it('loses no change of several processes that change one record', async () => {
    const path = newPath();
    const store = await openDiskStore(path, systemClock);
    const task = { type: 'count', key: 'counter', times: 25 } as const;
    const children = [1, 2, 3].map(() => startDiskChild(path, task));

    await Promise.all(children.map((child) => once(child, 'close')));

    assert.deepEqual((await store.registrations.read('counter'))?.value, numbered(75));
    await store.close();
  });

  it('has every acknowledged write after its process was killed in the middle of others', async () => {
    const path = newPath();

    for (const [round, reports] of [1, 40, 90].entries()) {
      const acknowledged = await killedWhileWriting(path, `round-${round}`, reports);
      assert.ok(acknowledged.length >= reports);
      await assertKept(path, acknowledged);
    }
  });

  it('is away, and no danger to its process, for whoever asks while it closes or after', async () => {
    const store = await openDiskStore(newPath(), systemClock);
    await store.registrations.write('key', numbered(1), undefined, inAnHour());
    const writing = store.registrations.write('other', numbered(1), undefined, inAnHour());

    const closing = store.close();
    const asked = await Promise.allSettled([
      store.registrations.read('key'),
      store.registrations.write('third', numbered(1), undefined, inAnHour()),
    ]);

    for (const each of asked) {
      assert.ok(each.status === 'rejected' && each.reason instanceof StoreUnavailable, each.status);
    }
    await closing;
    assert.equal((await writing).type, 'written');
    await assert.rejects(store.registrations.read('key'), StoreUnavailable);
    // What lmdb throws out of a timer would come now.
    await new Promise(setImmediate);
  });

  it('leaves a record out of a scan that cannot be read, and says so once', async () => {
    const path = newPath();
    const told: string[] = [];
    const store = await openDiskStore(path, systemClock, {
      unreadable: (kind, count) => told.push(`${count} of ${kind}`),
    });
    await store.registrations.write('key', numbered(1), undefined, inAnHour());
    const { open } = await loadLmdb();
    const raw = open({ ...lmdbOptions, path });
    const options = { name: 'registrations', encoding: 'string', useVersions: true } as const;
    await raw.openDB<string>(options).put('broken', '1 4000000000 1 {"secret"}', 1);

    for (const _scan of [1, 2]) {
      const seen = [];
      for await (const { value } of store.registrations.scan()) seen.push(value.clientId);
      assert.deepEqual(seen, ['1']);
    }

    await assert.rejects(store.registrations.read('broken'), /A record of the registrations/);
    assert.deepEqual(told, ['1 of registrations']);
    await raw.close();
    await store.close();
  });

  it('clears expired records away, a few with every write', async () => {
    const path = newPath();
    const clock = standingClock();
    const store = await openDiskStore(path, clock);
    const soon = after(clock.now(), seconds(10));
    for (let place = 0; place < 30; place += 1) {
      await store.registrations.write(`old-${place}`, numbered(place), undefined, soon);
    }
    clock.advance(10);

    const late = after(clock.now(), seconds(10));
    for (let place = 0; place < 4; place += 1) {
      await store.registrations.write(`new-${place}`, numbered(place), undefined, late);
    }
    await store.close();

    assert.deepEqual(await entriesIn(path), { records: 4, expiry: 4 });
  });

  it('keeps one place in the index per record, however often its end moves', async () => {
    const path = newPath();
    const store = await openDiskStore(path, systemClock);
    let version: Parameters<typeof store.registrations.write>[2];
    for (let place = 0; place < 20; place += 1) {
      const end = after(systemClock.now(), seconds(100 + place));
      const outcome = await store.registrations.write('key', numbered(place), version, end);
      assert.ok(outcome.type === 'written');
      version = outcome.version;
    }
    await store.close();

    assert.deepEqual(await entriesIn(path), { records: 1, expiry: 1 });
  });
});

describe('a store on disk that cannot be used', () => {
  const refused = async (path: string, sentence: RegExp, options = {}) => {
    await assert.rejects(openDiskStore(path, systemClock, options), (error) => {
      assert.ok(error instanceof StoreUnavailable);
      assert.match(error.message, sentence);
      return true;
    });
  };

  it('is refused with a sentence where its path is a folder', async () => {
    const path = newPath();
    mkdirSync(path);

    await refused(path, /^The store .* cannot be opened \(EISDIR/);
  });

  it('is refused with a sentence where a folder of its path is a file', async () => {
    const path = newPath();
    writeFileSync(path, 'text');

    await refused(join(path, 'store.mdb'), /cannot be opened \((EEXIST|ENOTDIR)/);
  });

  it('is refused with a sentence, and left as it is, where the file is another', async () => {
    const path = newPath();
    writeFileSync(path, 'Dear diary, today I have been taken for a database. '.repeat(200));
    const { size } = statSync(path);

    await refused(path, /^The store .* cannot be opened/);
    assert.equal(statSync(path).size, size);
  });

  it('is refused with a sentence where a newer version wrote to it', async () => {
    const path = newPath();
    await (
      await openDiskStore(path, systemClock, { schema: { version: 2, upgrades: {} } })
    ).close();

    await refused(path, /was written by a newer version of the gateway \(its schema is 2, this/);
  });

  it('is refused with a sentence where it was written with another gateway key', async () => {
    const path = newPath();
    const key = (byte: number) => sealingKey(new Uint8Array(32).fill(byte));
    const open = async (...keys: readonly number[]) =>
      (await openDiskStore(path, systemClock, { keys: keys.map(key) })).close();
    await open(1);

    await refused(path, /was written with another gateway key/, { keys: [key(2)] });
    await open(2, 1); // rotated: the old one is still read
    await open(2);
    await refused(path, /was written with another gateway key/, { keys: [key(1)] });
  });

  it('is unavailable for writing while the disk is full, still read, not ready, and both again once it is not', {
    skip: spawnSync('prlimit', ['--version']).status !== 0 && 'prlimit is not installed',
  }, async () => {
    const child = startFillingChild(newPath(), 400);
    const ended = once(child, 'close');

    const [full] = await once(child, 'message');
    spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']);
    child.send('more room');
    const [again] = await once(child, 'message');

    assert.deepEqual(full, { outcome: 'StoreUnavailable', isReadable: true, isReady: false });
    assert.deepEqual(again, { outcome: 'written', isReady: true });
    assert.deepEqual(await ended, [0, null]);
  });

  it('says that it is unavailable, and not that a record is not there', async () => {
    const path = newPath();
    const store = await openDiskStore(path, systemClock);
    await store.registrations.write('key', numbered(1), undefined, inAnHour());
    await store.close();

    await assert.rejects(store.registrations.read('key'), StoreUnavailable);
    await assert.rejects(
      store.registrations.write('key', numbered(2), undefined, inAnHour()),
      StoreUnavailable,
    );
    await assert.rejects(store.probe(), StoreUnavailable);
    await assert.rejects(async () => {
      for await (const record of store.registrations.scan()) assert.fail(String(record));
    }, StoreUnavailable);
  });
});
