import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runHealthcheck } from '../../src/adapters/configuration/run-healthcheck.ts';
import { askHealth } from '../../src/adapters/http/ask-health.ts';
import { failure, success } from '../../src/domain/result.ts';
import { startStage } from '../gateway/fake-stage.ts';

async function run(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
  answer = success('alive') as Awaited<ReturnType<typeof askHealth>>,
) {
  const asked: unknown[] = [];
  const written = { out: '', err: '' };
  const process = {
    argv: ['node', 'mcp-oauth-gateway', 'healthcheck', ...argv],
    env,
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
  };
  const readText = (path: string) => files[path] ?? assert.fail(`no file ${path}`);
  const ask = async (address: unknown) => {
    asked.push(address);
    return answer;
  };
  return { code: await runHealthcheck(process, ask, readText), asked, ...written };
}

const addresses: readonly (readonly [string, string[], Record<string, string>, string, number])[] =
  [
    ['with no setting at all', [], {}, '127.0.0.1', 8002],
    ['with flags', ['--port=9', '--host=192.0.2.1'], {}, '192.0.2.1', 9],
    ['with variables', [], { MCP_GATEWAY_HOST: '0.0.0.0' }, '127.0.0.1', 8002],
    ['for every address of both families', ['--host=::'], {}, '::1', 8002],
    ['with a file', ['--config=a.yaml'], {}, '127.0.0.1', 7],
    ['with a whole start’s', ['--upstream-rs=https://a.example'], {}, '127.0.0.1', 8002],
  ];
for (const [what, argv, env, host, port] of addresses) {
  test(`healthcheck ${what} asks ${host}, port ${port}`, async () => {
    const { code, asked, out } = await run(argv, env, { 'a.yaml': 'port: 7\n' });

    assert.deepEqual(asked, [{ host, port, tls: false }]);
    assert.equal(code, 0);
    assert.equal(out, 'alive\n');
  });
}

test('healthcheck asks with TLS where the gateway listens with it', async () => {
  const { asked } = await run(['--tls-cert=a.crt', '--tls-key=a.key']);

  assert.deepEqual(asked, [{ host: '127.0.0.1', port: 8002, tls: true }]);
});

const refusals: readonly (readonly [string, RegExp])[] = [
  ['--port=x', /is not a port/],
  ['--port=0', /nobody knows where to ask; give it, for example --port=/],
  ['--prot=1', /did you mean --port/],
];
for (const [flag, sentence] of refusals) {
  test(`healthcheck refuses ${flag}`, async () => {
    const { code, asked, err } = await run([flag]);

    assert.equal(code, 1);
    assert.match(err, sentence);
    assert.deepEqual(asked, []);
  });
}

test('healthcheck ends with 1 and says why where nobody answers', async () => {
  const { code, err, out } = await run([], {}, {}, failure('nobody there'));

  assert.equal(code, 1);
  assert.match(err, /^nobody there\n/);
  assert.equal(out, '');
});

test('healthcheck has help', async () => {
  assert.match((await run(['--help'])).out, /healthcheck/);
});

test('a gateway that runs is alive, and a port with nobody behind is not', async (t) => {
  const { gateway, local } = await startStage(t);
  const address = { host: '127.0.0.1', port: Number(new URL(local).port), tls: false };

  const alive = await askHealth(address);
  await gateway.close();
  const gone = await askHealth(address);

  assert.deepEqual(alive, success(`${local}/healthz is alive.`));
  assert.equal(gone.ok, false);
  assert.match(gone.ok ? '' : gone.failure, /does not answer \(.*ECONNREFUSED/);
});

test('something else on the port is not alive', async (t) => {
  const { mcp } = await startStage(t);
  const { hostname, port } = new URL(mcp.url);

  const answer = await askHealth({ host: hostname, port: Number(port), tls: false });

  assert.match(answer.ok ? '' : answer.failure, /answered with status \d+/);
});
