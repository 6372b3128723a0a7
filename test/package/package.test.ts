import assert from 'node:assert/strict';
import { type ExecFileSyncOptions, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

const place = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-'));
const run = (command: string, args: readonly string[], options: ExecFileSyncOptions = {}): string =>
  String(execFileSync(command, args, { cwd: place, stdio: 'pipe', ...options }));
let packed: readonly string[] = [];

before(() => {
  // Packed from here, as `npm publish` would: prepack builds first.
  const answer = run('npm', ['pack', '--json', '--pack-destination', place], {
    cwd: process.cwd(),
  });
  const [report] = JSON.parse(answer.slice(answer.indexOf('['))) as [
    { readonly files: readonly { readonly path: string }[] },
  ];
  packed = report.files.map((file) => file.path);
  const [tarball = ''] = readdirSync(place).filter((name) => name.endsWith('.tgz'));
  writeFileSync(
    join(place, 'package.json'),
    '{ "name": "empty", "type": "module", "private": true }',
  );
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball}`]);
});

after(() => rmSync(place, { recursive: true, force: true }));

test('the tarball holds what runs, what it says of itself, and nothing else', () => {
  const others = packed.filter((path) => !/^dist\/.+\.(js|d\.ts)$/.test(path));

  assert.deepEqual(others.sort(), [
    'LICENSE',
    'README.md',
    'configuration.schema.json',
    'package.json',
  ]);
  assert.ok(packed.includes('dist/main.js'));
});

test('the installed package starts through its bin', () => {
  const help = run('npx', ['--no-install', 'mcp-oauth-gateway', '--help']);

  assert.match(help, /--upstream-rs/);
  assert.match(
    run('npx', ['--no-install', 'mcp-oauth-gateway', '--version']),
    /^\S* ?\d+\.\d+\.\d+\n$/,
  );
});

test('installing it brings no development dependency along', () => {
  const installed = readdirSync(join(place, 'node_modules'));

  assert.deepEqual(
    installed.filter((name) =>
      /biome|fast-check|oidc-provider|playwright|typescript|tsx/.test(name),
    ),
    [],
  );
});

test('an embedder runs the port contracts on an implementation of its own', () => {
  cpSync('test/package/embedder.js', join(place, 'embedder.test.js'));

  const output = run(process.execPath, ['--test', '--test-reporter=tap', 'embedder.test.js'], {
    // A test runner inside a test runner would report to the outer one.
    env: { PATH: process.env.PATH },
  });

  assert.match(output, /^# fail 0$/m);
  assert.match(output, /^# pass [1-9]/m);
});
