import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { askAdmin } from '../../src/adapters/admin/ask-admin.ts';
import { runGrants } from '../../src/adapters/configuration/run-grants.ts';
import { createGateway } from '../../src/main.ts';
import { startStage } from '../gateway/fake-stage.ts';
import { credentials } from '../gateway/gateway-setup.ts';
import { logIn, send } from '../gateway/raw-client.ts';

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-admin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'admin.sock');
}

/** The command, as typed. */
async function grants(...argv: readonly string[]) {
  const written = { out: '', err: '' };
  const process = {
    argv: ['node', 'mcp-oauth-gateway', 'grants', ...argv],
    env: {},
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
  };
  return { code: await runGrants(process, askAdmin), ...written };
}

test('grants are listed with user and client, and revoked at once', async (t) => {
  const adminSocket = socketPath(t);
  const { base, events, mcp } = await startStage(t, { adminSocket });
  const [one, two] = [await logIn(base), await logIn(base)];
  const at = `--admin-socket=${adminSocket}`;
  const status = async ({ tokens }: typeof one) =>
    (
      await send(`${base}/mcp`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokens.access_token}` },
        body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
      })
    ).status;

  const listed = await grants('list', at);
  const ofNobody = await grants('list', at, '--user', 'nobody');
  const json = JSON.parse(
    (await grants('list', '--json', at, `--client=${one.client.client_id}`)).out,
  );
  const revoked = await grants('revoke', at, `--client=${one.client.client_id}`);
  const [first, second] = [await status(one), await status(two)];
  const all = await grants('revoke', '--all', at);

  assert.match(listed.out, /2 grants in force\.\n$/);
  assert.match(
    listed.out,
    new RegExp(`user "${credentials.username}"  client ".*" ${one.client.client_id}  since 20`),
  );
  assert.equal(ofNobody.out, '0 grants in force.\n');
  assert.equal(json.grants.length, 1);
  assert.equal(JSON.stringify(json).includes(one.tokens.access_token), false);
  assert.deepEqual([revoked.code, revoked.out], [0, '1 grant revoked.\n']);
  assert.equal(first, 401);
  assert.notEqual(second, 401);
  assert.equal(all.out, '1 grant revoked.\n');
  assert.equal(await status(two), 401);
  assert.deepEqual(
    events.of('grant_ended').map(({ reason }) => reason),
    ['revoked', 'revoked'],
  );
  assert.equal(mcp.calls.length, 1);
});

test('the socket is for the gateway’s own user alone, and gone with the gateway', async (t) => {
  const adminSocket = socketPath(t);
  const modes: number[] = [];
  const umask = process.umask.bind(process);
  // The mask is put back as soon as the socket is there, before anything else can be done about its mode.
  t.mock.method(process, 'umask', (mask: number) => {
    const made = statSync(adminSocket, { throwIfNoEntry: false });
    if (made !== undefined) modes.push(made.mode & 0o777);
    return umask(mask);
  });
  const { gateway } = await startStage(t, { adminSocket });

  assert.deepEqual(modes, [0o600]);
  assert.equal(statSync(adminSocket).mode & 0o777, 0o600);
  await gateway.close();

  const asked = await grants('list', `--admin-socket=${adminSocket}`);
  assert.equal(asked.code, 1);
  assert.match(asked.err, /^No gateway answers at .*admin\.sock/);
});

test('a socket that was left behind is replaced, and one in use stops the start', async (t) => {
  const adminSocket = socketPath(t);
  const { mcp } = await startStage(t, { adminSocket });
  const options = { port: 0, upstreamRs: mcp.url, metricsAddress: '127.0.0.1:0' };
  const other = createGateway({ ...options, adminSocket });
  await assert.rejects(other.listen(), /adminSocket: It cannot be listened on .*EADDRINUSE/);

  const left = socketPath(t);
  leaveBehind(left);
  const next = createGateway({ ...options, adminSocket: left });
  await next.listen();
  t.after(() => next.close());

  assert.equal((await grants('list', `--admin-socket=${left}`)).code, 0);
});

/** What remains of a process that was killed. */
function leaveBehind(path: string): void {
  const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script, path]);
  assert.equal(statSync(path).isSocket(), true);
}

test('a file that is no socket is left alone', async (t) => {
  const adminSocket = `${socketPath(t)}.txt`;
  writeFileSync(adminSocket, 'precious');
  const gateway = createGateway({ port: 0, upstreamRs: 'http://127.0.0.1:1/mcp', adminSocket });

  await assert.rejects(gateway.listen(), /adminSocket/);
  await gateway.close();

  assert.equal(readFileSync(adminSocket, 'utf8'), 'precious');
});

const refusals: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['nothing to do', [], /What to do with grants is not said; write grants list or grants revoke/],
  ['something else to do', ['drop'], /"drop" is nothing to do with grants/],
  ['a revocation of nothing in particular', ['revoke', '--admin-socket=/a'], /or else --all/],
  [
    'a revocation of some and all',
    ['revoke', '--all', '--user=a', '--admin-socket=/a'],
    /not said/,
  ],
  ['no socket', ['list'], /start it with --admin-socket=/],
  ['a misspelt flag', ['list', '--admin-sockte=/a'], /did you mean --admin-socket/],
  ['an empty name', ['list', '--user='], /--user names nobody; write --user=NAME/],
  ['a name that was left out', ['revoke', '--client', '--json'], /write --client=ID/],
];
for (const [what, argv, sentence] of refusals) {
  test(`grants with ${what} is refused`, async () => {
    const { code, err } = await grants(...argv);

    assert.equal(code, 1);
    assert.match(err, sentence);
  });
}

test('grants has help', async () => {
  assert.match((await grants('--help')).out, /grants list/);
});

test('another path or method on the socket is nothing', async (t) => {
  const adminSocket = socketPath(t);
  await startStage(t, { adminSocket });

  const asked = await askAdmin(adminSocket, 'GET', '/');

  assert.match(asked.ok ? '' : asked.failure, /status 404/);
});

test('an answer that breaks off is a failure, and no crash', async (t) => {
  const path = socketPath(t);
  const server = createServer((socket) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{');
  }).listen(path);
  await once(server, 'listening');
  t.after(() => server.close());

  const asked = await askAdmin(path, 'GET', '/grants');

  assert.equal(asked.ok, false);
});
