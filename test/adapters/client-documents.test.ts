import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import type { RequestListener } from 'node:http';
import { type TestContext, test } from 'node:test';
import {
  type ClientDocumentsOptions,
  httpClientDocuments,
} from '../../src/adapters/clients/http-client-documents.ts';
import { startLoopbackServer } from '../../src/adapters/testing/loopback-server.ts';
import type { DocumentFailure } from '../../src/application/ports.ts';
import type { Result } from '../../src/domain/result.ts';

const json = { 'content-type': 'application/json' };

async function site(t: TestContext, listener: RequestListener): Promise<string> {
  const server = await startLoopbackServer(listener);
  t.after(server.close);
  return server.origin;
}

function documents(options: Partial<ClientDocumentsOptions> = {}) {
  return httpClientDocuments({ userAgent: 'test/1', insecure: true, ...options });
}

function document(url: string, changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    client_id: url,
    client_name: 'App',
    redirect_uris: ['https://app.example/callback'],
    ...changes,
  });
}

function failureOf(outcome: Result<unknown, DocumentFailure>): DocumentFailure {
  return outcome.ok ? assert.fail('fetched') : outcome.failure;
}

test('a document is read with what it says of its freshness, and asked for as JSON', async (t) => {
  const asked: unknown[] = [];
  const origin = await site(t, (request, response) => {
    const { accept, cookie, authorization } = request.headers;
    asked.push([request.method, accept, request.headers['user-agent'], cookie, authorization]);
    response.writeHead(200, { ...json, 'cache-control': 'max-age=600' });
    response.end(document(`${origin}/c`, { jwks_uri: 'https://app.example/jwks', unknown: null }));
  });

  const fetched = await documents().metadata(`${origin}/c`);

  assert.deepEqual(fetched, {
    ok: true,
    value: {
      freshFor: 600,
      value: {
        clientId: `${origin}/c`,
        metadata: {
          redirectUris: ['https://app.example/callback'],
          tokenEndpointAuthMethod: undefined,
          grantTypes: undefined,
          responseTypes: undefined,
          clientName: 'App',
          keys: { type: 'url', url: 'https://app.example/jwks' },
        },
        methodsOffered: undefined,
        hasSecret: false,
      },
    },
  });
  assert.deepEqual(asked, [['GET', 'application/json', 'test/1', undefined, undefined]]);
});

test('a key set is read without what is not public', async (t) => {
  const key = { kty: 'RSA', n: 'n', e: 'AQAB', kid: '1' };
  const origin = await site(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/jwk-set+json; charset=utf-8' });
    response.end(JSON.stringify({ keys: [{ ...key, d: 'private' }, 'none'] }));
  });

  const fetched = await documents().keys(`${origin}/jwks`);

  assert.deepEqual(fetched.ok && fetched.value.value, [key]);
});

test('a document with a secret is seen to have one', async (t) => {
  const origin = await site(t, (_, response) => {
    response.writeHead(200, json).end(document(`${origin}/c`, { client_secret: 's' }));
  });

  const fetched = await documents().metadata(`${origin}/c`);

  assert.equal(fetched.ok && fetched.value.value.hasSecret, true);
});

const bad: readonly (readonly [string, RequestListener, DocumentFailure['kind'], RegExp])[] = [
  [
    'a redirect, even to itself',
    (_, response) => response.writeHead(302, { location: '/d' }).end(),
    'refused',
    /302/,
  ],
  ['a permanent redirect', (_, r) => r.writeHead(308, { location: '/d' }).end(), 'refused', /308/],
  ['nothing there', (_, response) => response.writeHead(404, json).end('{}'), 'refused', /404/],
  ['another success', (_, response) => response.writeHead(203, json).end('{}'), 'refused', /203/],
  ['a server in trouble', (_, response) => response.writeHead(503).end(), 'unavailable', /503/],
  ['a server with too much to do', (_, r) => r.writeHead(429).end(), 'unavailable', /429/],
  [
    'a web page',
    (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>'),
    'refused',
    /Content-Type/,
  ],
  ['no type at all', (_, response) => response.writeHead(200).end('{}'), 'refused', /Content-Type/],
  ['no JSON', (_, response) => response.writeHead(200, json).end('{'), 'refused', /JSON/],
  [
    'JSON of another kind',
    (_, response) => response.writeHead(200, json).end('[]'),
    'refused',
    /JSON/,
  ],
  [
    'JSON without an id',
    (_, response) => response.writeHead(200, json).end('{}'),
    'refused',
    /JSON/,
  ],
  [
    'something long',
    (_, response) => response.writeHead(200, json).end(document('x', { pad: 'x'.repeat(5120) })),
    'refused',
    /longer than 5120/,
  ],
  [
    'something without an end',
    (_, response) => {
      response.writeHead(200, json);
      const more = () => {
        if (!response.destroyed) response.write(' '.repeat(1000), more);
      };
      more();
    },
    'refused',
    /longer than 5120/,
  ],
  [
    'headers without an end',
    (_, response) => response.writeHead(200, { ...json, x: 'x'.repeat(20_000) }).end(),
    'unavailable',
    /HEADERS/,
  ],
  ['a cut connection', (_, response) => response.destroy(), 'unavailable', /could not be fetched/],
];

for (const [name, listener, kind, reason] of bad) {
  test(`${name} is no document: ${kind}`, async (t) => {
    const paths: unknown[] = [];
    const origin = await site(t, (request, response) => {
      paths.push(request.url);
      listener(request, response);
    });

    const failure = failureOf(await documents().metadata(`${origin}/c`));

    assert.equal(failure.kind, kind);
    assert.match(failure.reason, reason);
    assert.deepEqual(paths, ['/c']);
  });
}

for (const [name, listener] of [
  ['answers nothing', () => {}],
  [
    'sends a byte now and then',
    (_, response) => {
      response.writeHead(200, json);
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    },
  ],
] as readonly (readonly [string, RequestListener])[]) {
  test(`a server that ${name} is given up when patience is over`, async (t) => {
    const origin = await site(t, listener);

    const failure = failureOf(await documents({ patience: 100 }).metadata(`${origin}/c`));

    assert.equal(failure.kind, 'unavailable');
    assert.match(failure.reason, /TimeoutError|TIMEOUT/);
  });
}

/** A resolver that knows these addresses, one more set per question. */
function names(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const left = [...answers];
  return {
    asked,
    resolve: async (name: string): Promise<readonly LookupAddress[]> => {
      asked.push(name);
      const addresses = left.length > 1 ? left.shift() : left[0];
      return (addresses ?? []).map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      }));
    },
  };
}

for (const addresses of [
  ['127.0.0.1'],
  ['10.0.0.1'],
  ['169.254.169.254'],
  ['::1'],
  ['::ffff:127.0.0.1'],
  ['64:ff9b::7f00:1'],
  ['2002:7f00:1::'],
  ['fe80::1'],
  ['93.184.216.34', '192.168.0.1'],
  ['2606:4700::1111', 'fd00::1'],
  [],
]) {
  test(`a name that DNS says is at ${addresses.join(' and ') || 'no address'} is not connected to`, async (t) => {
    let connections = 0;
    const origin = await site(t, (_, response) => {
      connections += 1;
      response.end();
    });
    const { port } = new URL(origin);
    const { resolve, asked } = names(addresses);

    const url = `https://rebound.example:${port}/c`;
    const failure = failureOf(await documents({ insecure: false, resolve }).metadata(url));

    assert.equal(failure.kind, 'unavailable');
    assert.match(failure.reason, /special address|no address/);
    assert.deepEqual(asked, ['rebound.example']);
    assert.equal(connections, 0);
  });
}

for (const host of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '[::1]', '[::ffff:7f00:1]']) {
  test(`${host} in the URL itself is not connected to, without any look-up`, async () => {
    const { resolve, asked } = names(['93.184.216.34']);

    const url = `https://${host}:9/c`;
    const failure = failureOf(await documents({ insecure: false, resolve }).metadata(url));

    assert.match(failure.reason, /special address/);
    assert.deepEqual(asked, []);
  });
}

test('a name is looked up once: DNS cannot say one thing to the check and another to the connection', async (t) => {
  const origin = await site(t, (_, response) => response.writeHead(200, json).end('{}'));
  const { port } = new URL(origin);
  const { resolve, asked } = names(['127.0.0.1'], ['10.0.0.1']);

  const url = `http://localhost:${port}/c`;
  const first = failureOf(await documents({ resolve }).metadata(url));

  assert.match(first.reason, /JSON/); // it was answered, by the address that was checked
  assert.deepEqual(asked, ['localhost']);
});

test('with the switch for tests, loopback is admitted by its own names alone', async (t) => {
  const origin = await site(t, (_, response) => response.writeHead(200, json).end('{}'));
  const { port } = new URL(origin);
  const { resolve } = names(['127.0.0.1']);

  const foreign = await documents({ resolve }).metadata(`http://evil.example:${port}/c`);
  const privately = await documents({ resolve }).metadata('http://10.0.0.1:9/c');

  assert.match(failureOf(foreign).reason, /special address/);
  assert.match(failureOf(privately).reason, /special address/);
});

test('without that switch nothing is fetched over http', async () => {
  const failure = failureOf(await documents({ insecure: false }).metadata('http://a.example/c'));

  assert.equal(failure.kind, 'refused');
  assert.match(failure.reason, /https/);
});

test('a name that cannot be resolved is out of reach', async () => {
  const resolve = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));

  const failure = failureOf(await documents({ resolve }).metadata('https://a.example/c'));

  assert.deepEqual(failure, { kind: 'unavailable', reason: 'it could not be fetched (ENOTFOUND)' });
});
