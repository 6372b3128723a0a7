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
import { storeLocation } from '../../src/adapters/configuration/store-location.ts';
import { hashPassword } from '../../src/adapters/sign-in/scrypt.ts';
import { openRedisStore } from '../../src/adapters/store/redis.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { redisAt, startRedis, withoutRedis } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
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
  services: z.object({
    caddy: z.object({ networks: z.array(z.string()) }),
    gateway: z.object({
      environment: z.record(z.string(), z.string()),
      networks: z.array(z.string()),
      secrets: z.array(z.string()),
    }),
    valkey: z.object({
      command: z.array(z.string()),
      networks: z.array(z.string()),
      ports: z.undefined().optional(),
    }),
  }),
  networks: z.object({ store: z.object({ internal: z.literal(true) }) }),
  secrets: z.record(z.string(), z.object({ file: z.string() })),
});

function composed() {
  return compose.parse(parse(read('compose.yaml')));
}

test('the image keeps its state in a volume that its user owns', () => {
  const text = read('Dockerfile');
  const place = storeLocation(imageVariables().MCP_GATEWAY_STORE ?? '', {});

  assert.deepEqual(place, { type: 'disk', path: '/data/store.mdb' });
  assert.match(text, /^VOLUME \/data$/m);
  assert.match(text, /^COPY --from=build --chown=10001:10001 \/data \/data$/m);
  assert.match(text, /^USER 10001:10001$/m);
});

test('the gateway of compose.yaml starts, without a warning', async () => {
  const { environment } = composed().services.gateway;
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
  const place = storeLocation(config.store, {});
  assert.deepEqual(place.type === 'redis' && place.address.hosts, [{ host: 'valkey', port: 6379 }]);
});

test('compose.yaml gives the gateway its secrets as files, and Valkey to nobody else', () => {
  const { services, secrets } = composed();
  const { environment, ...gateway } = services.gateway;
  const files = Object.values(environment).filter((value) => value.startsWith('/run/secrets/'));

  assert.deepEqual(files.sort(), gateway.secrets.map((name) => `/run/secrets/${name}`).sort());
  assert.deepEqual(Object.keys(secrets).sort(), gateway.secrets.toSorted());
  assert.deepEqual(services.valkey.networks, ['store']);
  assert.deepEqual(services.caddy.networks, ['front']);
  assert.deepEqual(gateway.networks, ['front', 'store']);
});

test('a server that is set up as compose.yaml sets up Valkey is one that a start warns of nothing at', {
  skip: withoutRedis,
}, async (t) => {
  const [program, ...options] = composed().services.valkey.command;
  const redis = await startRedis(folder, ...options);
  t.after(() => redis.kill());

  const store = await openRedisStore(redisAt(redis.port), standingClock());
  t.after(() => store.close());

  assert.equal(program, 'valkey-server');
  assert.deepEqual(store.warnings, []);
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
