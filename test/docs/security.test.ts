import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const rows = readFileSync('docs/security.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| threat'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));

test('the table of threats has rows', () => {
  assert.equal(rows.length > 20, true, 'the table was not found');
});

for (const [threat = '', answer = '', file = '', proofs = ''] of rows) {
  test(`there is a file and a test against: ${threat}`, () => {
    assert.notEqual(answer, '');
    assert.equal(existsSync(file), true, `${file} is not there`);
    const named = [...proofs.matchAll(/(\S+): `([^`]+)`(?:<br>|$)/g)];
    assert.equal(named.map(([text]) => text).join(''), proofs, 'the last column cannot be read');
    assert.notEqual(named.length, 0, 'no test is named');
    for (const [, testFile = '', title = ''] of named) {
      assert.equal(existsSync(testFile), true, `${testFile} is not there`);
      const source = readFileSync(testFile, 'utf8');
      const found = titlesIn(source).some((written) => isTitle(title, written, source));
      assert.equal(found, true, `${testFile} has no test with the title: ${title}`);
    }
  });
}

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
