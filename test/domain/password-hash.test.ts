import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryOf, readPasswordHash, spellPasswordHash } from '../../src/domain/password-hash.ts';

const salt = 'AAAAAAAAAAAAAAAAAAAAAA';
const hash = 'BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA';

test('a hash is read and spelled again as it was', () => {
  const text = `$scrypt$ln=15,r=8,p=3$${salt}$${hash}`;

  const read = readPasswordHash(text);

  assert.ok(read);
  assert.deepEqual([read.ln, read.r, read.p, read.salt.length], [15, 8, 3, 16]);
  assert.equal(spellPasswordHash(read), text);
});

const refused = [
  ['another function', `$argon2id$ln=15,r=8,p=3$${salt}$${hash}`],
  ['no hash', `$scrypt$ln=15,r=8,p=3$${salt}$`],
  ['what follows the hash', `$scrypt$ln=15,r=8,p=3$${salt}$${hash}$`],
  ['no cost', `$scrypt$ln=0,r=8,p=3$${salt}$${hash}`],
  ['no blocks', `$scrypt$ln=15,r=0,p=3$${salt}$${hash}`],
  ['no lanes', `$scrypt$ln=15,r=8,p=0$${salt}$${hash}`],
  ['too many lanes', `$scrypt$ln=15,r=8,p=17$${salt}$${hash}`],
  ['more memory than a server has to spare', `$scrypt$ln=19,r=8,p=1$${salt}$${hash}`],
  ['the password itself', 'hunter2'],
] as const;
for (const [what, text] of refused) {
  test(`a hash is refused: ${what}`, () => {
    assert.equal(readPasswordHash(text), undefined);
  });
}

test('the memory of a hash follows from its cost', () => {
  assert.equal(memoryOf({ ln: 15, r: 8 }), 32 * 1024 * 1024);
});
