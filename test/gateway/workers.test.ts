import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Registered, register, send } from './raw-client.ts';

const folder = temporaryFolder();
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** The command line as an operator starts it, in a home of its own, and what it has printed so far. */
function startCommand(home: string, ...flags: readonly string[]) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'src/main.ts', '--upstream-rs=http://127.0.0.1:1/mcp', ...flags],
    {
      env: { ...process.env, XDG_STATE_HOME: join(folder, home) },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  running.add(child);
  const printed = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    printed.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    printed.err += chunk;
  });
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child);
    return code ?? signal;
  });
  /** Where it listens, once it has said so. */
  const base = async () => {
    await eventually(
      async () => printed.out + printed.err,
      () => printed.out.includes('MCP URL') || child.exitCode !== null,
    );
    const port = /^listening on: +127\.0\.0\.1:(\d+)/m.exec(printed.out)?.[1];
    assert.ok(port, printed.err);
    return `http://127.0.0.1:${port}`;
  };
  return { child, printed, ended, base };
}

/** The processes that a process has started. */
function workersOf({ pid }: ChildProcess): readonly number[] {
  const { stdout } = spawnSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' });
  return stdout.split('\n').filter(Boolean).map(Number);
}

/** What /token says about a client, over a connection of its own. */
async function errorFor(base: string, client: Registered): Promise<unknown> {
  const answer = await send(`${base}/token`, {
    method: 'POST',
    headers: { connection: 'close' },
    body: { grant_type: 'authorization_code', code: 'none', client_id: client.client_id },
  });
  return answer.json().error;
}

describe('the command line', () => {
  it('keeps its clients in the state folder of its user, over a restart', async () => {
    const first = startCommand('restart', '--port=0');
    const client = await register(await first.base());
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);

    const second = startCommand('restart', '--port=0');
    const base = await second.base();

    assert.notEqual(await errorFor(base, client), 'invalid_client');
    assert.equal(await errorFor(base, { ...client, client_id: 'other' }), 'invalid_client');
    assert.ok(existsSync(join(folder, 'restart/mcp-oauth-gateway/store.mdb.key')));
    second.child.kill('SIGTERM');
    assert.equal(await second.ended, 0);
  });

  it('says that a restart logs everybody out where everything is in memory', async () => {
    const { base, printed, child, ended } = startCommand('memory', '--port=0', '--store=memory');
    await base();

    assert.match(printed.out, /^warning: +Everything is kept in memory: a restart logs everybody/m);
    child.kill('SIGTERM');
    await ended;
  });

  it('does not start with a store that it cannot use, and says so in a sentence', async () => {
    const command = startCommand('refused', '--port=0', '--store=/dev/null/store.mdb');

    assert.equal(await command.ended, 1);
    assert.match(command.printed.err, /^--store|^--key-file|key file/);
    assert.match(command.printed.err, /See mcp-oauth-gateway --help\.\n$/);
  });
});

describe('the command line with --workers', () => {
  it('is one gateway in several processes, that outlives any one of them', async () => {
    const { base: baseOf, printed, child, ended } = startCommand('pool', '--port=0', '--workers=2');
    const base = await baseOf();
    const client = await register(base);
    await eventually(
      async () => workersOf(child).length,
      (count) => count === 2,
    );
    const everyAnswer = async () =>
      new Set(await Promise.all(Array.from({ length: 12 }, () => errorFor(base, client))));

    assert.ok(!(await everyAnswer()).has('invalid_client'));
    // Not the first one: nobody but it is known to listen already.
    const victim = Math.max(...workersOf(child));
    assert.ok(victim > 1);
    process.kill(victim, 'SIGKILL');
    await eventually(
      async () => workersOf(child),
      (workers) => workers.length === 2 && !workers.includes(victim),
    );
    assert.ok(!(await everyAnswer()).has('invalid_client'));
    child.kill('SIGTERM');

    assert.equal(await ended, 0);
    assert.equal(printed.out.match(/^MCP URL:/gm)?.length, 1);
    assert.equal(printed.out.match(/^Stopping after SIGTERM/gm)?.length, 1);
    assert.match(printed.err, new RegExp(`^Worker ${victim} ended \\(SIGKILL\\); another takes`));
  });

  it('says once why it cannot start', async () => {
    const first = startCommand('taken', '--port=0');
    const port = new URL(await first.base()).port;

    const second = startCommand('taken', `--port=${port}`, '--workers=3');

    assert.equal(await second.ended, 1);
    assert.equal(second.printed.err.match(/is already in use/g)?.length, 1);
    assert.equal(second.printed.out, '');
    first.child.kill('SIGTERM');
    await first.ended;
  });
});
