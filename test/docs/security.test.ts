import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defences } from '../threats/defences.ts';
import { spelled, threats } from '../threats/threat-table.ts';

const rows = threats();

test('the table of threats has rows', () => {
  assert.equal(rows.length > 20, true, 'the table was not found');
});

for (const { threat, answer, file, proofs, spelledProofs } of rows) {
  test(`there is a file and a test against: ${threat}`, () => {
    assert.notEqual(answer, '');
    assert.equal(existsSync(file), true, `${file} is not there`);
    assert.equal(spelled(proofs), spelledProofs, 'the last column cannot be read');
    assert.notEqual(proofs.length, 0, 'no test is named');
    for (const { file: testFile, title } of proofs) {
      assert.equal(existsSync(testFile), true, `${testFile} is not there`);
      const source = readFileSync(testFile, 'utf8');
      const found = titlesIn(source).some((written) => isTitle(title, written, source));
      assert.equal(found, true, `${testFile} has no test with the title: ${title}`);
    }
  });

  test(`it is known how to take the defence away against: ${threat}`, () => {
    const [removals, ...others] = Object.entries(defences)
      .filter(([beginning]) => threat.startsWith(beginning))
      .map(([, each]) => each);

    assert.notEqual(removals, undefined, 'test/threats/defences.ts has nothing for it');
    assert.equal(others.length, 0, 'more than one entry of test/threats/defences.ts is meant');
    for (const { file: defended, text, becomes } of removals ?? []) {
      const pieces = readFileSync(defended, 'utf8').split(text);
      assert.equal(pieces.length, 2, `not there once in ${defended}: ${text}`);
      assert.notEqual(becomes, text);
    }
  });
}

test('nothing is taken away that the table does not name', () => {
  for (const beginning of Object.keys(defences)) {
    assert.equal(
      rows.some(({ threat }) => threat.startsWith(beginning)),
      true,
      beginning,
    );
  }
});

/** The titles as they are written, with the `${}` of those that are made of a table's rows; a variable alone is one. */
function titlesIn(source: string): readonly string[] {
  const calls = source.matchAll(
    /\b(?:test|it)\(\s*(?:'((?:\\.|[^'\\])*)'|`((?:\\.|[^`\\])*)`|(\w+),)/g,
  );
  return [...calls].map(([, plain, made, variable]) => plain ?? made ?? `\${${variable}}`);
}

/** Whether a title is a written one; what stands for a `${}` has to be in the file too, as in a table of cases. */
function isTitle(title: string, written: string, source: string): boolean {
  const texts = written
    .split(/\$\{(?:[^{}]|\{[^}]*\})*\}/)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const parts = new RegExp(`^${texts.join('(.+?)')}$`, 's').exec(title);
  return parts?.slice(1).every((part) => source.includes(part)) ?? false;
}
