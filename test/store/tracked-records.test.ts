import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecentRecords } from '../../src/adapters/store/recent-records.ts';
import { TrackedRecords } from '../../src/adapters/store/tracked-records.ts';

/** Kept records under a clock of milliseconds that the test moves, trusted for the first second. */
function trackedRecords() {
  let now = 0;
  const tracked = new TrackedRecords<string>(10, () => now);
  tracked.trustUntil(1000);
  return {
    tracked,
    advance: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

/** A read whose answer comes when the test says. */
function slowRead() {
  let answer: (value: string | undefined) => void = () => {};
  const value = new Promise<string | undefined>((resolve) => {
    answer = resolve;
  });
  return { ask: () => value, answer };
}

describe('records read over a tracked connection', () => {
  it('are kept, until the server says that they changed', async () => {
    const { tracked } = trackedRecords();
    assert.equal(await tracked.read('key', async () => 'value'), 'value');
    assert.equal(tracked.get('key'), 'value');

    tracked.invalidate('key');

    assert.equal(tracked.get('key'), undefined);
  });

  it('are not kept where the news of a change overtakes the answer', async () => {
    const { tracked } = trackedRecords();
    const { ask, answer } = slowRead();
    const reading = tracked.read('key', ask);

    tracked.invalidate('key');
    answer('old');

    assert.equal(await reading, 'old');
    assert.equal(tracked.get('key'), undefined);
  });

  it('are not kept where the connection is lost before the answer', async () => {
    const { tracked } = trackedRecords();
    const { ask, answer } = slowRead();
    const reading = tracked.read('key', ask);

    tracked.forget();
    answer('old');

    await reading;
    assert.equal(tracked.get('key'), undefined);
  });

  it('are those of the last of several reads, in whatever order they are answered', async () => {
    const { tracked } = trackedRecords();
    const first = slowRead();
    const second = slowRead();
    const readings = [tracked.read('key', first.ask), tracked.read('key', second.ask)];

    second.answer('new');
    await readings[1];
    first.answer('old');
    await readings[0];

    assert.equal(tracked.get('key'), 'new');
  });

  it('are not believed once the server has been silent for too long', async () => {
    const { tracked, advance } = trackedRecords();
    await tracked.read('key', async () => 'value');

    advance(1000);
    assert.equal(tracked.get('key'), undefined);

    tracked.trustUntil(3000);
    assert.equal(tracked.get('key'), 'value');
  });

  it('are not kept where there are none, so that made-up keys cost no memory', async () => {
    const { tracked } = trackedRecords();
    let asked = 0;
    const ask = async () => {
      asked += 1;
      return undefined;
    };

    await tracked.read('key', ask);
    await tracked.read('key', ask);

    assert.equal(asked, 2);
    assert.equal(tracked.get('key'), undefined);
  });
});

describe('a bounded number of values', () => {
  it('loses the one that was not used for longest', () => {
    const recent = new RecentRecords<number>(2);
    recent.set('one', 1);
    recent.set('two', 2);
    recent.get('one');

    recent.set('three', 3);

    assert.deepEqual(
      [recent.get('one'), recent.get('two'), recent.get('three')],
      [1, undefined, 3],
    );
  });
});
