import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readCommandLine } from '../../src/adapters/configuration/command-line.ts';
import { configurationWarnings } from '../../src/adapters/configuration/configuration-rules.ts';
import {
  ConfigurationError,
  type GatewayConfig,
  parseConfiguration,
} from '../../src/adapters/configuration/gateway-configuration.ts';
import { fileContents } from '../../src/adapters/configuration/named-files.ts';

const upstreamRs = 'https://mcp.example.com/mcp';
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'gateway-'));
});
after(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function faultsOf(options: Record<string, unknown>): string {
  try {
    parseConfiguration({ upstreamRs, ...options });
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message;
  }
  return '';
}

const key = () =>
  generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
const certificate = readFileSync('test/support/tls/ca.crt', 'utf8');

describe('an upstream setting', () => {
  const refused: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['an unknown kind of upstream', { upstreamAuth: 'basic' }, /give oauth, none or static/],
    [
      'an unknown method',
      { upstreamTokenAuthMethod: 'magic' },
      /^upstreamTokenAuthMethod: "magic"/,
    ],
    ['a resource that is no URI', { upstreamResource: 'mcp' }, /neither auto nor off nor/],
    ['a resource with a fragment', { upstreamResource: 'https://a/#b' }, /neither auto nor off/],
    ['a parameter without a name', { upstreamAuthorizeParam: '=x' }, /is not a list of parameters/],
    ['a parameter without a value', { upstreamTokenParam: 'x' }, /is not a list of parameters/],
    ['a parameter twice', { upstreamTokenParam: 'x=1&x=2' }, /each name once/],
    ['our own state', { upstreamAuthorizeParam: 'state=x' }, /sets state itself; take it out/],
    ['our own resource', { upstreamTokenParam: { resource: 'x' } }, /sets resource itself/],
    ['a header without a colon', { upstreamAuth: 'static', upstreamHeader: 'x' }, /not a header/],
    [
      'a header that would break a request',
      { upstreamAuth: 'static', upstreamHeader: 'A: b\r\nHost: evil' },
      /not a header/,
    ],
    [
      'a header that makes a request what it is',
      { upstreamAuth: 'static', upstreamHeader: 'Content-Length: 0' },
      /not a header/,
    ],
    ['a header that is never sent', { upstreamHeader: 'A: b' }, /only sent with upstreamAuth/],
    [
      'no header where one is due',
      { upstreamAuth: 'static' },
      /It is required beside upstreamAuth/,
    ],
    [
      'a file that is not there',
      { upstreamCa: '/nowhere' },
      /"\/nowhere" cannot be read \(ENOENT\)/,
    ],
    [
      'a method that needs a key',
      { upstreamTokenAuthMethod: 'private_key_jwt' },
      /^upstreamPrivateKeyFile: A key is required/,
    ],
    [
      'a method that needs a secret',
      { upstreamTokenAuthMethod: 'client_secret_post', upstreamClientId: 'x' },
      /needs the client's secret/,
    ],
    [
      'a document that nobody could read',
      { upstreamRegistration: 'document', publicUrl: 'http://localhost' },
      /public https URL is required/,
    ],
    [
      'a document that would have to name a secret',
      {
        upstreamRegistration: 'document',
        publicUrl: 'https://gateway.example',
        upstreamTokenAuthMethod: 'client_secret_post',
      },
      /client document has no secret; choose private_key_jwt or none/,
    ],
    ['patience without an end', { discoveryTimeout: 301 }, /from 1 to 300/],
    ['no patience', { upstreamTimeout: 0 }, /from 1 to 60/],
    [
      'plain http, and how to allow it',
      { upstreamAs: 'http://as.internal' },
      /in the clear; .*, or set upstreamPlainHttp: 'allow' where the network is private\.$/,
    ],
  ];
  for (const [what, options, sentence] of refused) {
    test(`is refused: ${what}`, () => {
      assert.match(faultsOf(options), sentence);
    });
  }

  test('is refused: a file with something else in it, whose content is not repeated', () => {
    const secret = 'hunter2';
    const path = file('odd', secret);

    for (const [setting, sentence] of [
      ['upstreamCa', /holds no certificate/],
      ['upstreamPrivateKeyFile', /holds no private key/],
      ['upstreamHeaderFile', /holds no header/],
    ] as const) {
      const message = faultsOf({ upstreamAuth: 'static', [setting]: path });
      assert.match(message, sentence);
      assert.ok(!message.includes(secret));
    }
    const broken = faultsOf({ upstreamPrivateKeyFile: file('json', '{"kty":"EC","d":"hunter2"}') });
    assert.match(broken, /holds no private key/);
  });

  test('is refused: a certificate without its key, and a header in two places', () => {
    const ca = file('crt', certificate);
    const header = file('header', 'X-Key: abc\n');

    assert.match(faultsOf({ upstreamClientCert: ca }), /A certificate and its key go together/);
    assert.match(faultsOf({ upstreamPrivateKeyCert: ca }), /no use without upstreamPrivateKeyFile/);
    assert.match(
      faultsOf({
        upstreamAuth: 'static',
        upstreamHeader: 'X-Key: abc',
        upstreamHeaderFile: header,
      }),
      /given twice/,
    );
  });

  test('is read: what its files hold', () => {
    const pem = key();
    const config = parseConfiguration({
      upstreamRs,
      upstreamAuth: 'static',
      upstreamHeaderFile: file('header', 'Authorization: Bearer abc def\n'),
      upstreamPrivateKeyFile: file('key', pem),
      upstreamPrivateKeyCert: file('key.crt', certificate),
      upstreamCa: file('crt', certificate),
      upstreamClientCert: 'test/support/tls/client.crt',
      upstreamClientKey: 'test/support/tls/client.key',
    });

    const contents = fileContents(config);

    assert.deepEqual(contents.header, ['Authorization', 'Bearer abc def']);
    assert.equal(contents.privateKey, pem);
    assert.equal(contents.privateKeyCert, certificate);
    assert.equal(contents.ca, certificate);
    assert.match(contents.clientCert ?? '', /BEGIN CERTIFICATE/);
    assert.match(contents.clientKey ?? '', /BEGIN PRIVATE KEY/);
  });

  test('is read: parameters, as a query or as an object', () => {
    const spelled = { upstreamAuthorizeParam: 'access_type=offline&prompt=&a=b%26c' };
    const named = { upstreamAuthorizeParam: { access_type: 'offline', prompt: '', a: 'b&c' } };

    for (const options of [spelled, named]) {
      const { upstreamAuthorizeParam } = parseConfiguration({ upstreamRs, ...options });
      assert.deepEqual(upstreamAuthorizeParam, named.upstreamAuthorizeParam);
    }
    const again = parseConfiguration(parseConfiguration({ upstreamRs, ...spelled }));
    assert.deepEqual(again.upstreamAuthorizeParam, named.upstreamAuthorizeParam);
    const none = parseConfiguration({ upstreamRs, upstreamTokenParam: {} });
    assert.equal(none.upstreamTokenParam, undefined);
  });

  test('is read: plain http where the operator allows it, a document without a client id, and a header', () => {
    const config = parseConfiguration({
      upstreamRs: 'http://mcp.internal/mcp',
      upstreamAs: 'http://as.internal',
      upstreamPlainHttp: 'allow',
      upstreamAuthorizeEndpoint: 'http://as.internal/a',
      upstreamTokenEndpoint: 'http://as.internal/t',
      upstreamRegistration: 'document',
      publicUrl: 'https://gateway.example',
      password: 'own',
      store: 'disk',
    });

    assert.equal(config.upstreamRs, 'http://mcp.internal/mcp');
    assert.deepEqual(configurationWarnings(config), [
      "upstreamPlainHttp: 'allow' lets tokens and client secrets cross the network in the clear; use it in a private network only.",
    ]);
    const fixed = { upstreamRs, upstreamAuth: 'static', upstreamHeader: 'X-Key: abc' } as const;
    assert.deepEqual(fileContents(parseConfiguration(fixed)).header, ['X-Key', 'abc']);
  });
});

describe('a flag that may be repeated', () => {
  const read = (...flags: string[]) =>
    readCommandLine([`--upstream-rs=${upstreamRs}`, ...flags], {});

  test('adds up', async () => {
    const asked = await read(
      '--upstream-authorize-param=access_type=offline',
      '--upstream-authorize-param',
      'prompt=consent',
    );

    assert.ok(asked.type === 'start');
    assert.deepEqual(asked.config.upstreamAuthorizeParam, {
      access_type: 'offline',
      prompt: 'consent',
    });
  });

  test('has a value each time', async () => {
    const asked = await read('--upstream-token-param=a=b', '--upstream-token-param=');

    assert.ok(asked.type === 'refuse');
    assert.match(asked.text, /upstream-token-param is given more than once|has no value/);
  });
});

describe('an upstream that is known to want a client by hand', () => {
  const warned = (options: Partial<GatewayConfig>) =>
    configurationWarnings(
      parseConfiguration({
        upstreamRs: 'https://api.githubcopilot.com/mcp/',
        password: 'own',
        store: 'disk',
        ...options,
      }),
    );

  test('is warned about at the start, and only then', () => {
    const [warning = ''] = warned({});

    assert.match(warning, /^GitHub wants a client registered by hand: .*set upstreamClientId\. /);
    assert.match(warning, /github\.com\/settings\/developers/);
    assert.deepEqual(warned({ upstreamClientId: 'x' }), []);
    assert.deepEqual(warned({ upstreamAuth: 'none' }), []);
    assert.deepEqual(warned({ upstreamRs }), []);
  });
});
