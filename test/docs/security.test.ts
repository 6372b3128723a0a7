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

for (const [threat = '', answer = '', file = '', proof = ''] of rows) {
  test(`there is a file and a test against: ${threat}`, () => {
    const [, testFile = '', title = ''] = /^(\S+): `(.+)`$/.exec(proof) ?? [];

    assert.notEqual(answer, '');
    assert.equal(existsSync(file), true, `${file} is not there`);
    assert.equal(existsSync(testFile), true, `${testFile} is not there`);
    assert.equal(
      readFileSync(testFile, 'utf8').includes(title),
      true,
      `${testFile} has no test of that name`,
    );
  });
}
