import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readUsers } from '../../src/domain/users-file.ts';

const hash =
  '$scrypt$ln=1,r=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA';

test('users are lines, between empty ones and comments', () => {
  const users = readUsers(`# people\n\nada:${hash}\r\n  # robots\nurn:robot:1: ${hash}\n`);

  assert.deepEqual(users.ok && [...users.value.keys()], ['ada', 'urn:robot:1']);
});

const refused = [
  [
    'a line without hash',
    `ada:${hash}\ngrace:hunter2`,
    'line 2 is not NAME:HASH with a hash that hash-password printed',
  ],
  [
    'a line without name',
    `:${hash}`,
    'line 1 is not NAME:HASH with a hash that hash-password printed',
  ],
  ['a line without colon', 'ada', 'line 1 is not NAME:HASH with a hash that hash-password printed'],
  [
    'a user twice',
    `ada:${hash}\n\nada:${hash}`,
    'line 3 names a user a second time; leave one of the two lines',
  ],
  ['nobody', '# nobody', 'it names no user; write a line of NAME:HASH for each'],
] as const;
for (const [what, text, sentence] of refused) {
  test(`a file is refused: ${what}`, () => {
    const users = readUsers(text);

    assert.equal(!users.ok && users.failure, sentence);
  });
}
