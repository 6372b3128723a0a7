import fc from 'fast-check';

/** Text of all kinds: controls, what URLs and headers reserve, letters of one to four bytes. */
export const anyText = fc.string({
  unit: fc.oneof(
    fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCharCode(code)),
    fc.constantFrom('\u0080', 'é', 'ÿ', '\u2028', '漢', '\uFEFF', '\u{1F600}', '\u{10FFFF}'),
  ),
});
