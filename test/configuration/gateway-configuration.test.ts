import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configurationWarnings } from '../../src/adapters/configuration/configuration-rules.ts';
import {
  ConfigurationError,
  canonicalUrl,
  mcpUrl,
  parseConfiguration,
  upstreamCallbackUrl,
} from '../../src/adapters/configuration/gateway-configuration.ts';

const upstreamRs = 'https://mcp.example.com/mcp/';

/** The faults of options that have a sound `upstreamRs` unless they say otherwise. */
function faultsOf(options: Record<string, unknown>): Record<string, string> {
  try {
    parseConfiguration({ upstreamRs, ...options });
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return Object.fromEntries(error.faults.map(({ setting, message }) => [setting, message]));
  }
  return {};
}

describe('a value', () => {
  const refused: [string, string, unknown, RegExp][] = [
    ['a port with a letter', 'port', '80o2', /"80o2" is not a port; .* 0 to 65535/],
    ['a port too high', 'port', 65_536, /65536 is not a port/],
    ['a port too high as text', 'port', '65536', /65536 is not a port/],
    ['a broken port', 'port', 80.5, /80\.5 is not a port/],
    ['a negative port', 'port', '-1', /"-1" is not a port/],
    ['a hexadecimal port', 'port', '0x50', /"0x50" is not a port/],
    ['an empty port', 'port', '', /"" is not a port/],
    ['no port at all', 'port', null, /This value is not a port/],
    ['the variable of a Kubernetes Service', 'port', 'tcp://10.0.0.1:80', /enableServiceLinks/],
    [
      'a life in hours',
      'accessTokenTtl',
      '1h',
      /"1h" is not accepted; give whole seconds from 1 to/,
    ],
    ['no life', 'accessTokenTtl', 0, /0 is not accepted/],
    ['a code that outlives ten minutes', 'codeTtl', 601, /from 1 to 600/],
    ['a negative grace', 'refreshGrace', -1, /from 0 to/],
    ['an unknown token format', 'tokenFormat', 'jwt', /"jwt" is not possible here; give pair or/],
    ['a host with a scheme', 'host', 'http://localhost', /is not a host/],
    ['a host with a port', 'host', 'localhost:8002', /"localhost:8002" is not a host/],
    ['a wildcard host', 'host', '*', /is not a host/],
    ['a number that is no address', 'host', '127.0.0.256', /is not a host/],
    ['a missing upstream', 'upstreamRs', undefined, /A value is required .*upstreamRs: 'https:/],
    ['an upstream that is no text', 'upstreamRs', 5, /The value is not text/],
    ['an upstream without scheme', 'upstreamRs', 'example.com/mcp', /is not a URL/],
    ['an upstream with one slash', 'upstreamRs', 'https:/example.com', /is not a URL/],
    ['another scheme', 'upstreamRs', 'ftp://example.com', /is not a URL/],
    ['a backslash', 'upstreamRs', 'https://a.example\\@b.example', /is not a URL/],
    ['a space', 'upstreamRs', ' https://example.com/mcp', /is not a URL/],
    ['a fragment', 'upstreamRs', 'https://example.com/mcp#', /has a fragment/],
    ['empty user info', 'upstreamRs', 'https://@example.com/mcp', /holds a user name/],
    ['plain http to another machine', 'upstreamRs', 'http://example.com/mcp', /in the clear; use/],
    [
      'a name that only looks like loopback',
      'upstreamRs',
      'http://127.0.0.1.nip.io/',
      /in the clear/,
    ],
    ['an issuer with a query', 'upstreamAs', 'https://a.example/?x=1', /has a query/],
    ['an issuer with a fragment', 'upstreamAs', 'https://a.example/#x', /has a fragment/],
    ['an issuer over plain http', 'upstreamAs', 'http://a.example', /in the clear/],
    ['an empty client id', 'upstreamClientId', '', /The value is empty/],
    ['a client id with a line break', 'upstreamClientId', 'id\n', /a line break/],
    ['a quoted scope', 'upstreamScope', '"repo"', /is not a list of scopes/],
    ['an empty user name', 'username', ' ', /The value is empty/],
    ['an empty password', 'password', '', /The value is empty/],
    [
      'a public URL with a path',
      'publicUrl',
      'https://a.example/mcp',
      /origin, https:\/\/a\.example\./,
    ],
    ['a public URL with a query', 'publicUrl', 'https://a.example/?x', /has a query/],
    ['a public URL without scheme', 'publicUrl', 'a.example', /is not a URL/],
    ['a switch that is neither', 'dynamicRegistration', 'yes', /"yes" is neither on nor off/],
    ['a limit of none', 'registrationsPerMinute', 0, /0 is not accepted; give a whole number/],
    ['a clients file without a name', 'clientsFile', '', /The value is empty/],
    ['a domain with a path', 'clientMetadataDomains', 'a.example/x', /Host names are expected/],
    ['no domain between commas', 'clientMetadataDomains', 'a.example,,', /Host names are expected/],
    ['a list of no domains', 'clientMetadataDomains', [], /Host names are expected/],
    ['a long value, shortened', 'publicUrl', 'x'.repeat(5000), /^.{0,250}$/],
  ];
  for (const [what, key, value, sentence] of refused) {
    test(`is refused: ${what}`, () => {
      const faults = faultsOf({
        [key]: value,
        password: 'own',
        ...(key === 'password' && { password: value }),
      });

      assert.match(faults[key] ?? '', sentence);
      assert.match(faults[key] ?? '', /[.?]$/);
    });
  }

  const accepted: [string, Record<string, unknown>, Record<string, unknown>][] = [
    ['numbers as text', { port: '0', codeTtl: '0600' }, { port: 0, codeTtl: 600 }],
    [
      'no grace and no skew',
      { refreshGrace: 0, clockSkew: '0' },
      { refreshGrace: 0, clockSkew: 0 },
    ],
    [
      'an upstream to the letter',
      { upstreamRs: 'HTTPS://A.example/MCP/?x=1' },
      { upstreamRs: 'HTTPS://A.example/MCP/?x=1' },
    ],
    [
      'plain http to 127.0.0.0/8',
      { upstreamRs: 'http://127.9.9.9:1/' },
      { upstreamRs: 'http://127.9.9.9:1/' },
    ],
    ['plain http to ::1', { upstreamRs: 'http://[::1]:1/' }, { upstreamRs: 'http://[::1]:1/' }],
    [
      'plain http to localhost',
      { upstreamAs: 'http://localhost:1/' },
      { upstreamAs: 'http://localhost:1/' },
    ],
    [
      'scopes with odd spaces',
      { upstreamScope: ' repo  read:user ' },
      { upstreamScope: 'repo read:user' },
    ],
    [
      'a public origin, normalised',
      { publicUrl: 'https://A.Example:443/', password: 'own' },
      { publicUrl: 'https://a.example' },
    ],
    ['IPv6 in brackets', { host: '[0:0::1]' }, { host: '::1' }],
    ['a short form of loopback', { host: '127.1' }, { host: '127.0.0.1' }],
    [
      'a switch as YAML reads it',
      { dynamicRegistration: false, clientMetadataDocuments: true },
      { dynamicRegistration: 'off', clientMetadataDocuments: 'on' },
    ],
    [
      'undefined for absent',
      { publicUrl: undefined, port: undefined },
      { publicUrl: undefined, port: 8002 },
    ],
  ];
  for (const [what, options, expected] of accepted) {
    test(`is accepted: ${what}`, () => {
      const config = parseConfiguration({ upstreamRs, ...options });

      for (const [key, value] of Object.entries(expected)) {
        assert.equal(Object.entries(config).find(([name]) => name === key)?.[1], value);
      }
    });
  }
});

describe('settings together', () => {
  const endpoints = {
    upstreamAuthorizeEndpoint: 'https://a.example/authorize?x=1',
    upstreamTokenEndpoint: 'https://a.example/token',
  };
  const publicUrl = 'https://gateway.example';
  const cases: [string, Record<string, unknown>, string[]][] = [
    ['both endpoints and a client id are enough', { ...endpoints, upstreamClientId: 'id' }, []],
    ['both endpoints need a client id', endpoints, ['upstreamClientId']],
    [
      'an authorization endpoint needs a token endpoint',
      { ...endpoints, upstreamTokenEndpoint: undefined },
      ['upstreamTokenEndpoint'],
    ],
    [
      'a token endpoint needs an authorization endpoint',
      { ...endpoints, upstreamAuthorizeEndpoint: undefined },
      ['upstreamAuthorizeEndpoint'],
    ],
    ['a secret needs a client id', { upstreamClientSecret: 's' }, ['upstreamClientSecret']],
    [
      'a secret with its client id is fine',
      { upstreamClientSecret: 's', upstreamClientId: 'id' },
      [],
    ],
    ['a client id alone is fine', { upstreamClientId: 'id' }, []],
    ['an open bind needs a public URL', { host: '0.0.0.0', password: 'own' }, ['host']],
    ['an open IPv6 bind needs a public URL', { host: '::', password: 'own' }, ['host']],
    ['a named bind needs a public URL', { host: 'gateway.lan', password: 'own' }, ['host']],
    ['an open bind with a public URL is fine', { host: '0.0.0.0', publicUrl, password: 'own' }, []],
    ['the default password stays on this machine', {}, []],
    [
      'the default password may have a loopback public URL',
      { publicUrl: 'http://127.0.0.1:9' },
      [],
    ],
    ['the default password is refused under a public URL', { publicUrl }, ['password']],
    [
      'the default password is refused on an open bind',
      { host: '0.0.0.0', publicUrl: 'http://localhost' },
      ['password'],
    ],
    [
      'the default password counts as default when set',
      { publicUrl, password: 'gateway_pass' },
      ['password'],
    ],
    [
      'every fault is told at once',
      {
        host: '0.0.0.0',
        port: 'x',
        upstreamTokenEndpoint: endpoints.upstreamTokenEndpoint,
        nonsense: 1,
      },
      ['port', 'host', 'upstreamAuthorizeEndpoint', 'password', 'nonsense'],
    ],
    [
      'a rule is not applied to an unsound setting',
      { host: '0.0.0.0', publicUrl: 'x' },
      ['publicUrl'],
    ],
  ];
  for (const [sentence, options, settings] of cases) {
    test(sentence, () => {
      assert.deepEqual(Object.keys(faultsOf(options)), settings);
    });
  }
});

test('the error lists one fault a line, with an example in the words of an embedder', () => {
  assert.throws(
    () => parseConfiguration({ host: '::', publicURL: 'https://a.example', password: 'own' }),
    {
      name: 'ConfigurationError',
      message: [
        'host: "::" can be reached from other machines; say under which URL clients reach it, for example publicUrl: \'https://mcp.example.com\'.',
        "upstreamRs: A value is required (URL of the MCP server, used exactly as written), for example upstreamRs: 'https://api.githubcopilot.com/mcp/'.",
        'publicURL: There is no such setting; did you mean publicUrl?',
      ].join('\n'),
    },
  );
});

test('an unknown setting that is near to none is answered with the list', () => {
  assert.match(
    faultsOf({ nonsense: 1 }).nonsense ?? '',
    /no such setting; the settings are port, host,/,
  );
});

test('what is no object is one fault', () => {
  for (const options of [undefined, null, 'https://a.example', 5, []]) {
    assert.throws(
      () => parseConfiguration(options),
      /^ConfigurationError: configuration: Settings come as an object, .*\.$/,
    );
  }
});

test('no secret enters a sentence', () => {
  const secret = 'hunter2';
  const message = Object.values(
    faultsOf({
      publicUrl: `https://a.example/?key=${secret}`,
      upstreamRs: `https://user:${secret}@a.example/mcp`,
      upstreamAs: `https://user:a/${secret}@a.example/`,
      upstreamAuthorizeEndpoint: `//user:${secret}@a.example`,
      upstreamTokenEndpoint: `http://a.example/?key=${secret}#x`,
      upstreamClientSecret: `${secret}\n`,
      password: `${secret}\t`,
    }),
  );

  assert.equal(message.length, 7);
  assert.ok(!message.join().includes(secret), message.join('\n'));
});

test('a configuration can be parsed again and stays what it is', () => {
  const config = parseConfiguration({
    upstreamRs,
    host: '[::1]',
    publicUrl: 'http://LOCALHOST:80/',
  });

  assert.deepEqual(parseConfiguration(config), config);
});

test('URLs are announced under the public URL, or under the host as named', () => {
  const cases: [Record<string, unknown>, number, string][] = [
    [{}, 8002, 'http://localhost:8002'],
    [{ port: 0 }, 41_234, 'http://localhost:41234'],
    [{ host: '127.0.0.1' }, 80, 'http://127.0.0.1'],
    [{ host: '::1' }, 8002, 'http://[::1]:8002'],
    [{ publicUrl: 'https://a.example/', password: 'own' }, 8002, 'https://a.example'],
  ];

  for (const [options, port, base] of cases) {
    const config = parseConfiguration({ upstreamRs, ...options });
    assert.equal(canonicalUrl(config, port), base);
    assert.equal(mcpUrl(config, port), `${base}/mcp`);
    assert.equal(upstreamCallbackUrl(config, port), `${base}/upstream/callback`);
  }
});

test('host names may be a list or a text', () => {
  for (const clientMetadataDomains of [
    'Claude.ai, *.example.com',
    ['claude.ai', '*.example.com'],
  ]) {
    const config = parseConfiguration({ upstreamRs, clientMetadataDomains });

    assert.deepEqual(config.clientMetadataDomains, ['claude.ai', '*.example.com']);
  }
});

test('warnings tell what is risky although it starts', () => {
  const cases: [Record<string, unknown>, RegExp[]][] = [
    [{}, [/^The default password is in use; .*password: 'PASSWORD'/]],
    [{ password: 'own' }, []],
    [{ password: 'own', publicUrl: 'http://a.example' }, [/^publicUrl is plain http/]],
    [{ password: 'own', publicUrl: 'http://127.0.0.1' }, []],
    [{ password: 'own', publicUrl: 'https://a.example' }, []],
    [
      { password: 'own', allowInsecureClientMetadata: 'on' },
      [/^allowInsecureClientMetadata is on: .*for tests only/],
    ],
    [
      { password: 'own', refreshTokenTtl: 3600 },
      [/^refreshTokenTtl is not longer than accessTokenTtl/],
    ],
    [{ password: 'own', store: 'memory' }, [/a restart logs everybody out.*store: 'disk'/]],
  ];

  for (const [options, expected] of cases) {
    const config = parseConfiguration({ upstreamRs, store: 'disk', ...options });
    const warnings = configurationWarnings(config);
    assert.equal(warnings.length, expected.length, JSON.stringify(options));
    for (const [index, sentence] of expected.entries())
      assert.match(warnings[index] ?? '', sentence);
  }
});
