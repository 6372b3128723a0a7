import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { rootCertificates, type TLSSocket } from 'node:tls';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import {
  type UpstreamAdapterOptions,
  upstreamAdapters,
} from '../../src/adapters/upstream/upstream-adapters.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { type UpstreamToken, upstreamToken } from '../../src/domain/token-pair.ts';
import { heardAnswer } from '../application/heard-answer.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';

const tls = (name: string) => readFileSync(`test/support/tls/${name}`, 'utf8');
const token = upstreamToken('the-upstream-token') as UpstreamToken;

async function listening(t: TestContext, server: Server): Promise<number> {
  const { origin, close } = await listenOnLoopback(server);
  t.after(close);
  return Number(new URL(origin).port);
}

function adapters(t: TestContext, url: string, changed: Partial<UpstreamAdapterOptions> = {}) {
  const made = upstreamAdapters({
    url,
    auth: 'oauth',
    header: undefined,
    privateKey: undefined,
    callLimit: seconds(10),
    userAgent: 'gateway/test',
    clock: systemClock,
    ca: undefined,
    clientCert: undefined,
    clientKey: undefined,
    environment: {},
    ...changed,
  });
  t.after(() => Promise.all([made.close(), made.resourceServer.close()]));
  return made;
}

/** Both sides of an upstream are asked; the value is what came of it. */
async function ask(made: ReturnType<typeof adapters>, url: string) {
  const probe = await made.authorizationServer.probe(url, seconds(10));
  const heard = heardAnswer();
  made.resourceServer.forward(
    {
      method: 'POST',
      query: '',
      headers: ['Content-Type', 'application/json', 'X-Key', 'the client’s'],
      body: Buffer.from('{}'),
      bodyAgain: () => undefined,
    },
    token,
    heard,
  );
  const ending = await heard.ended;
  return { probe, status: heard.status, text: heard.text, ending };
}

/** Says what credentials a request came with. */
const telling: RequestListener = async (request, response) => {
  const body = await text(request);
  const { authorization, 'x-key': own } = request.headers;
  response.end(JSON.stringify({ authorization, own, body: body.length > 0 }));
};

test('an upstream under a private authority is trusted once its certificate is given, and not before', async (t) => {
  const server = createTlsServer({ key: tls('server.key'), cert: tls('server.crt') }, telling);
  const url = `https://localhost:${await listening(t, server)}/mcp`;

  const strange = await ask(adapters(t, url), url);
  const trusted = await ask(adapters(t, url, { ca: tls('ca.crt') }), url);

  assert.ok(!strange.probe.ok && strange.probe.failure.kind === 'unavailable');
  assert.equal(strange.ending.type, 'fail');
  assert.ok(trusted.probe.ok);
  assert.equal(trusted.status, 200);
});

test('a private authority is trusted by NODE_EXTRA_CA_CERTS beside another by its own setting', async (t) => {
  const server = createTlsServer({ key: tls('server.key'), cert: tls('server.crt') }, telling);
  const url = `https://localhost:${await listening(t, server)}/mcp`;
  const [another] = rootCertificates;
  const environment = { NODE_EXTRA_CA_CERTS: 'test/support/tls/ca.crt' };
  const missing = { NODE_EXTRA_CA_CERTS: 'test/support/tls/nothing.crt' };

  const both = await ask(adapters(t, url, { ca: another, environment }), url);
  const one = await ask(adapters(t, url, { ca: tls('ca.crt'), environment: missing }), url);

  assert.deepEqual([both.probe.ok, both.status], [true, 200]);
  assert.deepEqual(
    [one.probe.ok, one.status],
    [true, 200],
    'Node.js warns of a file that it cannot read, and goes on',
  );
});

test('an upstream that asks for a certificate gets ours', async (t) => {
  const options = {
    key: tls('server.key'),
    cert: tls('server.crt'),
    ca: tls('ca.crt'),
    requestCert: true,
    rejectUnauthorized: true,
  };
  const url = `https://localhost:${await listening(t, createTlsServer(options, telling))}/mcp`;
  const ca = tls('ca.crt');

  const without = await ask(adapters(t, url, { ca }), url);
  const certificate = { ca, clientCert: tls('client.crt'), clientKey: tls('client.key') };
  const given = await ask(adapters(t, url, certificate), url);

  assert.equal(without.probe.ok, false);
  assert.equal(given.probe.ok, true);
  assert.equal(given.status, 200);
});

test('our certificate is shown where the operator said, and to no server that only the upstream names', async (t) => {
  const shown: string[] = [];
  const asking = async () => {
    const certificates = { key: tls('server.key'), cert: tls('server.crt'), ca: tls('ca.crt') };
    const server = createTlsServer(
      { ...certificates, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const { subject } = (request.socket as TLSSocket).getPeerCertificate();
        shown.push(`${request.url} ${subject === undefined ? 'no' : 'our'} certificate`);
        response.end();
      },
    );
    return `https://localhost:${await listening(t, server)}`;
  };
  const [mcp, named, strange] = [await asking(), await asking(), await asking()];
  const { authorizationServer } = adapters(t, `${mcp}/mcp`, {
    ca: tls('ca.crt'),
    clientCert: tls('client.crt'),
    clientKey: tls('client.key'),
    configured: [`${named}/tenant`],
  });

  await authorizationServer.probe(`${mcp}/mcp`, seconds(10));
  await authorizationServer.serverDocument(`${named}/as`, seconds(10));
  await authorizationServer.serverDocument(`${strange}/as`, seconds(10));

  assert.deepEqual(shown, ['/mcp our certificate', '/as our certificate', '/as no certificate']);
});

for (const [scheme, variable] of [
  ['http', 'HTTP_PROXY'],
  ['http', 'http_proxy'],
  ['https', 'HTTPS_PROXY'],
] as const) {
  test(`an upstream by ${scheme} is reached through ${variable}, unless NO_PROXY names it`, async (t) => {
    const upstream =
      scheme === 'http'
        ? createServer(telling)
        : createTlsServer({ key: tls('server.key'), cert: tls('server.crt') }, telling);
    const port = await listening(t, upstream);
    const tunnels: string[] = [];
    const proxy = createServer().on('connect', (request, socket, head) => {
      tunnels.push(request.url ?? '');
      const there = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        there.write(head);
        there.pipe(socket).pipe(there);
      });
      for (const end of [there, socket]) end.on('error', () => there.destroy());
    });
    const proxyPort = await listening(t, proxy);
    const url = `${scheme}://mcp.upstream.invalid/mcp`;
    const environment = { [variable]: `http://127.0.0.1:${proxyPort}` };
    const ca = tls('ca.crt');

    const through = await ask(adapters(t, url, { environment, ca }), url);
    const except = { ...environment, NO_PROXY: 'upstream.invalid' };
    const direct = await ask(adapters(t, url, { environment: except, ca }), url);
    const near = `${scheme}://localhost:${port}/mcp`;
    const local = await ask(adapters(t, near, { environment, ca }), near);

    if (scheme === 'http') assert.equal(through.status, 200, JSON.stringify(through));
    assert.ok(tunnels.length > 0);
    assert.ok(tunnels.every((target) => target.startsWith('mcp.upstream.invalid:')));
    assert.equal(direct.probe.ok, false);
    assert.equal(local.status, 200);
  });
}

/** Notes every tunnel that it is asked for, and opens none. */
async function closedProxy(t: TestContext) {
  const tunnels: string[] = [];
  const proxy = createServer().on('connect', (request, socket) => {
    tunnels.push(request.url ?? '');
    socket.end('HTTP/1.1 502 No\r\n\r\n');
  });
  return { tunnels, url: `http://127.0.0.1:${await listening(t, proxy)}` };
}

for (const noProxy of ['*', 'elsewhere.example, *']) {
  test(`no proxy is asked where NO_PROXY is ${noProxy}`, async (t) => {
    const { tunnels, url: proxy } = await closedProxy(t);
    const environment = { HTTPS_PROXY: proxy, HTTP_PROXY: proxy, NO_PROXY: noProxy };

    for (const url of ['http://mcp.upstream.invalid/mcp', 'https://mcp.upstream.invalid/mcp']) {
      const { probe } = await ask(adapters(t, url, { environment }), url);

      assert.ok(!probe.ok && probe.failure.kind === 'unavailable', JSON.stringify(probe));
      assert.match(probe.failure.reason, /ENOTFOUND|EAI_AGAIN/);
    }
    assert.deepEqual(tunnels, []);
  });
}

for (const host of ['127.0.0.2', '[::1]', 'localhost']) {
  test(`this machine is not asked for through a proxy by the name ${host}`, async (t) => {
    const { tunnels, url: proxy } = await closedProxy(t);
    const server = createServer(telling);
    server.listen(0, host === '[::1]' ? '::1' : host);
    await once(server, 'listening');
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const url = `http://${host}:${port}/mcp`;

    const { probe, status } = await ask(
      adapters(t, url, { environment: { HTTP_PROXY: proxy } }),
      url,
    );

    assert.deepEqual([probe.ok, status, tunnels], [true, 200, []]);
  });
}

for (const [variable, value] of [
  ['HTTPS_PROXY', 'user:secret@proxy:3128'],
  ['http_proxy', 'http://'],
] as const) {
  test(`a proxy that is none is said by its name: ${variable}`, (t) => {
    const environment = { [variable]: value };

    assert.throws(() => adapters(t, 'https://mcp.example/mcp', { environment }), {
      message: `${variable} is not the URL of a proxy; give one that begins with http:// or https://, for example ${variable}=http://proxy.example:3128`,
    });
  });
}

const fixed: readonly (readonly [
  string,
  Pick<UpstreamAdapterOptions, 'auth' | 'header'>,
  Readonly<Record<string, string>>,
])[] = [
  ['its own token', { auth: 'oauth', header: undefined }, { authorization: `Bearer ${token}` }],
  ['nothing', { auth: 'none', header: undefined }, {}],
  [
    'the fixed header',
    { auth: 'static', header: ['Authorization', 'Bearer fixed'] },
    { authorization: 'Bearer fixed' },
  ],
  ['the fixed header', { auth: 'static', header: ['X-Key', 'fixed'] }, { own: 'fixed' }],
];
for (const [what, changed, expected] of fixed) {
  test(`an upstream of the kind ${changed.auth} is sent ${what} (${changed.header?.[0] ?? 'no header'})`, async (t) => {
    const url = `http://127.0.0.1:${await listening(t, createServer(telling))}/mcp`;

    const { text: answer, status } = await ask(adapters(t, url, changed), url);

    assert.equal(status, 200);
    assert.deepEqual(JSON.parse(answer), { ...expected, body: true });
  });
}

test('the fixed header is sent along when the upstream is asked whether it is there', async (t) => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end();
  });
  const url = `http://127.0.0.1:${await listening(t, server)}/mcp`;
  const header = ['Authorization', 'Bearer fixed'] as const;
  const answered = once(server, 'request');

  await adapters(t, url, { auth: 'static', header }).authorizationServer.probe(url, seconds(10));
  await answered;

  assert.deepEqual(seen, ['Bearer fixed']);
});
