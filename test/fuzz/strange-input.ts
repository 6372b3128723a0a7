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

/**
 * Reads what is made of each of these, over and over, up to this length. No clock is asked: what grows with the square of its length does not
 * come to an end here while anybody waits.
 */
export function readAtLength(
  length: number,
  read: (text: string) => unknown,
  further: readonly string[] = [],
): void {
  for (const piece of [...pieces, ...further]) read(piece.repeat(length / piece.length));
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
