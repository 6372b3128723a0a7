import assert from 'node:assert/strict';
import fc from 'fast-check';

/** A word that is looked for in what must not hold it: no sentence has it by chance. */
export const secret = fc
  .string({
    unit: fc.constantFrom(...'ABCDEFGHJKMNPQRSTVWXYZ23456789'),
    minLength: 16,
    maxLength: 40,
  })
  .map((text) => `s3cr3t${text}`);

/** Any JSON, and that which some server really sends in place of a text: null, numbers, lists, nested things. */
export const anyJson = fc.jsonValue({ maxDepth: 4 });

/** A member as it should be, mostly; else left out, or any JSON. */
export function member<Value>(good: fc.Arbitrary<Value>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 6, arbitrary: good as fc.Arbitrary<unknown> },
    { weight: 1, arbitrary: fc.constant(undefined) },
    { weight: 2, arbitrary: anyJson as fc.Arbitrary<unknown> },
  );
}

export const webUrl = fc.oneof(
  fc.webUrl({ withQueryParameters: true }),
  fc.constantFrom(
    'https://as.example',
    'https://as.example/',
    'http://169.254.169.254/latest',
    'https://[::1]/x',
    'javascript:alert(1)',
    'https://user:pass@host.example/',
    'https://as.example/a#b',
    '//as.example',
  ),
);

/** Fails where a text of this length takes more than a moment of this thread, as whatever grows with its square does. */
export function takesNoTime(what: string, read: () => unknown): void {
  const before = process.cpuUsage();
  read();
  const { user } = process.cpuUsage(before);
  assert.equal(user < 1_000_000, true, `${what} took ${user / 1000} ms`);
}

/** What makes readers start over: openings that never end, escapes, separators. */
export const pieces = [
  '"',
  '\\"',
  '"\\',
  '[',
  '{',
  '{"a":',
  ' ',
  ',',
  ';',
  '=',
  '%',
  '&',
  ':',
  '@',
  'a=',
];

/** A value as a form or a variable would carry it. */
export function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
