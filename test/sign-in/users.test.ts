import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { hashedUsers } from '../../src/adapters/sign-in/hashed-users.ts';
import { hashPassword, isPasswordOf } from '../../src/adapters/sign-in/scrypt.ts';
import { usersFile } from '../../src/adapters/sign-in/users-file.ts';
import type { GatewayEvent } from '../../src/application/events.ts';
import type { Subject } from '../../src/domain/grant.ts';
import type { PasswordHash } from '../../src/domain/password-hash.ts';
import { readUsers } from '../../src/domain/users-file.ts';
import { ConfigurationError, createGateway } from '../../src/main.ts';
import { asStranger } from '../support/as-stranger.ts';

const ada = `ada:${await hashPassword('hunter2')}`;
const grace = `grace:${await hashPassword('hunter3')}`;

function usersOf(...lines: string[]) {
  const users = readUsers(lines.join('\n'));
  assert.ok(users.ok);
  return () => users.value;
}

describe('a user of hashes', () => {
  test('signs in with the password and no other', async () => {
    const signIn = hashedUsers(usersOf(ada, grace));

    assert.equal(await signIn.verify('ada', 'hunter2'), 'ada');
    assert.equal(await signIn.verify('ada', 'hunter3'), undefined);
    assert.equal(await signIn.verify('ada', ''), undefined);
  });

  test('that is unknown has no password, not even the one of the hash it is held against', async () => {
    const signIn = hashedUsers(usersOf(ada));

    assert.equal(await signIn.verify('nobody', 'hunter2'), undefined);
    assert.equal(await signIn.isUser?.('nobody' as Subject), false);
    assert.equal(await signIn.isUser?.('ada' as Subject), true);
  });
});

test('an unknown name is checked as a known one is: one hash, of the same work', async () => {
  const checked: PasswordHash[] = [];
  const signIn = hashedUsers(usersOf(ada), async (password, known) => {
    checked.push(known);
    return isPasswordOf(password, known);
  });

  await signIn.verify('ada', 'hunter3');
  await signIn.verify('nobody', 'hunter3');

  assert.equal(checked.length, 2);
  assert.equal(checked[1], checked[0]);
});

test('two hashes of one password differ', async () => {
  assert.notEqual(await hashPassword('x'), await hashPassword('x'));
});

describe('a file of users', () => {
  function fileWith(text: string) {
    const folder = mkdtempSync(join(tmpdir(), 'users-'));
    const path = join(folder, 'users');
    const events: GatewayEvent[] = [];
    const replace = (next: string) => {
      writeFileSync(`${path}.new`, next);
      renameSync(`${path}.new`, path);
    };
    replace(text);
    return {
      path,
      folder,
      events,
      replace,
      heard: { emit: (event: GatewayEvent) => events.push(event) },
    };
  }

  test('is read again when it was replaced', (context) => {
    const { path, folder, events, replace, heard } = fileWith(ada);
    context.after(() => rmSync(folder, { recursive: true }));
    const users = usersFile(path, heard);
    assert.deepEqual([...users().keys()], ['ada']);

    replace(grace);

    assert.deepEqual([...users().keys()], ['grace']);
    assert.deepEqual([...users().keys()], ['grace']);
    assert.deepEqual(events, [{ type: 'file_reloaded', file: path }]);
  });

  test('that breaks leaves the users as they were, and says so once', (context) => {
    const { path, folder, events, replace, heard } = fileWith(ada);
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const users = usersFile(path, heard);

    replace('grace:hunter3');
    assert.deepEqual([...users().keys()], ['ada']);
    assert.deepEqual([...users().keys()], ['ada']);
    rmSync(path);
    assert.deepEqual([...users().keys()], ['ada']);
    replace(grace);

    assert.deepEqual([...users().keys()], ['grace']);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['file_unusable', 'file_unusable', 'file_reloaded'],
    );
    assert.ok(!JSON.stringify(events).includes('hunter3'));
  });

  test('that cannot even be looked at any more leaves them too', (context) => {
    const { path, folder, events, replace, heard } = fileWith(ada);
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const users = usersFile(path, heard);

    rmSync(path);
    symlinkSync(path, path);
    assert.deepEqual([...users().keys()], ['ada']);
    assert.deepEqual([...users().keys()], ['ada']);
    replace(grace);

    assert.deepEqual([...users().keys()], ['grace']);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['file_unusable', 'file_reloaded'],
    );
  });

  test('that cannot be used from the start is an error that says what to do', (context) => {
    const { path, folder, replace, heard } = fileWith('');
    context.after(() => rmSync(folder, { recursive: true }));
    const failureOf = (named: string) => {
      try {
        usersFile(named, heard);
      } catch (error) {
        return error instanceof Error ? error.message.replace(named, 'X') : '';
      }
      return 'none';
    };

    assert.match(failureOf(path), /^The users file X cannot be used: it names no user; write a/);
    replace(`${ada}\n${ada}`);
    assert.match(failureOf(path), /^The users file X .*: line 2 names a user a second time; leave/);
    assert.match(failureOf(join(folder, 'none')), /^The users file X .* \(ENOENT\); write it,/);
    assert.match(failureOf(folder), /^The users file X .* \(EISDIR\); give the path of a file/);
  });

  test('that this user may not read says who has to', {
    skip: process.platform === 'win32',
  }, (context) => {
    const { path, folder, heard } = fileWith(ada);
    context.after(() => rmSync(folder, { recursive: true }));
    chmodSync(path, 0);

    asStranger(() =>
      assert.throws(
        () => usersFile(path, heard),
        /\(EACCES\); it and its folder must be readable by the user that the gateway runs as\.$/,
      ),
    );
  });

  test('that cannot be used stops the start, named as its setting', (context) => {
    const { path, folder } = fileWith('grace:hunter3');
    context.after(() => rmSync(folder, { recursive: true }));

    for (const named of [path, folder, join(folder, 'none')]) {
      assert.throws(
        () => createGateway({ upstreamRs: 'https://mcp.example.com/mcp', usersFile: named }),
        (error) =>
          error instanceof ConfigurationError &&
          error.faults[0]?.setting === 'usersFile' &&
          !error.message.includes('hunter3'),
      );
    }
  });
});
