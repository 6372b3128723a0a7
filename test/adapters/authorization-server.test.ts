import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { httpAuthorizationServer } from '../../src/adapters/upstream/authorization-server.ts';
import type { UpstreamClient } from '../../src/domain/upstream-server.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const { origin, close } = await listenOnLoopback(createServer(listener));
  t.after(close);
  return origin;
}

/** A server that answers everything with this. */
function serveOne(t: TestContext, body: string, status = 200): Promise<string> {
  return serve(t, (_, response) => response.writeHead(status).end(body));
}

function upstreamAt(origin: string, client: UpstreamClient) {
  const server = {
    issuer: undefined,
    authorizationEndpoint: `${origin}/authorize`,
    tokenEndpoint: `${origin}/token`,
    registrationEndpoint: undefined,
    revocationEndpoint: undefined,
    authMethods: undefined,
    scopesSupported: undefined,
    issuerInResponse: false,
    resource: undefined,
    resourceScopes: undefined,
  };
  return { server, client };
}

const clientId = 'id: with +&% é';
const clientSecret = 'secret=';
const encoded = 'id%3A+with+%2B%26%25+%C3%A9:secret%3D';
const proofs: readonly (readonly [UpstreamClient['method'], object, string | undefined])[] = [
  ['client_secret_basic', { grant_type: 'x' }, `Basic ${Buffer.from(encoded).toString('base64')}`],
  [
    'client_secret_post',
    { grant_type: 'x', client_id: clientId, client_secret: clientSecret },
    undefined,
  ],
  ['none', { grant_type: 'x', client_id: clientId }, undefined],
];
for (const [method, form, authorization] of proofs) {
  test(`a token request by ${method} says who we are in that way alone, and asks for JSON`, async (t) => {
    let seen: unknown;
    const origin = await serve(t, async (request, response) => {
      const { accept, authorization: header, 'content-type': type } = request.headers;
      const body = Object.fromEntries(new URLSearchParams(await text(request)));
      seen = { method: request.method, url: request.url, accept, header, type, body };
      response.end('{"access_token":"a"}');
    });
    const client = { clientId, method, clientSecret: method === 'none' ? undefined : clientSecret };

    const answer = await httpAuthorizationServer().requestTokens(upstreamAt(origin, client), {
      grant_type: 'x',
    });

    assert.ok(answer.ok);
    assert.deepEqual(seen, {
      method: 'POST',
      url: '/token',
      accept: 'application/json',
      header: authorization,
      type: 'application/x-www-form-urlencoded',
      body: form,
    });
  });
}

const publicClient: UpstreamClient = { clientId: 'x', clientSecret: undefined, method: 'none' };

test('no redirect is followed with our credentials', async (t) => {
  let followed = false;
  const origin = await serve(t, (request, response) => {
    followed ||= request.url === '/elsewhere';
    response.writeHead(307, { Location: '/elsewhere' }).end();
  });

  const answer = await httpAuthorizationServer().requestTokens(
    upstreamAt(origin, publicClient),
    {},
  );

  assert.ok(!answer.ok && answer.failure.kind === 'unusable');
  assert.equal(followed, false);
});

test('an answer without an end is given up, and its connection with it', async (t) => {
  let cut = (): void => {};
  const isCut = new Promise<void>((resolve) => {
    cut = resolve;
  });
  const origin = await serve(t, (_, response) => {
    response.on('close', cut);
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, '{'))) {
        // as fast as it is read
      }
    };
    response.on('drain', more);
    more();
  });

  const answer = await httpAuthorizationServer().requestTokens(
    upstreamAt(origin, publicClient),
    {},
  );

  assert.ok(!answer.ok && answer.failure.kind === 'unusable');
  assert.match(answer.failure.kind === 'unusable' ? answer.failure.reason : '', /too long/);
  await isCut;
});

test('what cannot be reached is unavailable, and named by its host alone', async () => {
  const upstream = upstreamAt('http://127.0.0.1:1', publicClient);

  const answer = await httpAuthorizationServer().requestTokens(upstream, { code: 'secret' });

  assert.deepEqual(answer, {
    ok: false,
    failure: {
      kind: 'unavailable',
      reason: '127.0.0.1:1: ECONNREFUSED',
      retryAfter: undefined,
    },
  });
});

const issuer = 'https://as.example';
const least = {
  issuer,
  authorization_endpoint: `${issuer}/a`,
  token_endpoint: `${issuer}/t`,
};
const known = {
  issuer,
  authorizationEndpoint: `${issuer}/a`,
  tokenEndpoint: `${issuer}/t`,
  registrationEndpoint: undefined,
  revocationEndpoint: undefined,
  authMethods: undefined,
  challengeMethods: undefined,
  scopesSupported: undefined,
  issuerInResponse: false,
};

const serverDocuments: readonly (readonly [string, string, object | undefined])[] = [
  ['with the least', JSON.stringify(least), {}],
  [
    'with everything',
    JSON.stringify({
      ...least,
      registration_endpoint: `${issuer}/r`,
      token_endpoint_auth_methods_supported: ['none'],
      code_challenge_methods_supported: ['S256'],
      scopes_supported: [],
      authorization_response_iss_parameter_supported: true,
      more: null,
    }),
    {
      registrationEndpoint: `${issuer}/r`,
      revocationEndpoint: undefined,
      authMethods: ['none'],
      challengeMethods: ['S256'],
      scopesSupported: [],
      issuerInResponse: true,
    },
  ],
  [
    'with null where nothing is known',
    JSON.stringify({
      ...least,
      registration_endpoint: null,
      token_endpoint_auth_methods_supported: null,
      code_challenge_methods_supported: null,
      scopes_supported: 'a b',
      authorization_response_iss_parameter_supported: null,
    }),
    {},
  ],
  ['without an issuer', JSON.stringify({ ...least, issuer: undefined }), undefined],
  [
    'with an endpoint that is no URL',
    JSON.stringify({ ...least, token_endpoint: '/t' }),
    undefined,
  ],
  [
    'with an endpoint that would run',
    JSON.stringify({ ...least, authorization_endpoint: 'javascript:alert(1)' }),
    undefined,
  ],
  ['that is a page', '<!doctype html>', undefined],
  ['that is null', 'null', undefined],
];
for (const [what, body, expected] of serverDocuments) {
  test(`server metadata ${what} is ${expected ? 'read' : 'no metadata'}`, async (t) => {
    const document = await httpAuthorizationServer().serverDocument(await serveOne(t, body));

    assert.deepEqual(document, { ok: true, value: expected && { ...known, ...expected } });
  });
}

test('metadata that is not there is not the same as metadata that cannot be had', async (t) => {
  const server = httpAuthorizationServer();
  const answers = [];
  for (const status of [404, 401, 301, 500, 503, 429]) {
    const document = await server.resourceDocument(
      await serveOne(t, JSON.stringify(least), status),
    );
    answers.push(document.ok ? document.value : document.failure.kind);
  }

  const none = undefined;
  const later = 'unavailable';
  assert.deepEqual(answers, [none, none, none, later, later, later]);
});

test('resource metadata is read, with lists that may be missing', async (t) => {
  const server = httpAuthorizationServer();
  const full = { resource: 'r', authorization_servers: [issuer], scopes_supported: ['a'] };

  const read = await server.resourceDocument(await serveOne(t, JSON.stringify(full)));
  const bare = await server.resourceDocument(await serveOne(t, '{"resource":"r"}'));
  const none = await server.resourceDocument(await serveOne(t, '{"resource":["r"]}'));

  assert.deepEqual(read.ok && read.value, {
    resource: 'r',
    authorizationServers: [issuer],
    scopesSupported: ['a'],
  });
  assert.deepEqual(bare.ok && bare.value, {
    resource: 'r',
    authorizationServers: [],
    scopesSupported: undefined,
  });
  assert.deepEqual(none, { ok: true, value: undefined });
});

test('a registration says what we need, and nothing that is not known', async (t) => {
  let sent: unknown;
  const origin = await serve(t, async (request, response) => {
    sent = JSON.parse(await text(request));
    response.writeHead(201).end('{"client_id":"c","client_secret":null}');
  });

  const answer = await httpAuthorizationServer().register(origin, {
    redirectUri: 'http://localhost:1/upstream/callback',
    method: 'none',
    scope: undefined,
  });

  assert.deepEqual(sent, {
    client_name: 'MCP OAuth Gateway',
    redirect_uris: ['http://localhost:1/upstream/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  });
  assert.deepEqual(answer, {
    ok: true,
    value: { clientId: 'c', clientSecret: undefined, method: undefined },
  });
});

test('a registration that is refused says what to do instead', async (t) => {
  const origin = await serveOne(t, '{"error":"access_denied"}', 403);

  const answer = await httpAuthorizationServer().register(origin, {
    redirectUri: 'http://localhost:1/upstream/callback',
    method: 'none',
    scope: undefined,
  });

  assert.ok(!answer.ok && answer.failure.kind === 'unusable');
  assert.match(JSON.stringify(answer), /status 403.*--upstream-client-id/);
});
