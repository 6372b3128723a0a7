import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { keysFromFile } from '../../src/adapters/system/key-file.ts';
import { asStranger } from '../support/as-stranger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let files = 0;

/** The path of a file of its own; with a text it is written. */
function keyFile(text?: string, mode = 0o600): string {
  files += 1;
  const path = join(folder, `${files}.key`);
  if (text !== undefined) {
    writeFileSync(path, text);
    chmodSync(path, mode); // whatever the umask is
  }
  return path;
}

function spelledKey(): string {
  return randomBytes(32).toString('base64url');
}

/** The keys of a file as it would spell them. */
function keysOf(path: string): readonly string[] {
  const keys = keysFromFile(path, 'refuse');
  assert.ok(keys.ok, keys.ok ? '' : keys.failure);
  const { current, previous } = keys.value;
  return [current, ...previous].map((key) => Buffer.from(key).toString('base64url'));
}

function refusalOf(path: string): string {
  const keys = keysFromFile(path, 'refuse');
  assert.ok(!keys.ok);
  return keys.failure;
}

describe('the key file', () => {
  it('is made where there is none, for its owner alone, and is the same from then on', () => {
    const path = join(folder, 'made', 'here', 'gateway.key');

    const made = keysFromFile(path, 'make');

    assert.ok(made.ok);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, 'made')).mode & 0o777, 0o700);
    assert.deepEqual(keysOf(path), [Buffer.from(made.value.current).toString('base64url')]);
    assert.deepEqual(readdirSync(join(folder, 'made', 'here')), ['gateway.key']);
  });

  it('is made once, however many processes start at the same time', async () => {
    const path = keyFile();
    const script = `
      import { keysFromFile } from './src/adapters/system/key-file.ts';
      const keys = keysFromFile(process.argv[1], 'make');
      console.log(keys.ok ? Buffer.from(keys.value.current).toString('base64url') : keys.failure);`;
    const start = async () => {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '-e', script, path],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let printed = '';
      child.stdout.on('data', (chunk) => {
        printed += chunk;
      });
      await once(child, 'close');
      return printed.trim();
    };

    const printed = await Promise.all([start(), start(), start(), start()]);

    assert.deepEqual(new Set(printed), new Set(keysOf(path)));
  });

  it('writes with its first key and still reads the others', () => {
    const [fresh, old, older] = [spelledKey(), spelledKey(), spelledKey()];

    const path = keyFile(`# rotated in May\n${fresh}\n\n  ${old}  \r\n${older}`);

    assert.deepEqual(keysOf(path), [fresh, old, older]);
  });

  it('is refused where it is not there and none may be made, with the way to make one', () => {
    const path = keyFile();

    assert.match(refusalOf(path), /^The key file .* is not there; make one with \(umask 077; head/);
  });

  it('is refused where a line is no key, without showing it', () => {
    const almost = spelledKey().slice(1);

    const refusal = refusalOf(keyFile(`${spelledKey()}\n${almost}\n`));

    assert.match(refusal, /^Line 2 of the key file .* is not a key/);
    assert.ok(!refusal.includes(almost));
    assert.match(refusalOf(keyFile('# nothing yet\n')), /holds no key/);
  });

  it('is refused where it cannot be read', () => {
    assert.match(refusalOf(folder), /cannot be used \(EISDIR/);
  });

  it('is refused where this user may not read it, with who has to', {
    skip: process.platform === 'win32',
  }, () => {
    const path = keyFile(spelledKey(), 0);

    asStranger(() =>
      assert.match(
        refusalOf(path),
        /\(EACCES.*\); it must be readable by the user that the gateway runs as\.$/,
      ),
    );
  });

  const modes: [string, number, RegExp | undefined][] = [
    ['its owner alone', 0o600, undefined],
    ['its owner alone, to read only', 0o400, undefined],
    ['its group to read, as secrets are mounted into containers', 0o440, undefined],
    ['everybody to read', 0o644, /can be read by every user of this machine; run chmod 600/],
    ['its group to write', 0o660, /can be changed by others/],
  ];
  for (const [whom, mode, refusal] of modes) {
    it(`is ${refusal ? 'refused' : 'accepted'} where it is there for ${whom}`, {
      skip: process.platform === 'win32',
    }, () => {
      const path = keyFile(`${spelledKey()}\n`, mode);

      if (refusal) assert.match(refusalOf(path), refusal);
      else assert.equal(keysOf(path).length, 1);
    });
  }

  it('can be made the way that the sentence says', async () => {
    const path = keyFile();
    const [, command = ''] = /make one with (.*), and give/.exec(refusalOf(path)) ?? [];

    const [code] = await once(spawn('sh', ['-c', command], { stdio: 'inherit' }), 'exit');

    assert.equal(code, 0);
    assert.deepEqual(keysOf(path), [readFileSync(path, 'utf8').trim()]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });
});
