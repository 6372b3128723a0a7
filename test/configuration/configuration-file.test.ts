import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type CommandLine,
  readCommandLine,
} from '../../src/adapters/configuration/command-line.ts';
import { flagName, settingRows } from '../../src/adapters/configuration/settings.ts';

type Files = Readonly<Record<string, string>>;

/** A command line on a disk that holds these files. */
function commandLine(
  argv: readonly string[],
  files: Files = {},
  env: Record<string, string> = {},
): Promise<CommandLine> {
  return readCommandLine(argv, env, (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return text;
  });
}

async function started(...parameters: Parameters<typeof commandLine>) {
  const asked = await commandLine(...parameters);
  assert.ok(asked.type === 'start', 'text' in asked ? asked.text : asked.type);
  return asked;
}

async function refused(...parameters: Parameters<typeof commandLine>): Promise<string[]> {
  const asked = await commandLine(...parameters);
  assert.ok(asked.type === 'refuse');
  return asked.text.split('\n').slice(0, -1);
}

const yaml = `
# a comment
upstream-rs: https://mcp.example.com/mcp
port: 9000
session: 60
allowed-origins:
  - https://a.example
  - https://b.example
`;

describe('a configuration file', () => {
  test('is YAML with keys named as the flags are', async () => {
    const { config, sources } = await started(['--config=gateway.yaml'], { 'gateway.yaml': yaml });

    assert.deepEqual([config.port, config.session], [9000, 60]);
    assert.equal(config.allowedOrigins, 'https://a.example https://b.example');
    assert.deepEqual(sources.get('port'), { type: 'file', name: 'port', file: 'gateway.yaml' });
  });

  test('is JSON where its name says so', async () => {
    const json = JSON.stringify({ 'upstream-rs': 'https://mcp.example.com/mcp', port: 9000 });

    const { config } = await started([], { 'a.json': json }, { MCP_GATEWAY_CONFIG: 'a.json' });

    assert.equal(config.port, 9000);
  });

  test('is beaten by the environment, and that by a flag', async () => {
    const env = { MCP_GATEWAY_PORT: '9001', MCP_GATEWAY_SESSION: '61' };

    const { config } = await started(
      ['--config', 'a.yaml', '--port=9002'],
      { 'a.yaml': yaml },
      env,
    );

    assert.deepEqual(
      [config.port, config.session, config.upstreamRs],
      [9002, 61, 'https://mcp.example.com/mcp'],
    );
  });

  test('named by a flag beats one named by the environment', async () => {
    const files = { 'a.yaml': yaml, 'b.yaml': `${yaml}code-ttl: 7\n` };

    const { config } = await started(['--config=b.yaml'], files, { MCP_GATEWAY_CONFIG: 'a.yaml' });

    assert.equal(config.codeTtl, 7);
  });

  const faults: [string, string, string][] = [
    [
      'a key that is camel case',
      'upstreamRs: x',
      'File a.yaml, upstreamRs: There is no such setting; did you mean upstream-rs?',
    ],
    [
      'a key near to none',
      `${yaml}banana: 1`,
      'File a.yaml, banana: There is no such setting; take it out.',
    ],
    [
      'a value that is not accepted',
      yaml.replace('9000', '90000'),
      'File a.yaml, port: 90000 is not a port; give a whole number from 0 to 65535, for example port: 8002.',
    ],
    [
      'a value that is a table',
      yaml.replace('9000', '{}'),
      'File a.yaml, port: This value is not a port; give a whole number from 0 to 65535, for example port: 8002.',
    ],
    [
      'a text that is a number',
      `${yaml}upstream-client-id: 5`,
      'File a.yaml, upstream-client-id: The value is not text; give it in quotes, for example upstream-client-id: Iv1.0123456789abcdef.',
    ],
    [
      'a key without value',
      `${yaml}host:`,
      'File a.yaml, host: The value is empty; give one, for example host: localhost.',
    ],
    [
      'a key that is there twice',
      `${yaml}port: 1`,
      'The file "a.yaml" cannot be used: line 9 is not YAML (DUPLICATE_KEY).',
    ],
    [
      'what is not YAML',
      'port: "secret',
      'The file "a.yaml" cannot be used: line 1 is not YAML (MISSING_CHAR).',
    ],
    [
      'an alias',
      'port: &a 1\nsession: *a',
      'The file "a.yaml" cannot be used: it has aliases (*NAME), which no setting needs.',
    ],
    ['a list', '- port', 'The file "a.yaml" holds no settings; write a line each, KEY: VALUE.'],
    ['nothing', '', 'The file "a.yaml" holds no settings; write a line each, KEY: VALUE.'],
  ];
  for (const [what, text, sentence] of faults) {
    test(`is refused for ${what}`, async () => {
      const [first] = await refused(['--config=a.yaml'], { 'a.yaml': text });

      assert.equal(first, sentence);
    });
  }

  test('that is not there is a sentence', async () => {
    const [first] = await refused(['--config=a.yaml'], {});

    assert.equal(first, 'The file "a.yaml" cannot be used: there is none of this name.');
  });

  test('that is not JSON is a sentence without a part of it', async () => {
    const [first] = await refused(['--config=a.json'], { 'a.json': '{"password": "hunter2' });

    assert.equal(first, 'The file "a.json" cannot be used: it is not JSON.');
  });
});

describe('a secret can be given as a file', () => {
  const upstream = '--upstream-rs=https://mcp.example.com/mcp';
  const files = { '/run/secrets/a': 'hunter2\n', '/run/secrets/b': 'other', empty: '\n' };

  test('by the environment', async () => {
    const env = { MCP_GATEWAY_PASSWORD_FILE: '/run/secrets/a' };

    const { config, sources, warnings } = await started([upstream], files, env);

    assert.equal(config.password, 'hunter2');
    assert.equal(sources.get('password')?.name, 'MCP_GATEWAY_PASSWORD_FILE');
    assert.deepEqual(warnings, []);
  });

  test('by a flag, which beats the environment', async () => {
    const env = { MCP_GATEWAY_PASSWORD_FILE: '/run/secrets/a' };

    const { config } = await started([upstream, '--password-file=/run/secrets/b'], files, env);

    assert.equal(config.password, 'other');
  });

  test('by the configuration file', async () => {
    const text = `${yaml}password-file: /run/secrets/a\n`;

    const { config } = await started(['--config=a.yaml'], { ...files, 'a.yaml': text });

    assert.equal(config.password, 'hunter2');
  });

  const faults: [string, string[], Record<string, string>, string][] = [
    [
      'that is not there',
      ['--password-file=c'],
      {},
      'Flag --password-file: The file "c" cannot be used: there is none of this name.',
    ],
    [
      'that is empty',
      [],
      { MCP_GATEWAY_PASSWORD_FILE: 'empty' },
      'Environment MCP_GATEWAY_PASSWORD_FILE: The file "empty" is empty.',
    ],
    [
      'beside the secret itself',
      [],
      { MCP_GATEWAY_PASSWORD_FILE: 'empty', MCP_GATEWAY_PASSWORD: 'x' },
      'Environment MCP_GATEWAY_PASSWORD_FILE: It and MCP_GATEWAY_PASSWORD are too much; take one out.',
    ],
    [
      'beside the secret as a flag',
      ['--upstream-client-secret=a', '--upstream-client-secret-file=/run/secrets/a'],
      {},
      'Flag --upstream-client-secret-file: It and --upstream-client-secret are too much; take one out.',
    ],
    [
      'misspelt',
      ['--passwort-file=/run/secrets/a'],
      {},
      'Flag --passwort-file is not known; did you mean --password-file?',
    ],
  ];
  for (const [what, argv, env, sentence] of faults) {
    test(`but not ${what}`, async () => {
      const lines = await refused([upstream, ...argv], files, env);

      assert.ok(lines.includes(sentence), lines.join('\n'));
      assert.ok(!lines.join().includes('hunter2'));
    });
  }
});

describe('the command config', () => {
  test('prints each setting with its value and source, and no secret', async () => {
    const text = `${yaml}introspection-client-id: rs\nintrospection-client-secret: hunter2\n`;
    const files = { 'a.yaml': text, secret: 'hunter2' };
    const env = { MCP_GATEWAY_PASSWORD_FILE: 'secret', MCP_GATEWAY_CODE_TTL: '30' };

    const asked = await commandLine(['config', '--config=a.yaml', '--port=1'], files, env);

    assert.ok(asked.type === 'print');
    const lines = asked.text.split('\n').map((line) => line.replace(/ +#/, ' #'));
    assert.equal(lines.length, settingRows.length);
    assert.ok(lines.includes('port: 1 # flag --port'));
    assert.ok(lines.includes('code-ttl: 30 # environment MCP_GATEWAY_CODE_TTL'));
    assert.ok(lines.includes('session: 60 # session in a.yaml'));
    assert.ok(lines.includes('password: "********" # environment MCP_GATEWAY_PASSWORD_FILE'));
    assert.ok(lines.includes('# public-url: # default'));
    assert.ok(!asked.text.includes('hunter2'));
  });

  test('prints what can be read as a configuration file again', async () => {
    const argv = ['--upstream-rs=https://mcp.example.com/mcp?a=1', '--upstream-scope=a b:c'];
    const asked = await commandLine(['config', ...argv], {}, { MCP_GATEWAY_USERNAME: 'No' });
    assert.ok(asked.type === 'print');

    const { config } = await started(['--config=a.yaml'], { 'a.yaml': asked.text });

    assert.deepEqual([config.upstreamScope, config.username], ['a b:c', 'No']);
  });

  test('prints a list of names as one', async () => {
    const argv = ['--client-metadata-domains=a.example,*.b.example', '--upstream-token-param=a=1'];
    const asked = await commandLine(['config', ...argv, '--upstream-rs=https://a.example']);
    assert.equal(asked.type, 'print');
    const text = asked.type === 'print' ? asked.text : '';

    const { config } = await started(['--config=a.yaml'], { 'a.yaml': text });

    assert.deepEqual(config.clientMetadataDomains, ['a.example', '*.b.example']);
    assert.deepEqual(config.upstreamTokenParam, { a: '1' });
  });

  test('refuses what a start would refuse', async () => {
    const asked = await commandLine(['config', '--port=x']);

    assert.equal(asked.type, 'refuse');
  });
});

test('every setting has a key in the file that is its flag without dashes', async () => {
  const text = settingRows.map(({ key }) => `${flagName(key)}: [[]]`).join('\n');

  const lines = await refused(['--config=a.yaml'], { 'a.yaml': text });

  assert.deepEqual(
    lines.map((line) => /^File a\.yaml, ([a-z-]+):/.exec(line)?.[1]),
    settingRows.map(({ key }) => flagName(key)),
  );
});

test('a misspelt command is refused with the nearest', async () => {
  assert.deepEqual(await refused(['hash-pasword']), [
    'There is no command "hash-pasword"; did you mean hash-password?',
  ]);
  assert.match(
    (await refused(['serve']))[0] ?? '',
    /^There is no command "serve"; the commands are /,
  );
});
