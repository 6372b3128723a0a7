import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { readCommandLine } from '../../src/adapters/configuration/command-line.ts';
import {
  environmentName,
  fileEnvironmentName,
  secretRows,
  settingRows,
} from '../../src/adapters/configuration/settings.ts';
import { hashPassword } from '../../src/adapters/sign-in/scrypt.ts';

const read = (path: string) => readFileSync(join('deploy', path), 'utf8');

test('every variable that deploy/ sets is one of the gateway', () => {
  const known = new Set([
    ...settingRows.map(({ key }) => environmentName(key)),
    ...secretRows.map(({ key }) => fileEnvironmentName(key)),
  ]);
  const files = readdirSync('deploy', { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'));

  const used = files.flatMap((text) => text.match(/MCP_GATEWAY_[A-Z_]+/g) ?? []);

  assert.notEqual(used.length, 0);
  assert.deepEqual(
    used.filter((name) => !known.has(name)),
    [],
  );
});

/** What a start with these variables comes to. */
async function startWith(env: Readonly<Record<string, string>>) {
  const asked = await readCommandLine([], env, () => 'a password of our own\n');
  if (asked.type !== 'start') throw new Error('text' in asked ? asked.text : asked.type);
  return asked;
}

/** The variables of the image. */
function imageVariables(): Record<string, string> {
  const pairs = [...read('Dockerfile').matchAll(/(MCP_GATEWAY_[A-Z_]+)=(\S+)/g)];
  return Object.fromEntries(pairs.map(([, name = '', value = '']) => [name, value]));
}

const compose = z.object({
  services: z.object({ gateway: z.object({ environment: z.record(z.string(), z.string()) }) }),
});

test('the gateway of compose.yaml starts, without a warning', async () => {
  const { environment } = compose.parse(parse(read('compose.yaml'))).services.gateway;
  const given = { GATEWAY_HOST: 'mcp.example.com', UPSTREAM_RS: 'https://upstream.example/mcp' };
  const filled = Object.entries(environment).map(([name, value]) => [
    name,
    value.replace(/\$\{(\w+):\?[^}]*\}/g, (_, variable: keyof typeof given) => given[variable]),
  ]);

  const { config, warnings } = await startWith({
    ...imageVariables(),
    ...Object.fromEntries(filled),
  });

  assert.equal(config.host, '0.0.0.0');
  assert.equal(config.publicUrl, 'https://mcp.example.com');
  assert.deepEqual(warnings, []);
});

test('the gateway of the systemd unit starts, without a warning', async () => {
  const hash = await hashPassword('a password of our own');
  const lines = [
    ...read('systemd/environment.example').split('\n'),
    ...[...read('systemd/mcp-oauth-gateway.service').matchAll(/^Environment=(.*)$/gm)].map(
      ([, pair = '']) => pair,
    ),
  ].filter((line) => line !== '' && !line.startsWith('#'));
  const env = Object.fromEntries(
    lines.map((line): [string, string] => {
      const [name = '', ...value] = line.split('=');
      return [name, value.join('=').replace(/^\$scrypt\$.*/, hash)];
    }),
  );

  const { config, warnings } = await startWith(env);

  assert.equal(config.username, 'alice');
  assert.equal(config.adminSocket, '/run/mcp-oauth-gateway/admin.sock');
  assert.deepEqual(warnings, []);
});

test('what the Dockerfile copies is there, and nothing else reaches the build', () => {
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(
    ([, sources = '']) => sources.split(' '),
  );
  const allowed = readFileSync('.dockerignore', 'utf8').match(/(?<=^!).*$/gm) ?? [];

  assert.deepEqual(
    copied.filter((path) => !existsSync(path)),
    [],
  );
  assert.deepEqual(copied.toSorted(), allowed.toSorted());
});

function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

function runs(program: string, ...argv: readonly string[]): void {
  const env = { ...process.env, GATEWAY_HOST: 'mcp.example.com' };
  const ended = spawnSync(program, argv, { encoding: 'utf8', env, timeout: 60_000 });
  assert.equal(ended.status, 0, ended.stderr + ended.stdout);
  assert.doesNotMatch(ended.stderr, /mcp-oauth-gateway\.service:/);
}

test('systemd takes the unit', { skip: !isInstalled('systemd-analyze') }, () => {
  runs('systemd-analyze', 'verify', 'deploy/systemd/mcp-oauth-gateway.service');
});

test('Caddy takes its configuration', { skip: !isInstalled('caddy') }, () => {
  runs('caddy', 'validate', '--adapter', 'caddyfile', '--config', 'deploy/Caddyfile');
});
