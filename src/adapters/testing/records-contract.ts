import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type {
  Clock,
  RecordKind,
  Records,
  Store,
  Version,
  Versioned,
} from '../../application/ports.ts';
import type { Client } from '../../domain/client-registration.ts';
import { after as later, seconds } from '../../domain/lifetime.ts';
import { recordKinds, sampleRecord } from './sample-records.ts';
import { wholeRecords } from './whole-records.ts';

/** A store to be judged. */
export interface StoreUnderTest {
  readonly store: Store;
  /** The clock that the store's expiries go by. A store with a time of its own waits in `advance`. */
  readonly clock: Pick<Clock, 'now'> & { advance(seconds: number): void | Promise<void> };
  /** Opens the same store once more, as another process would: what is read there was read from where it is kept. Absent for a store of one process. */
  readonly openAgain?: () => Promise<Store>;
}

/** What a suite asks of the maker of a store. */
export interface StoreSetup {
  /** How many records of each kind it may hold; absent: as many as it likes. */
  readonly limit: number | undefined;
}

/** What a store may do without. */
export interface StoreFeatures {
  /** Whether it can be given a limit; true unless told. */
  readonly bounded?: boolean;
}

/**
 * What every {@link Store} must show, for each kind of record. `makeStore` makes an empty one; it is closed at the end of the suite.
 */
export function recordsContract(
  name: string,
  makeStore: (setup: StoreSetup) => StoreUnderTest | Promise<StoreUnderTest>,
  { bounded = true }: StoreFeatures = {},
): void {
  describe(`the records of ${name}`, () => {
    let tested: StoreUnderTest;
    before(async () => {
      tested = await makeStore({ limit: undefined });
    });
    after(() => tested.store.close());

    for (const kind of recordKinds) {
      describe(kind, () => {
        readingAndWriting(() => contextOf(tested, kind));
        conditionalWriting(() => contextOf(tested, kind));
        expiry(() => contextOf(tested, kind));
        scanning(() => contextOf(tested, kind));
      });
    }
    it('is there, and says so', async () => {
      await tested.store.probe();
    });
    kindsApart(() => tested);
    wholeForms(() => tested);
    scanningMany(() => tested);
    if (bounded) bounds(makeStore);
  });
}

/** One kind of records, with keys that no other test uses. */
interface Context {
  readonly records: Records<unknown>;
  readonly clock: StoreUnderTest['clock'];
  readonly key: string;
  /** Different records of this kind. */
  readonly one: unknown;
  readonly other: unknown;
  /** A moment from now. */
  in(seconds: number): ReturnType<Clock['now']>;
}

let keys = 0;

function contextOf({ store, clock }: StoreUnderTest, kind: RecordKind): Context {
  keys += 1;
  const key = `contract-${keys}`;
  return {
    // Every kind is written with its own samples alone.
    records: store[kind] as Records<unknown>,
    clock,
    key,
    one: sampleRecord(kind, `${key} one`),
    other: sampleRecord(kind, `${key} other`),
    in: (length) => later(clock.now(), seconds(length)),
  };
}

async function written(
  { records, key, one, in: inSeconds }: Context,
  value: unknown = one,
  over?: Version,
): Promise<Version> {
  const outcome = await records.write(key, value, over, inSeconds(60));
  assert.equal(outcome.type, 'written');
  return outcome.type === 'written' ? outcome.version : assert.fail();
}

/** A store may leave out members that are undefined: absence is all that they say. */
function sameRecord(actual: unknown, expected: unknown): void {
  assert.deepEqual(spelledOut(actual), spelledOut(expected));
}

function isSame(actual: unknown, expected: unknown): boolean {
  return isDeepStrictEqual(spelledOut(actual), spelledOut(expected));
}

function spelledOut(record: unknown): unknown {
  return JSON.parse(JSON.stringify(record));
}

function readingAndWriting(context: () => Context): void {
  it('has nothing where nothing was written', async () => {
    const { records, key } = context();

    assert.equal(await records.read(key), undefined);
  });

  it('gives back what was written, and the version that the write told', async () => {
    const given = context();
    const version = await written(given);

    const stored = await given.records.read(given.key);

    sameRecord(stored?.value, given.one);
    assert.equal(stored?.version, version);
  });

  it('has an answer for whatever key a stranger presents', async () => {
    const { records } = context();

    for (const key of ['', '__proto__', 'a\u0000b', '../../x', 'ü€', '%', 'k'.repeat(10_000)]) {
      assert.equal(await records.read(key), undefined);
    }
  });
}

function wholeForms(tested: () => StoreUnderTest): void {
  for (const kind of recordKinds) {
    it(`keeps ${kind} in every form, with every member that there is`, async () => {
      const given = contextOf(tested(), kind);
      const values = wholeRecords(given.key)[kind];
      const keyOf = (place: number) => `${given.key} ${place}`;
      for (const [place, value] of values.entries()) {
        await written({ ...given, key: keyOf(place) }, value);
      }

      const elsewhere = await tested().openAgain?.();

      const records: Records<unknown> = (elsewhere ?? tested().store)[kind];
      for (const [place, value] of values.entries()) {
        assert.deepEqual((await records.read(keyOf(place)))?.value, value);
      }
      await elsewhere?.close();
    });
  }
}

function conditionalWriting(context: () => Context): void {
  it('replaces the version that was read', async () => {
    const given = context();
    const first = await written(given);

    const second = await written(given, given.other, first);

    assert.notEqual(second, first);
    sameRecord((await given.records.read(given.key))?.value, given.other);
  });

  it('reads what it has just written, whatever it had read before', async () => {
    const given = context();
    let version = await written(given);

    for (let round = 0; round < 50; round += 1) {
      const value = round % 2 === 0 ? given.other : given.one;
      await given.records.read(given.key);
      version = await written(given, value, version);
      const stored = await given.records.read(given.key);
      assert.equal(stored?.version, version);
      sameRecord(stored?.value, value);
    }
  });

  it('makes a new record only where there is none', async () => {
    const given = context();
    const version = await written(given);

    const outcome = await given.records.write(given.key, given.other, undefined, given.in(60));

    assert.deepEqual(outcome, { type: 'outdated' });
    const stored = await given.records.read(given.key);
    sameRecord(stored?.value, given.one);
    assert.equal(stored?.version, version);
  });

  it('does not write over a version that is no more', async () => {
    const given = context();
    const first = await written(given);
    const second = await written(given, given.other, first);

    const outcome = await given.records.write(given.key, given.one, first, given.in(60));

    assert.deepEqual(outcome, { type: 'outdated' });
    assert.equal((await given.records.read(given.key))?.version, second);
  });

  it('does not write over a record that is not there', async () => {
    const given = context();
    const version = await written(given);
    const elsewhere = `${given.key} elsewhere`;

    const outcome = await given.records.write(elsewhere, given.one, version, given.in(60));

    assert.deepEqual(outcome, { type: 'outdated' });
    assert.equal(await given.records.read(elsewhere), undefined);
  });

  it('lets one of many writers over the same version win', async () => {
    const given = context();
    const version = await written(given);

    const outcomes = await race(given, version);

    assert.equal(outcomes.filter(({ type }) => type === 'written').length, 1);
    assert.equal(outcomes.filter(({ type }) => type === 'outdated').length, 9);
  });

  it('lets one of many writers of a new record win', async () => {
    const given = context();

    const outcomes = await race(given, undefined);

    assert.equal(outcomes.filter(({ type }) => type === 'written').length, 1);
    assert.equal(outcomes.filter(({ type }) => type === 'outdated').length, 9);
  });
}

function race({ records, key, other, in: inSeconds }: Context, over: Version | undefined) {
  const writers = Array.from({ length: 10 }, () => records.write(key, other, over, inSeconds(60)));
  return Promise.all(writers);
}

function expiry(context: () => Context): void {
  it('loses a record at its end, and not before', async () => {
    const given = context();
    await given.records.write(given.key, given.one, undefined, given.in(3));

    await given.clock.advance(1);
    assert.ok(await given.records.read(given.key));
    await given.clock.advance(2);
    assert.equal(await given.records.read(given.key), undefined);
  });

  it('moves the end of a record with every write', async () => {
    const given = context();
    const first = await given.records.write(given.key, given.one, undefined, given.in(2));
    assert.ok(first.type === 'written');
    await given.records.write(given.key, given.other, first.version, given.in(5));

    await given.clock.advance(3);
    assert.ok(await given.records.read(given.key));
    await given.clock.advance(2);
    assert.equal(await given.records.read(given.key), undefined);
  });

  it('takes a record that has ended for none', async () => {
    const given = context();
    const ended = await given.records.write(given.key, given.one, undefined, given.in(1));
    assert.ok(ended.type === 'written');
    await given.clock.advance(1);

    const over = await given.records.write(given.key, given.other, ended.version, given.in(60));
    assert.deepEqual(over, { type: 'outdated' });
    await written(given, given.other);
  });

  it('never gives a version twice: the one of an ended record does not fit its successor', async () => {
    const given = context();
    const ended = await given.records.write(given.key, given.one, undefined, given.in(1));
    assert.ok(ended.type === 'written');
    await given.clock.advance(1);
    const successor = await written(given, given.other);

    assert.notEqual(successor, ended.version);
    const late = await given.records.write(given.key, given.one, ended.version, given.in(60));
    assert.deepEqual(late, { type: 'outdated' });
  });
}

function scanning(context: () => Context): void {
  it('shows each record that lives once it is written, as it is now, and none that has ended', async () => {
    const given = context();
    const first = await written(given);
    await written(given, given.other, first);
    const ended = `${given.key} ended`;
    await given.records.write(ended, given.one, undefined, given.in(1));
    await given.clock.advance(1);

    const seen = await scanned(given.records);

    const times = (value: unknown) => seen.filter((each) => isSame(each.value, value)).length;
    assert.equal(times(given.one), 0);
    assert.notEqual(times(given.other), 0);
    const stored = await given.records.read(given.key);
    const versions = seen.map(({ version }) => version);
    assert.ok(stored && versions.includes(stored.version), 'the version is the one that is read');
  });
}

async function scanned(records: Records<unknown>): Promise<readonly Versioned<unknown>[]> {
  const seen: Versioned<unknown>[] = [];
  for await (const record of records.scan()) seen.push(record);
  return seen;
}

/** More than any store takes in one step. */
const many = 1500;

function scanningMany(tested: () => StoreUnderTest): void {
  it('shows all of many records, also while others come and change', async () => {
    const { records, clock, one, in: inSeconds } = contextOf(tested(), 'clients');
    const keys = Array.from({ length: many }, (_, place) => `many-${place}`);
    const outcomes = await Promise.all(
      keys.map((key) => records.write(key, sampleRecord('clients', key), undefined, inSeconds(60))),
    );
    assert.ok(outcomes.every(({ type }) => type === 'written'));

    const seen = new Set<string>();
    for await (const { value } of records.scan()) {
      seen.add((value as Client).id);
      if (seen.size % 100 === 0) {
        await records.write(`late-${seen.size}`, one, undefined, later(clock.now(), seconds(60)));
      }
    }

    assert.deepEqual(
      keys.filter((key) => !seen.has(key)),
      [],
    );
  });

  it('can be left in the middle of a scan', async () => {
    const { records } = contextOf(tested(), 'clients');
    await records.write(
      'left',
      sampleRecord('clients', 'left'),
      undefined,
      later(tested().clock.now(), seconds(60)),
    );

    let seen = 0;
    for await (const _record of records.scan()) {
      seen += 1;
      break;
    }

    assert.equal(seen, 1);
  });
}

function kindsApart(tested: () => StoreUnderTest): void {
  it('keeps the kinds apart: one key names a record in each', async () => {
    const { store, clock } = tested();
    const end = later(clock.now(), seconds(60));

    for (const kind of recordKinds) {
      const records = store[kind] as Records<unknown>;
      const outcome = await records.write('shared', sampleRecord(kind, 'shared'), undefined, end);
      assert.equal(outcome.type, 'written');
    }
    for (const kind of recordKinds) {
      sameRecord((await store[kind].read('shared'))?.value, sampleRecord(kind, 'shared'));
    }
  });
}

function bounds(makeStore: (setup: StoreSetup) => StoreUnderTest | Promise<StoreUnderTest>): void {
  describe('at its bound', () => {
    let tested: StoreUnderTest;
    before(async () => {
      tested = await makeStore({ limit: 2 });
    });
    after(() => tested.store.close());

    for (const kind of recordKinds) {
      it(`refuses new ${kind}, changes those that are there, and takes new ones when some have ended`, async () => {
        const { records, one, other, in: inSeconds, clock } = contextOf(tested, kind);
        const first = await records.write('first', one, undefined, inSeconds(60));
        const second = await records.write('second', one, undefined, inSeconds(2));
        assert.ok(first.type === 'written' && second.type === 'written');

        const third = await records.write('third', one, undefined, inSeconds(60));
        assert.deepEqual(third, { type: 'full' });
        const changed = await records.write('first', other, first.version, inSeconds(60));
        assert.equal(changed.type, 'written');
        await clock.advance(2);
        const fourth = await records.write('fourth', one, undefined, inSeconds(60));
        assert.equal(fourth.type, 'written');
        sameRecord((await records.read('first'))?.value, other);
      });
    }
  });
}
