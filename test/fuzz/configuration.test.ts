import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type CommandLine,
  readCommandLine,
} from '../../src/adapters/configuration/command-line.ts';
import { redisLocation, withoutCredentials } from '../../src/adapters/configuration/redis-url.ts';
import { flagName, secretRows, settingRows } from '../../src/adapters/configuration/settings.ts';
import { readUsers } from '../../src/domain/users-file.ts';
import { anyText } from '../domain/any-text.ts';
import { anyJson, plain, readAtLength, secret } from './strange-input.ts';

// What comes from outside, made by the grammar that its parser reads, and then by one that almost is that.

describe('the configuration', () => {
  const none = () => {
    throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
  };
  const settings = fc.record(
    {
      port: fc.integer({ min: 0, max: 65_535 }),
      'access-token-ttl': fc.integer({ min: 60, max: 86_400 }),
      'upstream-client-name': fc.stringMatching(/^[A-Z][a-z0-9]{0,10}$/),
      'public-url': fc.constantFrom('https://a.example', 'https://a.example/b'),
      'refresh-grace': fc.integer({ min: 0, max: 600 }),
    },
    { requiredKeys: [] },
  );

  /** The variables of settings, by the names of their flags. */
  const variables = (all: readonly (readonly [string, unknown])[]) =>
    Object.fromEntries(
      all.map(([name, value]) => [
        `MCP_GATEWAY_${name.replaceAll('-', '_').toUpperCase()}`,
        plain(value),
      ]),
    );

  it('is the same by flags, environment, JSON and YAML', async () => {
    const env = { MCP_GATEWAY_PASSWORD: 'a password of ours' };
    await fc.assert(
      fc.asyncProperty(settings, async (some) => {
        const all = Object.entries({ 'upstream-rs': 'https://mcp.example/mcp', ...some });
        const json = JSON.stringify(Object.fromEntries(all));
        const yaml = all.map(([name, value]) => `${name}: ${value}\n`).join('');
        const ways = await Promise.all([
          readCommandLine(
            all.map(([name, value]) => `--${name}=${value}`),
            env,
            none,
          ),
          readCommandLine(
            all.flatMap(([name, value]) => [`--${name}`, String(value)]),
            env,
            none,
          ),
          readCommandLine([], { ...env, ...variables(all) }, none),
          readCommandLine(['--config=x.json'], env, () => json),
          readCommandLine(['--config=x.yaml'], env, () => yaml),
        ]);

        const [first] = ways;
        assert.equal(first?.type, 'start', JSON.stringify(first));
        for (const way of ways) {
          assert.deepEqual('config' in way && way.config, 'config' in first && first.config);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('is refused in sentences without a secret, whatever is wrong with it', async () => {
    const names = fc.constantFrom(...settingRows.map(({ key }) => flagName(key)));
    const entries = fc.array(fc.tuple(names, fc.oneof(anyText, anyJson)), { maxLength: 6 });
    const secrets = fc.constantFrom(...secretRows.map(({ key }) => flagName(key)));
    const hidden = fc.dictionary(secrets, secret, { minKeys: 1, maxKeys: 3 });
    const ways: readonly ((all: readonly [string, unknown][]) => Promise<CommandLine>)[] = [
      (all) => readCommandLine([], variables(all), none),
      (all) =>
        readCommandLine(['--config=x.json'], {}, () => JSON.stringify(Object.fromEntries(all))),
      (all) =>
        readCommandLine(['--config=x.yaml'], {}, () => JSON.stringify(Object.fromEntries(all))),
      (all) => readCommandLine(['--config=x.json'], {}, () => JSON.stringify(all).slice(1)),
      (all) => readCommandLine(['--config=x.yaml'], {}, () => JSON.stringify(all).slice(0, -2)),
      (all) =>
        readCommandLine(
          all.map(([name, value]) => `--${name}=${plain(value)}`),
          {},
          none,
        ),
      (all) => readCommandLine(['config'], variables(all), none),
    ];
    await fc.assert(
      fc.asyncProperty(entries, hidden, fc.constantFrom(...ways), async (given, more, ask) => {
        const asked = await ask([...given, ...Object.entries(more)]);

        assert.doesNotMatch('text' in asked ? asked.text : '', /s3cr3t/);
        assert.doesNotMatch('warnings' in asked ? asked.warnings.join() : '', /s3cr3t/);
      }),
      { numRuns: 200 },
    );
  });

  it('of a Redis is read as it was written, and shown without its password', () => {
    const host = fc.stringMatching(/^[a-z][a-z0-9.-]{0,10}$/);
    const place = fc.record(
      { host, port: fc.integer({ min: 1, max: 65_535 }) },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(place, secret, fc.nat(15), fc.boolean(), (where, password, database, tls) => {
        const odd = `${password}:/?#@%`;
        const url = `redis${tls ? 's' : ''}://user:${encodeURIComponent(odd)}@${where.host}:${where.port}/${database}`;
        const read = redisLocation(url);

        assert.deepEqual(typeof read === 'object' && { ...read, prefix: '' }, {
          topology: 'single',
          hosts: [where],
          tls,
          username: 'user',
          password: odd,
          database,
          service: undefined,
          prefix: '',
        });
        assert.doesNotMatch(withoutCredentials(url), /s3cr3t/);
      }),
    );
    fc.assert(
      fc.property(anyText, secret, anyText, (before, password, behind) => {
        const url = `redis://${before}:${password}@${behind}`;
        const read = redisLocation(url);
        if (typeof read === 'string') assert.doesNotMatch(read, /s3cr3t/);
        assert.doesNotMatch(withoutCredentials(url), /s3cr3t/);
      }),
    );
  });

  it('of users is refused without a part of it', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(secret, anyText, fc.constant('a:$scrypt$'))), (lines) => {
        const read = readUsers(lines.join('\n'));
        if (!read.ok) assert.doesNotMatch(read.failure, /s3cr3t/);
      }),
    );
    readAtLength(1_000_000, readUsers);
  });
});
