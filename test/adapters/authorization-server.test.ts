import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { decodeProtectedHeader, jwtVerify } from 'jose';
import { systemClock } from '../../src/adapters/system/system-clock.ts';
import { httpAuthorizationServer } from '../../src/adapters/upstream/authorization-server.ts';
import { httpCaller } from '../../src/adapters/upstream/http-call.ts';
import { type SigningKey, signingKey } from '../../src/adapters/upstream/signing-key.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import type { UpstreamClient } from '../../src/domain/upstream-client.ts';
import { silentResource } from '../../src/domain/upstream-server.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';

const within = seconds(10);

function overHttp(key?: SigningKey) {
  return httpAuthorizationServer({
    clock: systemClock,
    call: httpCaller({ dispatcher: undefined, userAgent: 'gateway/test', watch: undefined }),
    callLimit: within,
    key,
  });
}

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
    acceptsDocuments: false,
    ...silentResource,
  };
  const manners = {
    resource: undefined,
    authorizeParameters: {},
    tokenParameters: {},
    scopeOnRefresh: false,
    tokenTypes: ['bearer'],
    revokes: true,
  };
  return { server, client, manners };
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

    const answer = await overHttp().requestTokens(upstreamAt(origin, client), {
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

test('no redirect to another origin is followed with our credentials', async (t) => {
  let followed = false;
  const elsewhere = await serve(t, (_, response) => {
    followed = true;
    response.end('{"access_token":"a"}');
  });
  const origin = await serve(t, (_, response) => {
    response.writeHead(307, { Location: `${elsewhere}/token` }).end();
  });

  const answer = await overHttp().requestTokens(upstreamAt(origin, publicClient), {});

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

  const answer = await overHttp().requestTokens(upstreamAt(origin, publicClient), {});

  assert.ok(!answer.ok && answer.failure.kind === 'unusable');
  assert.match(answer.failure.kind === 'unusable' ? answer.failure.reason : '', /too long/);
  await isCut;
});

test('what cannot be reached is unavailable, and named by its host alone', async () => {
  const upstream = upstreamAt('http://127.0.0.1:1', publicClient);

  const answer = await overHttp().requestTokens(upstream, { code: 'secret' });

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
  acceptsDocuments: false,
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
      client_id_metadata_document_supported: true,
      more: null,
    }),
    {
      registrationEndpoint: `${issuer}/r`,
      revocationEndpoint: undefined,
      authMethods: ['none'],
      challengeMethods: ['S256'],
      scopesSupported: [],
      issuerInResponse: true,
      acceptsDocuments: true,
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
      client_id_metadata_document_supported: 'yes',
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
    const fetched = await overHttp().serverDocument(await serveOne(t, body), within);

    assert.ok(fetched.ok);
    assert.deepEqual(fetched.value.document, expected && { ...known, ...expected });
  });
}

test('metadata that is not there is not the same as metadata that cannot be had', async (t) => {
  const server = overHttp();
  const answers = [];
  for (const status of [404, 401, 301, 500, 503, 429]) {
    const document = await server.resourceDocument(
      await serveOne(t, JSON.stringify(least), status),
      within,
    );
    answers.push(document.ok ? document.value.document : document.failure.kind);
  }

  const none = undefined;
  const later = 'unavailable';
  assert.deepEqual(answers, [none, none, none, later, later, later]);
});

test('resource metadata is read, with lists that may be missing', async (t) => {
  const server = overHttp();
  const full = {
    resource: 'r',
    authorization_servers: [issuer],
    scopes_supported: ['a'],
    resource_documentation: 'https://a.example/docs',
    resource_policy_uri: 'javascript:alert(1)',
    resource_tos_uri: `https://a.example/${'x'.repeat(2048)}`,
  };

  const read = await server.resourceDocument(await serveOne(t, JSON.stringify(full)), within);
  const bare = await server.resourceDocument(await serveOne(t, '{"resource":"r"}'), within);
  const broken = await server.resourceDocument(await serveOne(t, '{"resource":["r"]}'), within);
  const none = await server.resourceDocument(await serveOne(t, '{"scopes":[]}'), within);

  assert.deepEqual(read.ok && read.value.document, {
    resource: 'r',
    authorizationServers: [issuer],
    scopesSupported: ['a'],
    documentation: 'https://a.example/docs',
    policy: undefined,
    termsOfService: undefined,
  });
  assert.deepEqual(bare.ok && bare.value.document, {
    resource: 'r',
    authorizationServers: [],
    scopesSupported: undefined,
    documentation: undefined,
    policy: undefined,
    termsOfService: undefined,
  });
  const answered = (document: unknown) => ({ ok: true, value: { document, freshFor: undefined } });
  assert.deepEqual([broken, none], [answered('broken'), answered(undefined)]);
});

test('a registration says what we need, and nothing that is not known', async (t) => {
  let sent: unknown;
  const origin = await serve(t, async (request, response) => {
    sent = JSON.parse(await text(request));
    response.writeHead(201).end('{"client_id":"c","client_secret":null}');
  });

  const answer = await overHttp().register(origin, {
    clientName: 'Our gateway',
    redirectUri: 'http://localhost:1/upstream/callback',
    method: 'none',
    scope: undefined,
    publicKey: undefined,
  });

  assert.deepEqual(sent, {
    client_name: 'Our gateway',
    redirect_uris: ['http://localhost:1/upstream/callback'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  });
  assert.deepEqual(answer, {
    ok: true,
    value: {
      clientId: 'c',
      clientSecret: undefined,
      method: undefined,
      secretExpiresAt: undefined,
    },
  });
});

test('a registration that is refused says what to do instead', async (t) => {
  const origin = await serveOne(t, '{"error":"access_denied"}', 403);

  const answer = await overHttp().register(origin, {
    clientName: 'Our gateway',
    redirectUri: 'http://localhost:1/upstream/callback',
    method: 'none',
    scope: undefined,
    publicKey: undefined,
  });

  assert.ok(!answer.ok && answer.failure.kind === 'unusable');
  assert.match(JSON.stringify(answer), /status 403.*--upstream-client-id/);
});

test('a registration that succeeds in a way that cannot be used leaves its secret out of the log', async (t) => {
  const origin = await serveOne(t, '{"client_id":7,"client_secret":"hush"}', 201);

  const answer = await overHttp().register(origin, {
    clientName: 'Our gateway',
    redirectUri: 'http://localhost:1/upstream/callback',
    method: 'none',
    scope: undefined,
    publicKey: undefined,
  });

  assert.ok(!answer.ok && answer.failure.kind === 'unusable', JSON.stringify(answer));
  assert.match(answer.failure.reason, /status 201/);
  assert.doesNotMatch(JSON.stringify(answer), /hush/);
});

test('a registration from outside this machine is that of a web application, with a key and an end where there are', async (t) => {
  let sent: Record<string, unknown> = {};
  const origin = await serve(t, async (request, response) => {
    sent = JSON.parse(await text(request));
    const answer = { client_id: 'c', client_secret: 's', client_secret_expires_at: 1_900_000_000 };
    response.writeHead(201).end(JSON.stringify(answer));
  });
  const publicKey = { kty: 'EC', kid: '1' };

  const answer = await overHttp().register(origin, {
    clientName: 'Our gateway',
    redirectUri: 'https://gateway.example/upstream/callback',
    method: 'private_key_jwt',
    scope: 'a b',
    publicKey,
  });

  assert.equal(sent.application_type, 'web');
  assert.deepEqual(sent.jwks, { keys: [publicKey] });
  assert.equal(sent.scope, 'a b');
  assert.equal(answer.ok && answer.value.secretExpiresAt, 1_900_000_000);
});

const keyKinds = [
  ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['EdDSA', generateKeyPairSync('ed25519')],
] as const;
for (const [alg, pair] of keyKinds) {
  test(`a token request is signed with a key of the kind ${alg}, PEM or JWK`, async (t) => {
    const forms: URLSearchParams[] = [];
    const origin = await serve(t, async (request, response) => {
      forms.push(new URLSearchParams(await text(request)));
      response.end('{"access_token":"a"}');
    });
    const client: UpstreamClient = {
      clientId: 'id',
      clientSecret: undefined,
      method: 'private_key_jwt',
    };
    const pem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const jwk = JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), kid: 'named' });
    const ids = new Set<unknown>();

    for (const content of [pem, jwk]) {
      const key = signingKey(content);
      await overHttp(key).requestTokens(upstreamAt(origin, client), { grant_type: 'x' });
      const form = forms.pop();
      const { payload, protectedHeader } = await jwtVerify(
        form?.get('client_assertion') ?? '',
        pair.publicKey,
        { audience: `${origin}/token`, issuer: 'id', subject: 'id' },
      );
      assert.equal(form?.get('client_id'), 'id');
      assert.equal(
        form?.get('client_assertion_type'),
        'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      );
      assert.deepEqual(protectedHeader, content === jwk ? { alg, kid: 'named' } : { alg });
      ids.add(payload.jti);
      assert.equal(Number(payload.exp) - Number(payload.iat), 60, 'it is good for a minute');
      assert.equal(key.publicKey.d, undefined, 'it is public');
      assert.equal(key.publicKey.alg, alg);
    }
    assert.equal(ids.size, 2, 'no two have the same name');
    assert.ok(!ids.has(undefined), 'each has one');
  });
}

test('an assertion is for the issuer where one is known, wherever its token endpoint is', async (t) => {
  const forms: URLSearchParams[] = [];
  const origin = await serve(t, async (request, response) => {
    forms.push(new URLSearchParams(await text(request)));
    response.end('{"access_token":"a"}');
  });
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const client = { clientId: 'id', clientSecret: undefined, method: 'private_key_jwt' } as const;
  const at = upstreamAt(origin, client);
  const issuer = 'https://issuer.example/tenant';

  const key = signingKey(JSON.stringify(privateKey.export({ format: 'jwk' })));
  const upstream = { ...at, server: { ...at.server, issuer } };
  await overHttp(key).requestTokens(upstream, { grant_type: 'x' });

  const assertion = forms[0]?.get('client_assertion') ?? '';
  const { payload } = await jwtVerify(assertion, publicKey, { audience: issuer });
  assert.equal(payload.aud, issuer, 'and for nobody else');
});

test('an assertion names the certificate of its key where there is one, as Entra wants it', async () => {
  const pem = (name: string) => readFileSync(`test/support/tls/${name}`, 'utf8');
  const certificate = pem('client.crt');
  const { raw } = new X509Certificate(certificate);
  const print = (algorithm: string) => createHash(algorithm).update(raw).digest('base64url');

  const key = signingKey(pem('client.key'), certificate);
  const { x5t, 'x5t#S256': x5t256 } = decodeProtectedHeader(await key.assertion('id', 'as', 0));

  assert.deepEqual([x5t, x5t256], [print('sha1'), print('sha256')]);
  assert.throws(() => signingKey(pem('server.key'), certificate), /does not belong to/);
});

test('a key that signs nothing is refused', () => {
  const { privateKey } = generateKeyPairSync('x25519');

  assert.throws(() => signingKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()));
  assert.throws(() => signingKey('nothing'));
});
