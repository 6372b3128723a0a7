import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { runDoctor } from '../../src/adapters/configuration/run-doctor.ts';
import { examineUpstream } from '../../src/main.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';

/** A request as the upstream saw it. */
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An upstream on one origin that notes what it is asked, and lets nobody in. */
async function startUpstream(t: TestContext, hangsAt?: string) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', origin);
    const body = await text(request);
    const { method = '', headers } = request;
    seen.push({ method, path: pathname, query: searchParams, headers, body });
    if (pathname === hangsAt) return;
    const [status, answer] = answerTo(pathname, `http://${headers.host}`);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  const { origin, close } = await listenOnLoopback(server);
  t.after(close);
  return { seen, origin };
}

function answerTo(path: string, origin: string): readonly [number, object] {
  const wellKnown = '/.well-known/oauth-authorization-server';
  const endpoints = {
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    registration_endpoint: `${origin}/register`,
    code_challenge_methods_supported: ['S256'],
    client_id_metadata_document_supported: true,
  };
  switch (path) {
    case '/mcp':
      return [401, {}];
    case '/.well-known/oauth-protected-resource/mcp':
      return [200, { resource: `${origin}/mcp`, authorization_servers: [origin] }];
    case wellKnown:
    case `${wellKnown}/other`:
      return [200, { issuer: origin + path.slice(wellKnown.length), ...endpoints }];
    case '/register':
      return [201, { client_id: 'registered', client_secret: 'its-secret' }];
    case '/authorize':
      return [200, {}];
    case '/token':
      return [400, { error: 'invalid_grant' }];
    default:
      return [404, {}];
  }
}

/** The doctor goes the way of every sign-in, by the same settings. */
async function examine(flags: readonly string[]) {
  let out = '';
  await runDoctor(
    {
      argv: ['node', 'main.js', 'doctor', ...flags],
      env: {},
      stdout: { write: (line: string) => (out += line) },
      stderr: { write: (line: string) => (out += line) },
    },
    examineUpstream,
    '1',
  );
  return out;
}

/** The last request to a path, and its form or query. */
function at(seen: readonly Seen[], path: string) {
  const request = seen.findLast((each) => each.path === path);
  assert.ok(request, `${path} was asked: ${seen.map((each) => each.path)}`);
  return { ...request, form: new URLSearchParams(request.body) };
}

function fileWith(t: TestContext, content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'file'), content);
  return join(folder, 'file');
}

type Flags = (given: { readonly origin: string; readonly t: TestContext }) => readonly string[];
type Check = (seen: readonly Seen[], origin: string) => void;

const rows: readonly (readonly [string, Flags, Check])[] = [
  [
    'nothing but the URL',
    () => [],
    (seen, origin) => {
      const { query } = at(seen, '/authorize');
      assert.equal(query.get('client_id'), 'registered');
      assert.equal(query.get('resource'), `${origin}/mcp`);
      assert.equal(query.get('scope'), null);
      assert.match(at(seen, '/token').headers.authorization ?? '', /^Basic /);
      assert.equal(JSON.parse(at(seen, '/register').body).client_name, 'MCP OAuth Gateway');
    },
  ],
  [
    '--upstream-as',
    ({ origin }) => [`--upstream-as=${origin}/other`],
    (seen) => {
      at(seen, '/.well-known/oauth-authorization-server/other');
      assert.ok(!seen.some(({ path }) => path === '/.well-known/oauth-authorization-server'));
    },
  ],
  [
    '--upstream-registration=document',
    () => ['--public-url=https://gateway.corp.internal', '--upstream-registration=document'],
    (seen) => {
      const url = 'https://gateway.corp.internal/oauth/client-metadata.json';
      assert.equal(at(seen, '/authorize').query.get('client_id'), url);
      assert.equal(at(seen, '/token').form.get('client_id'), url);
    },
  ],
  [
    '--upstream-registration=auto, where the gateway is public',
    () => ['--public-url=https://gateway.example'],
    (seen) => {
      assert.match(at(seen, '/authorize').query.get('client_id') ?? '', /^https:\/\/gateway/);
    },
  ],
  [
    '--upstream-registration=dynamic',
    () => ['--public-url=https://gateway.example', '--upstream-registration=dynamic'],
    (seen) => assert.equal(at(seen, '/authorize').query.get('client_id'), 'registered'),
  ],
  [
    '--upstream-client-name',
    () => ['--upstream-client-name=Ours'],
    (seen) => assert.equal(JSON.parse(at(seen, '/register').body).client_name, 'Ours'),
  ],
  [
    '--upstream-client-id, its secret, and --upstream-token-auth-method',
    () => [
      '--upstream-client-id=mine',
      '--upstream-client-secret=my-secret',
      '--upstream-token-auth-method=client_secret_post',
    ],
    (seen) => {
      const { form } = at(seen, '/token');
      assert.deepEqual([form.get('client_id'), form.get('client_secret')], ['mine', 'my-secret']);
      assert.ok(!seen.some(({ path }) => path === '/register'));
    },
  ],
  [
    '--upstream-private-key-file',
    ({ t }) => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
      return ['--upstream-client-id=mine', `--upstream-private-key-file=${fileWith(t, pem)}`];
    },
    (seen) => assert.match(at(seen, '/token').form.get('client_assertion') ?? '', /^ey/),
  ],
  [
    '--upstream-private-key-cert',
    () => [
      '--upstream-client-id=mine',
      '--upstream-private-key-file=test/support/tls/client.key',
      '--upstream-private-key-cert=test/support/tls/client.crt',
    ],
    (seen) => {
      const [header = ''] = (at(seen, '/token').form.get('client_assertion') ?? '').split('.');
      assert.match(Buffer.from(header, 'base64url').toString(), /"x5t":/);
    },
  ],
  [
    '--upstream-scope',
    () => ['--upstream-scope=read write'],
    (seen) => {
      assert.equal(at(seen, '/authorize').query.get('scope'), 'read write');
      assert.equal(JSON.parse(at(seen, '/register').body).scope, 'read write');
    },
  ],
  ...(['off', 'urn:mcp'] as const).map((value): (typeof rows)[number] => [
    `--upstream-resource=${value}`,
    () => [`--upstream-resource=${value}`],
    (seen) => {
      const expected = value === 'off' ? null : value;
      assert.equal(at(seen, '/authorize').query.get('resource'), expected);
      assert.equal(at(seen, '/token').form.get('resource'), expected);
    },
  ]),
  [
    '--upstream-authorize-param and --upstream-token-param',
    () => [
      '--upstream-authorize-param=access_type=offline',
      '--upstream-authorize-param=prompt=consent',
      '--upstream-token-param=audience=api',
    ],
    (seen) => {
      const [{ query }, { form }] = [at(seen, '/authorize'), at(seen, '/token')];
      assert.deepEqual([query.get('access_type'), query.get('prompt')], ['offline', 'consent']);
      assert.equal(form.get('audience'), 'api');
      assert.ok(!query.has('audience') && !form.has('access_type'), 'each in its own place');
    },
  ],
  [
    '--upstream-authorize-endpoint and --upstream-token-endpoint',
    ({ origin }) => [
      `--upstream-authorize-endpoint=${origin}/authorize?tenant=1`,
      `--upstream-token-endpoint=${origin}/token`,
      '--upstream-client-id=mine',
    ],
    (seen) => {
      assert.equal(at(seen, '/authorize').query.get('tenant'), '1');
      at(seen, '/token');
      assert.ok(!seen.some(({ path }) => path.startsWith('/.well-known')));
    },
  ],
  [
    '--upstream-auth=static and --upstream-header',
    () => ['--upstream-auth=static', '--upstream-header=X-Key: the-key'],
    (seen) => {
      assert.equal(at(seen, '/mcp').headers['x-key'], 'the-key');
      assert.equal(seen.length, 1);
    },
  ],
];

for (const [what, flags, check] of rows) {
  test(`the upstream sees ${what}`, async (t) => {
    const { seen, origin } = await startUpstream(t);

    const out = await examine([`--upstream-rs=${origin}/mcp`, ...flags({ origin, t })]);

    assert.ok(seen.length > 0, out);
    check(seen, origin);
  });
}

/** A server of https that asks for a certificate and lets in whoever has none; `shown`: to which requests ours was. */
async function startAsking(t: TestContext, answer: (path: string, origin: string) => object) {
  const shown: [path: string, ours: boolean][] = [];
  const certificates = {
    key: readFileSync('test/support/tls/server.key'),
    cert: readFileSync('test/support/tls/server.crt'),
    ca: readFileSync('test/support/tls/ca.crt'),
  };
  const server = createTlsServer(
    { ...certificates, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const { pathname } = new URL(request.url ?? '', origin);
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      shown.push([pathname, subject !== undefined]);
      response.writeHead(pathname === '/mcp' ? 401 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(answer(pathname, origin)));
    },
  );
  const listening = await listenOnLoopback(server);
  t.after(listening.close);
  const origin = `https://localhost:${new URL(listening.origin).port}`;
  return { origin, shown };
}

test('the client certificate of the flags is shown to each server that they name, and to no other', async (t) => {
  const nothing = () => ({});
  const [mcp, strange, authorizing, tokens] = [
    await startAsking(t, nothing),
    await startAsking(t, nothing),
    await startAsking(t, nothing),
    await startAsking(t, nothing),
  ];
  const issuing = await startAsking(t, (_, issuer) => ({
    issuer,
    authorization_endpoint: `${strange.origin}/authorize`,
    token_endpoint: `${strange.origin}/token`,
    code_challenge_methods_supported: ['S256'],
  }));
  const flags = [
    `--upstream-rs=${mcp.origin}/mcp`,
    '--upstream-client-id=mine',
    '--upstream-ca=test/support/tls/ca.crt',
    '--upstream-client-cert=test/support/tls/client.crt',
    '--upstream-client-key=test/support/tls/client.key',
  ];

  await examine([...flags, `--upstream-as=${issuing.origin}`]);
  await examine([
    ...flags,
    `--upstream-authorize-endpoint=${authorizing.origin}/authorize`,
    `--upstream-token-endpoint=${tokens.origin}/token`,
  ]);

  for (const [{ shown }, isOurs] of [
    [mcp, true],
    [issuing, true],
    [authorizing, true],
    [tokens, true],
    [strange, false],
  ] as const) {
    const seen = new Set(shown.map(([, ours]) => ours));
    assert.deepEqual([...seen], [isOurs], `asked for ${shown.map(([path]) => path)}`);
  }
});

for (const [flag, hangsAt] of [
  ['--upstream-timeout=1', '/token'],
  ['--discovery-timeout=1', '/mcp'],
] as const) {
  test(`an upstream that hangs is left after ${flag}`, async (t) => {
    const { origin } = await startUpstream(t, hangsAt);

    const out = await examine([`--upstream-rs=${origin}/mcp`, flag]);

    assert.match(out, /cannot be reached \(.*TimeoutError after 1 s\)/);
  });
}

test('a server in the private network is asked with --upstream-plain-http=allow alone, through HTTP_PROXY', async (t) => {
  const { seen, origin } = await startUpstream(t);
  const proxy = createServer().on('connect', (_, socket) => {
    const there = connect(Number(new URL(origin).port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    for (const end of [there, socket]) end.on('error', () => there.destroy());
  });
  const listening = await listenOnLoopback(proxy);
  t.after(listening.close);
  const before = process.env.HTTP_PROXY;
  t.after(() => {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
  });
  process.env.HTTP_PROXY = listening.origin;
  const url = '--upstream-rs=http://mcp.upstream.invalid/mcp';

  const refused = await examine([url]);
  assert.match(refused, /tokens in the clear/);
  assert.equal(seen.length, 0);
  await examine([url, '--upstream-plain-http=allow']);

  assert.equal(at(seen, '/token').headers.host, 'mcp.upstream.invalid');
});
