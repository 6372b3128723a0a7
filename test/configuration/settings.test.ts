import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { configurationSchema } from '../../src/adapters/configuration/configuration-schema.ts';
import {
  checkConfiguration,
  parseConfiguration,
} from '../../src/adapters/configuration/gateway-configuration.ts';
import { nearestName } from '../../src/adapters/configuration/nearest-name.ts';
import {
  environmentName,
  flagName,
  optionSpelling,
  type SettingKey,
  settingRows,
} from '../../src/adapters/configuration/settings.ts';

test('a flag and an environment name follow from the key', () => {
  const names: [SettingKey, string, string][] = [
    ['port', 'port', 'MCP_GATEWAY_PORT'],
    ['upstreamRs', 'upstream-rs', 'MCP_GATEWAY_UPSTREAM_RS'],
    ['upstreamClientSecret', 'upstream-client-secret', 'MCP_GATEWAY_UPSTREAM_CLIENT_SECRET'],
    ['accessTokenTtl', 'access-token-ttl', 'MCP_GATEWAY_ACCESS_TOKEN_TTL'],
  ];

  for (const [key, flag, variable] of names) {
    assert.equal(flagName(key), flag);
    assert.equal(environmentName(key), variable);
  }
});

test('the defaults of the table are the defaults of a configuration', () => {
  const checked = checkConfiguration({ upstreamRs: 'https://mcp.example.com/mcp' }, optionSpelling);
  assert.ok(checked.ok);
  const config = checked.value;

  for (const row of settingRows.filter(({ key }) => key !== 'upstreamRs')) {
    assert.equal(config[row.key], row.default, row.key);
  }
});

test('a gateway that is embedded keeps everything in memory unless it is told otherwise', () => {
  const upstreamRs = 'https://mcp.example.com/mcp';

  assert.equal(parseConfiguration({ upstreamRs }).store, 'memory');
  assert.equal(parseConfiguration({ upstreamRs, store: undefined }).store, 'memory');
  assert.equal(parseConfiguration({ upstreamRs, store: 'disk' }).store, 'disk');
});

test('the default of each number lies within its bounds', () => {
  for (const row of settingRows) {
    if (!('min' in row)) continue;
    assert.ok(row.min <= row.default && row.default <= row.max, row.key);
  }
});

test('a JSON Schema with every setting can be made of the schema', () => {
  const { properties, required } = z.toJSONSchema(
    configurationSchema(optionSpelling, () => []),
    { io: 'input' },
  );

  assert.deepEqual(
    Object.keys(properties ?? {}),
    settingRows.map(({ key }) => key),
  );
  assert.deepEqual(required, ['upstreamRs']);
});

test('the nearest name is found in any spelling', () => {
  const known = ['port', 'host', 'public-url', 'upstream-client-id', 'code-ttl', 'flow-ttl'];
  const cases: [string, string | undefined][] = [
    ['prot', 'port'],
    ['Port', 'port'],
    ['publicUrl', 'public-url'],
    ['PUBLIC_URI', 'public-url'],
    ['client-id', 'upstream-client-id'],
    ['upstream-id', 'upstream-client-id'],
    ['ttl', 'code-ttl'],
    ['verbose', undefined],
    ['constructor', undefined],
    ['', undefined],
    ['-', undefined],
    ['x'.repeat(100_000), undefined],
  ];

  for (const [given, nearest] of cases) {
    assert.equal(nearestName(given, known), nearest, given.slice(0, 20));
  }
});
