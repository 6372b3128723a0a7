import assert from 'node:assert/strict';
import { test } from 'node:test';
import { displayText, html } from '../../src/adapters/http/html.ts';

test('text in markup is escaped for element content and for quoted attributes', () => {
  const text = `<script>"&'`;

  const markup = html`<p title="${text}" lang='${text}'>${text}</p>`.toString();

  const escaped = '&lt;script&gt;&quot;&amp;&#39;';
  assert.equal(markup, `<p title="${escaped}" lang='${escaped}'>${escaped}</p>`);
});

test('markup inside markup is not escaped twice', () => {
  const inner = html`<b>${'a & b'}</b>`;

  assert.equal(html`<p>${inner}</p>`.toString(), '<p><b>a &amp; b</b></p>');
});

test('a list is joined without a separator, and absence leaves nothing', () => {
  const items = ['a', '<'].map((item) => html`<li>${item}</li>`);

  assert.equal(
    html`<ul>${items}${undefined}${false}${7}</ul>`.toString(),
    '<ul><li>a</li><li>&lt;</li>7</ul>',
  );
});

test('an object that only looks like markup is escaped like any text', () => {
  const forged = { toString: () => '<script>' } as unknown as string;

  assert.throws(() => html`<p>${forged}</p>`);
  assert.equal(html`<p>${[String(forged)] as never}</p>`.toString(), '<p>&lt;script&gt;</p>');
});

const names: readonly (readonly [string, string, string])[] = [
  ['keeps an ordinary name', 'Claude Code (work)', 'Claude Code (work)'],
  ['keeps other scripts and accents', 'Ünïcødé クライアント عميل', 'Ünïcødé クライアント عميل'],
  ['keeps simple emoji', 'Robot 🤖', 'Robot 🤖'],
  ['makes one line of many', ' a\r\n\tb\u2028c\u00A0 d ', 'a b c d'],
  ['shows where a bidi override was', 'exe.\u202Egnp', 'exe.\uFFFDgnp'],
  ['shows where bidi isolates and marks were', '\u2066a\u2069\u200Eb\u200Fc', '�a��b�c'],
  ['shows where C0 and C1 controls were', 'a\u0000b\u009Bc\u007F', 'a�b�c�'],
  ['shows where zero-width characters were', 'a\u200Bb\u2060c\u00ADd', 'a�b�c�d'],
  ['shows where invisible tag characters were', 'a\u{E0041}', 'a�'],
  ['shows where half a surrogate pair was', 'a\uD83Db', 'a�b'],
  ['leaves nothing of letters that draw nothing', '\u3164\u115F\uFFA0', ''],
  ['leaves nothing of blanks', ' \u2800\u3000\u00A0', ''],
  ['flattens piled-up accents', `a${'\u0301'.repeat(9)}b`, `a${'\u0301'.repeat(3)}b`],
];
for (const [sentence, given, shown] of names) {
  test(`display text ${sentence}`, () => {
    assert.equal(displayText(given), shown);
  });
}

test('display text of exactly the limit is whole, and one character more is cut with an ellipsis', () => {
  assert.equal(displayText('x'.repeat(80)), 'x'.repeat(80));
  assert.equal(displayText('x'.repeat(81)), `${'x'.repeat(79)}…`);
  assert.equal(displayText('abc', 2), 'a…');
});

test('display text is cut between characters, not inside a surrogate pair', () => {
  assert.equal(displayText('🤖🤖🤖', 2), '🤖…');
});
