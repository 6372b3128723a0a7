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
    'Line 2 is not NAME:HASH with a hash that hash-password printed.',
  ],
  [
    'a line without name',
    `:${hash}`,
    'Line 1 is not NAME:HASH with a hash that hash-password printed.',
  ],
  [
    'a line without colon',
    'ada',
    'Line 1 is not NAME:HASH with a hash that hash-password printed.',
  ],
  ['a user twice', `ada:${hash}\n\nada:${hash}`, 'Line 3 names a user a second time.'],
  ['nobody', '# nobody', 'It names no user.'],
] as const;
for (const [what, text, sentence] of refused) {
  test(`a file is refused: ${what}`, () => {
    const users = readUsers(text);

    assert.equal(!users.ok && users.failure, sentence);
  });
}
