import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readCommandLine } from '../../src/adapters/configuration/command-line.ts';
import {
  environmentName,
  flagName,
  settingRows,
} from '../../src/adapters/configuration/settings.ts';

const upstream = '--upstream-rs=https://mcp.example.com/mcp';

function started(argv: readonly string[], env: Record<string, string | undefined> = {}) {
  const asked = readCommandLine([upstream, ...argv], env, '1.2.3');
  assert.equal(asked.type, 'start', 'text' in asked ? asked.text : '');
  assert.ok(asked.type === 'start');
  return asked;
}

function refusedLines(argv: readonly string[], env: Record<string, string | undefined> = {}) {
  const asked = readCommandLine(argv, env, '1.2.3');
  assert.ok(asked.type === 'refuse');
  return asked.text.split('\n');
}

describe('a command line starts the gateway', () => {
  test('with flags in both forms', () => {
    const { config, sources } = started(['--port=1', '--host', '127.0.0.2', '--code-ttl=9']);

    assert.deepEqual([config.port, config.host, config.codeTtl], [1, '127.0.0.2', 9]);
    assert.deepEqual(sources.get('port'), { type: 'flag', name: '--port' });
    assert.equal(sources.get('username'), undefined);
  });

  test('with a switch that is only named, and with names one by one', () => {
    const { config } = started([
      '--allow-insecure-client-metadata',
      '--dynamic-registration=off',
      '--client-metadata-domains=a.example,b.example',
      '--client-metadata-domains',
      '*.c.example',
    ]);

    assert.equal(config.allowInsecureClientMetadata, 'on');
    assert.equal(config.dynamicRegistration, 'off');
    assert.deepEqual(config.clientMetadataDomains, ['a.example', 'b.example', '*.c.example']);
  });

  test('with values that hold equals signs, dots and dashes', () => {
    const { config } = started(['--upstream-client-id=-a.b=c', '--upstream-client-secret=--x=']);

    assert.equal(config.upstreamClientId, '-a.b=c');
    assert.equal(config.upstreamClientSecret, '--x=');
  });

  test('with every setting from the environment', () => {
    const values = {
      MCP_GATEWAY_PORT: '9000',
      MCP_GATEWAY_USERNAME: 'ada',
      MCP_GATEWAY_PASSWORD: 'own',
      MCP_GATEWAY_UPSTREAM_CLIENT_ID: 'id',
      MCP_GATEWAY_TOKEN_FORMAT: 'opaque',
    };
    const { config, sources, warnings } = started([], values);

    assert.deepEqual([config.port, config.username, config.password], [9000, 'ada', 'own']);
    assert.deepEqual([config.upstreamClientId, config.tokenFormat], ['id', 'opaque']);
    assert.deepEqual(sources.get('port'), { type: 'environment', name: 'MCP_GATEWAY_PORT' });
    assert.deepEqual(warnings, []);
  });

  test('with a flag instead of the environment, even over a bad value there', () => {
    const { config, sources } = started(['--port=1'], { MCP_GATEWAY_PORT: 'x' });

    assert.equal(config.port, 1);
    assert.equal(sources.get('port')?.type, 'flag');
  });

  test('with an empty variable counted as not set', () => {
    const { config, warnings } = started([], { MCP_GATEWAY_PASSWORD: '', MCP_GATEWAY_FOO: '' });

    assert.equal(config.password, 'gateway_pass');
    assert.equal(warnings.length, 1);
  });

  test('with a warning for a variable that means nothing', () => {
    const { warnings } = started([], {
      MCP_GATEWAY_PASSWORD: 'own',
      MCP_GATEWAY_CLIENT_SECRET: 'x',
      MCP_GATEWAY_BANANA: 'x',
      GATEWAY_PORT: 'x',
    });

    assert.deepEqual(warnings, [
      'Environment MCP_GATEWAY_CLIENT_SECRET: There is no such setting, so it is ignored; did you mean MCP_GATEWAY_UPSTREAM_CLIENT_SECRET?',
      'Environment MCP_GATEWAY_BANANA: There is no such setting, so it is ignored.',
    ]);
  });

  test('with warnings in the words the operator used', () => {
    const env = { MCP_GATEWAY_PASSWORD: 'own', MCP_GATEWAY_PUBLIC_URL: 'http://a.example' };

    assert.match(started([], env).warnings[0] ?? '', /^MCP_GATEWAY_PUBLIC_URL is plain http/);
  });
});

describe('a command line is refused', () => {
  const cases: [string, string[], Record<string, string>, string[]][] = [
    [
      'a bad flag',
      [upstream, '--port=80o2'],
      {},
      [
        'Flag --port: "80o2" is not a port; give a whole number from 0 to 65535, for example --port=8002.',
      ],
    ],
    [
      'a bad variable',
      [upstream],
      { MCP_GATEWAY_PORT: '80o2' },
      [
        'Environment MCP_GATEWAY_PORT: "80o2" is not a port; give a whole number from 0 to 65535, for example MCP_GATEWAY_PORT=8002.',
      ],
    ],
    [
      'a missing upstream',
      [],
      {},
      [
        '--upstream-rs: A value is required (URL of the MCP server, used exactly as written), for example --upstream-rs=https://api.githubcopilot.com/mcp/.',
      ],
    ],
    [
      'a missing upstream beside a misspelt variable',
      [],
      { MCP_GATEWAY_UPSTREAM_R: 'x' },
      [
        '--upstream-rs: A value is required (URL of the MCP server, used exactly as written), for example --upstream-rs=https://api.githubcopilot.com/mcp/.',
        'Environment MCP_GATEWAY_UPSTREAM_R: There is no such setting, so it is ignored; did you mean MCP_GATEWAY_UPSTREAM_RS?',
      ],
    ],
    [
      'a misspelt flag, once',
      ['--upstream-r=https://a.example'],
      {},
      ['Flag --upstream-r is not known; did you mean --upstream-rs?'],
    ],
    [
      'a flag near to none',
      [upstream, '--verbose'],
      {},
      ['Flag --verbose is not known; take it out.'],
    ],
    ['a short flag', [upstream, '-p', '1'], {}, ['Flag -p is not known; take it out.']],
    [
      'a negated flag',
      [upstream, '--no-banana'],
      {},
      ['Flag --no-banana is not known; take it out.'],
    ],
    [
      'names of Object.prototype',
      [upstream, '--constructor=1', '--toString'],
      {},
      [
        'Flag --constructor is not known; take it out.',
        'Flag --toString is not known; take it out.',
      ],
    ],
    [
      'a flag without value',
      [upstream, '--port'],
      {},
      ['Flag --port has no value; write --port=VALUE.'],
    ],
    [
      'a flag without value before another',
      [upstream, '--port', '--host=localhost'],
      {},
      ['Flag --port has no value; write --port=VALUE.'],
    ],
    [
      'a flag with an empty value',
      [upstream, '--public-url='],
      {},
      ['Flag --public-url has no value; write --public-url=VALUE.'],
    ],
    [
      'a repeated flag',
      [upstream, '--port=1', '--port=1'],
      {},
      ['Flag --port is given more than once; keep the one that is meant.'],
    ],
    [
      'an argument',
      [upstream, 'serve'],
      {},
      ['Argument "serve" belongs to no flag; take it out, or write it as --flag=value.'],
    ],
    [
      'an argument after --',
      [upstream, '--', '--port=1'],
      {},
      ['Argument "--port=1" belongs to no flag; take it out, or write it as --flag=value.'],
    ],
    [
      'a password as a flag',
      [upstream, '--password=hunter2', '--host=0.0.0.0', '--public-url=https://a.example'],
      {},
      [
        'Flag --password does not exist, because other users can see command lines; set MCP_GATEWAY_PASSWORD in the environment.',
      ],
    ],
    [
      'the default password in public',
      [upstream, '--public-url=https://a.example'],
      {},
      [
        'MCP_GATEWAY_PASSWORD: The default password is known to everyone, and others can reach this gateway at https://a.example; set one of your own with MCP_GATEWAY_PASSWORD=PASSWORD.',
      ],
    ],
  ];
  for (const [what, argv, env, sentences] of cases) {
    test(`for ${what}`, () => {
      assert.deepEqual(refusedLines(argv, env), [...sentences, 'See mcp-oauth-gateway --help.']);
    });
  }

  test('with every fault at once', () => {
    const lines = refusedLines(['--port=x', '--prot=1', 'y'], { MCP_GATEWAY_CODE_TTL: '0' });

    assert.equal(lines.length, 6);
  });

  test('without showing a secret that fell apart', () => {
    const secrets: string[][] = [
      ['--upstream-client-secret', '-hunter2'],
      ['--upstream-client-secret', '--hunter2', 'hunter2'],
      ['--upstream-client-secret', 'a', 'hunter2'],
      ['--upstream-client-secret', '=', 'hunter2'],
      ['--upstream-client-secret', 'hunter2', '--upstream-client-secret=hunter2'],
      ['--upstream-client-secret=hunter2'],
      ['--upstream-client-secrte=hunter2'],
    ];

    for (const argv of secrets) {
      const text = refusedLines([upstream, ...argv]).join('\n');
      assert.ok(!text.includes('hunter2'), text);
      assert.ok(text.split('\n').length <= 3, text);
    }
  });
});

describe('a command line prints', () => {
  test('one line for --version', () => {
    assert.deepEqual(readCommandLine(['--version'], {}, '1.2.3'), {
      type: 'print',
      text: 'mcp-oauth-gateway 1.2.3',
    });
  });

  test('help whatever else is wrong', () => {
    assert.equal(readCommandLine(['--port=x', '--help', '--version'], {}, '1.2.3').type, 'print');
  });

  test('help with every setting, its environment name and its default', () => {
    const asked = readCommandLine(['--help'], {}, '1.2.3');
    assert.ok(asked.type === 'print');

    for (const row of settingRows) {
      assert.equal(asked.text.includes(`  --${flagName(row.key)} `), !row.environmentOnly, row.key);
      const variable = row.environmentOnly
        ? new RegExp(`^ {2}${environmentName(row.key)} .*\\n +default ${row.default}$`, 'm')
        : new RegExp(
            `^ +${environmentName(row.key)}${row.default ? `,\\s+default ${row.default}` : ''}`,
            'm',
          );
      assert.match(asked.text, variable);
    }
    assert.match(asked.text, /MCP_GATEWAY_UPSTREAM_RS, required$/m);
    assert.match(asked.text, /2592000 \(30 days\)$/m);
  });

  test('help that fits the terminal, within reason', () => {
    const widths: [number | undefined, number][] = [
      [undefined, 80],
      [80, 80],
      [200, 100],
    ];

    for (const [columns, most] of widths) {
      const asked = readCommandLine(['--help'], {}, '1.2.3', columns);
      assert.ok(asked.type === 'print');
      for (const line of asked.text.split('\n')) assert.ok(line.length <= most, line);
    }
  });
});
