import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshnessOf } from '../../src/domain/freshness.ts';

interface FreshnessHeaders {
  readonly cacheControl: string;
  readonly expires: string;
  readonly date: string;
  readonly age: string;
}
const date = 'Tue, 24 Nov 2026 07:00:00 GMT';

const cases: readonly (readonly [string, Partial<FreshnessHeaders>, number])[] = [
  ['nothing', {}, 0],
  ['a life', { cacheControl: 'max-age=600' }, 600],
  ['a life among others, in capitals and quotes', { cacheControl: 'Public, MAX-AGE="600"' }, 600],
  ['a life for caches that many share', { cacheControl: 'max-age=1, s-maxage=600' }, 600],
  ['a life, part of it over', { cacheControl: 'max-age=600', age: '100' }, 500],
  ['a life that is over', { cacheControl: 'max-age=600', age: '700' }, 0],
  ['a life that nobody is to keep', { cacheControl: 'max-age=600, no-store' }, 0],
  ['a life that has to be asked about', { cacheControl: 'no-cache="x", max-age=600' }, 0],
  ['a life that is no number', { cacheControl: 'max-age=forever' }, 0],
  ['a negative life', { cacheControl: 'max-age=-1' }, 0],
  ['an end', { expires: 'Tue, 24 Nov 2026 07:10:00 GMT', date }, 600],
  ['an end without the server’s own time', { expires: 'Tue, 24 Nov 2026 07:10:00 GMT' }, 0],
  ['an end that is over', { expires: 'Tue, 24 Nov 2026 06:00:00 GMT', date }, 0],
  [
    'an end, and a time that is none',
    { expires: 'Tue, 24 Nov 2026 07:10:00 GMT', date: 'today' },
    0,
  ],
  ['an end that is no time', { expires: '0', date: 'today' }, 0],
  ['a life and an end', { cacheControl: 'max-age=5', expires: date, date }, 5],
];

for (const [says, headers, seconds] of cases) {
  test(`an answer that says ${says} is current for ${seconds} seconds`, () => {
    assert.equal(freshnessOf(headerIn(headers), 'shared') ?? 0, seconds);
  });
}

function headerIn({ cacheControl, ...others }: Partial<FreshnessHeaders>) {
  const headers = new Map(Object.entries({ ...others, 'cache-control': cacheControl }));
  return (name: string) => headers.get(name);
}

test('a life for caches that many share is none for the gateway’s own affairs', () => {
  const says = (cacheControl: string) => freshnessOf(headerIn({ cacheControl }), 'own');

  assert.equal(says('max-age=1, s-maxage=600'), 1);
  assert.equal(says('s-maxage=600'), undefined);
  assert.equal(says('max-age=12345678901'), undefined);
});
