import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FreshnessHeaders, freshFor } from '../../src/adapters/clients/freshness.ts';

const none: FreshnessHeaders = {
  cacheControl: undefined,
  expires: undefined,
  date: undefined,
  age: undefined,
};
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
  ['an end that is no time', { expires: '0', date: 'today' }, 0],
  ['a life and an end', { cacheControl: 'max-age=5', expires: date, date }, 5],
];

for (const [says, headers, seconds] of cases) {
  test(`an answer that says ${says} is current for ${seconds} seconds`, () => {
    assert.equal(freshFor({ ...none, ...headers }), seconds);
  });
}
