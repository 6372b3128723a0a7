import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpFault } from '../../src/adapters/testing/http-faults.ts';
import { assertionAlgorithms } from '../../src/domain/client-keys.ts';
import { tokenEndpointAuthMethods } from '../../src/domain/client-registration.ts';
import { Browser } from '../support/real/browser-driver.ts';
import { startStage } from './fake-stage.ts';
import {
  type Answer,
  answerScreenOne,
  authorizationUrl,
  authorize,
  exchangeForm,
  halvesOf,
  logIn,
  pairOf,
  postToken,
  redirectUri,
  refreshForm,
  register,
  send,
  tokensOf,
} from './raw-client.ts';

const wellKnown = '/.well-known/oauth-protected-resource';

/** No null and no empty text, at any depth: strict clients refuse both. */
function hasOnlyRealValues(value: unknown): boolean {
  if (value === null || value === '') return false;
  return typeof value !== 'object' || Object.values(value).every(hasOnlyRealValues);
}

function resourceMetadata(base: string, resource: string) {
  return {
    resource,
    authorization_servers: [base],
    bearer_methods_supported: ['header'],
    resource_name: 'MCP OAuth Gateway',
    scopes_supported: ['read', 'write'],
  };
}

test('the metadata documents say what they must, under each of their names', async (t) => {
  const { base } = await startStage(t);

  const root = await send(base + wellKnown);
  const inserted = await send(`${base}${wellKnown}/mcp`);
  const withSlash = await send(`${base}${wellKnown}/mcp/`);
  const server = await send(`${base}/.well-known/oauth-authorization-server`);

  assert.deepEqual(root.json(), resourceMetadata(base, `${base}/mcp`));
  assert.deepEqual(inserted.json(), resourceMetadata(base, `${base}/mcp`));
  assert.deepEqual(withSlash.json(), resourceMetadata(base, `${base}/mcp/`));
  assert.deepEqual(server.json(), {
    issuer: base,
    authorization_endpoint: `${base}/authorize`,
    token_endpoint: `${base}/token`,
    registration_endpoint: `${base}/register`,
    revocation_endpoint: `${base}/revoke`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: tokenEndpointAuthMethods,
    token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    revocation_endpoint_auth_methods_supported: tokenEndpointAuthMethods,
    revocation_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
    client_id_metadata_document_supported: true,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  });
  for (const answer of [root, inserted, withSlash, server]) {
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.equal(answer.headers.vary, 'Host');
    assert.ok(!answer.text.includes(`${base}/"`), 'no issuer ends with a slash');
  }
});

test('the challenge names the scope that the operator set, and the metadata lists it', async (t) => {
  const { base } = await startStage(t, { upstreamScope: 'read mail' });

  const challenged = await send(`${base}/mcp`, { method: 'POST' });
  const metadata = await send(`${base}${wellKnown}/mcp`);

  assert.equal(
    challenged.headers['www-authenticate'],
    `Bearer scope="read mail", resource_metadata="${base}${wellKnown}/mcp"`,
  );
  assert.deepEqual(metadata.json().scopes_supported, ['read', 'mail']);
});

test('the metadata comes without the words of an upstream that is down, and is not to be kept then', async (t) => {
  const { base, mcp } = await startStage(t);
  await mcp.close();

  const metadata = await send(`${base}${wellKnown}/mcp`);

  assert.equal(metadata.status, 200);
  assert.equal(metadata.json().resource, `${base}/mcp`);
  assert.equal('scopes_supported' in metadata.json(), false);
  assert.equal(metadata.headers['cache-control'], 'no-store');
});

const hosts: readonly (readonly [string, string, boolean])[] = [
  ['127.0.0.1', '127.0.0.1:PORT', true],
  ['localhost', 'localhost:PORT', true],
  ['an IPv6 loopback', '[::1]:PORT', true],
  ['a loopback name with a forwarded port', 'localhost:9999', true],
  ['a foreign name', 'evil.example', false],
  ['a foreign name that begins like ours', 'localhost.evil.example:PORT', false],
  ['a foreign name with our port', 'evil.example:PORT', false],
  ['an address on the network', '192.168.1.1:PORT', false],
  ['a port that is none', 'localhost:99999', false],
];
for (const [what, spelled, mirrored] of hosts) {
  test(`a client that came by ${what} is ${mirrored ? '' : 'not '}answered with that name`, async (t) => {
    const { base } = await startStage(t);
    const host = spelled.replace('PORT', new URL(base).port);
    const expected = mirrored ? `http://${host}` : base;

    const resource = await send(base + wellKnown, { headers: { host } });
    const server = await send(`${base}/.well-known/oauth-authorization-server`, {
      headers: { host },
    });
    const challenged = await send(`${base}/mcp`, { method: 'POST', headers: { host } });

    assert.deepEqual(resource.json(), resourceMetadata(expected, `${expected}/mcp`));
    assert.equal(server.json().issuer, expected);
    assert.equal(server.json().token_endpoint, `${expected}/token`);
    assert.equal(
      challenged.headers['www-authenticate'],
      `Bearer resource_metadata="${expected}${wellKnown}/mcp"`,
    );
  });
}

test('a flow begun by 127.0.0.1 ends there, while sign-in and upstream callback keep their one name', async (t) => {
  const { base, local, mcp } = await startStage(t);
  const client = await register(local);
  const browser = new Browser(redirectUri);
  const url = authorizationUrl(local, client, { resource: `${local}/mcp` });

  const page = await browser.visit(url);
  const { callback } = await answerScreenOne(browser, page);
  const code = callback?.get('code') ?? '';
  const form = { ...exchangeForm(code, client), resource: `${local}/mcp` };
  const tokens = tokensOf(await postToken(local, form));

  assert.notEqual(local, base);
  assert.ok(page.url.startsWith(`${base}/login`));
  assert.ok(browser.visited.some((each) => each.startsWith(`${base}/upstream/callback`)));
  assert.equal(callback?.get('iss'), local);
  for (const name of [local, base]) {
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    assert.equal((await send(`${name}/mcp`, { method: 'POST', headers })).status, 400);
  }
  assert.equal(mcp.calls.length, 2);
});

test('a public URL is the one name, whatever the Host header says', async (t) => {
  const publicUrl = 'https://gateway.example';
  const { local } = await startStage(t, { publicUrl, password: 'a password of our own' });

  for (const host of ['localhost', 'gateway.example', 'evil.example']) {
    const headers = { host };
    const resource = await send(local + wellKnown, { headers });
    const challenged = await send(`${local}/mcp/`, { headers });

    assert.deepEqual(resource.json(), resourceMetadata(publicUrl, `${publicUrl}/mcp`));
    assert.equal(
      challenged.headers['www-authenticate'],
      `Bearer resource_metadata="${publicUrl}${wellKnown}/mcp/"`,
    );
  }
});

const unknownPaths = [
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server/mcp',
  '/.well-known/oauth-protected-resource/other',
  '/.well-known/',
  '/mcp/more',
  '/favicon.ico',
  '//',
];
test('an unknown path is a plain 404, below /.well-known too', async (t) => {
  const { base } = await startStage(t);

  for (const path of unknownPaths) {
    const answer = await send(base + path, { headers: { accept: 'text/html' } });

    assert.equal(answer.status, 404, path);
    assert.equal(answer.headers['www-authenticate'], undefined, path);
    assert.equal(answer.headers['content-type'], 'application/json', path);
    assert.equal(answer.json().error, 'not_found', path);
  }
});

const methods: readonly (readonly ['GET' | 'POST' | 'PUT' | 'DELETE', string, string])[] = [
  ['GET', '/token', 'POST, OPTIONS'],
  ['DELETE', '/token', 'POST, OPTIONS'],
  ['GET', '/register', 'POST, OPTIONS'],
  ['POST', wellKnown, 'GET, HEAD, OPTIONS'],
  ['POST', '/login', 'GET, HEAD, OPTIONS'],
  ['GET', '/login/callback', 'POST, OPTIONS'],
  ['POST', '/upstream/callback', 'GET, HEAD, OPTIONS'],
  ['PUT', '/authorize', 'GET, POST, HEAD, OPTIONS'],
  ['PUT', '/mcp', 'GET, POST, DELETE, HEAD, OPTIONS'],
  ['POST', '/', 'GET, HEAD, OPTIONS'],
];
test('a method that a path does not have is 405, with those it has', async (t) => {
  const { base } = await startStage(t);

  for (const [method, path, allow] of methods) {
    const answer = await send(base + path, { method });

    assert.equal(answer.status, 405, path);
    assert.equal(answer.headers.allow, allow, path);
    assert.equal(answer.json().error, 'method_not_allowed');
  }
});

test('HEAD has the headers of GET and no body', async (t) => {
  const { base } = await startStage(t);

  for (const path of ['/', wellKnown, '/.well-known/oauth-authorization-server', '/nowhere']) {
    const got = await send(base + path);
    const head = await send(base + path, { method: 'HEAD' });

    assert.equal(head.status, got.status, path);
    assert.equal(head.text, '');
    for (const name of ['content-type', 'content-length', 'cache-control', 'vary']) {
      assert.equal(head.headers[name], got.headers[name], name);
    }
  }
});

const granted = ['authorization_code', 'refresh_token'];
const registrations: readonly (readonly [
  string,
  Readonly<Record<string, unknown>>,
  Readonly<Record<string, unknown>>,
])[] = [
  ['the least', {}, { token_endpoint_auth_method: 'client_secret_basic' }],
  [
    'a public client',
    { token_endpoint_auth_method: 'none' },
    { token_endpoint_auth_method: 'none' },
  ],
  [
    'a secret in the form',
    { token_endpoint_auth_method: 'client_secret_post' },
    { token_endpoint_auth_method: 'client_secret_post' },
  ],
  [
    'everything null or empty',
    {
      client_name: null,
      client_uri: '',
      logo_uri: null,
      scope: '',
      contacts: [],
      grant_types: null,
      response_types: [],
      token_endpoint_auth_method: null,
    },
    { token_endpoint_auth_method: 'client_secret_basic' },
  ],
  [
    'what clients send besides',
    {
      client_name: ' Wörk ✓ ',
      client_uri: 'https://editor.example',
      software_id: 'x',
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token', 'urn:x'],
      response_types: ['code', 'token'],
      jwks: { keys: [] },
      id_token_signed_response_alg: 'RS256',
    },
    { client_name: 'Wörk ✓', token_endpoint_auth_method: 'client_secret_basic' },
  ],
];
for (const [what, metadata, expected] of registrations) {
  test(`a registration of ${what} is answered as granted, with real values only`, async (t) => {
    const { base } = await startStage(t);
    const uris = [
      redirectUri,
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://a.example/b',
    ];

    const answer = await send(`${base}/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: uris, ...metadata }),
    });

    const registered = answer.json();
    const { client_id, client_secret, client_id_issued_at, client_secret_expires_at, ...rest } =
      registered;
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual(rest, {
      redirect_uris: uris,
      grant_types: granted,
      response_types: ['code'],
      ...expected,
    });
    assert.match(String(client_id), /^[A-Za-z0-9_-]{22}$/);
    assert.equal(typeof client_id_issued_at, 'number');
    const isPublic = expected.token_endpoint_auth_method === 'none';
    assert.deepEqual(
      [client_secret_expires_at, /^[A-Za-z0-9_-]{43}$/.test(String(client_secret))],
      isPublic ? [undefined, false] : [0, true],
    );
    assert.ok(hasOnlyRealValues(registered));
  });
}

const refusedRegistrations: readonly (readonly [string, string, string])[] = [
  ['no JSON', '{', 'invalid_client_metadata'],
  ['an array', '[]', 'invalid_client_metadata'],
  ['null', 'null', 'invalid_client_metadata'],
  ['no redirect URIs', '{}', 'invalid_client_metadata'],
  ['an empty list', '{"redirect_uris":[]}', 'invalid_redirect_uri'],
  ['a script', '{"redirect_uris":["javascript:alert(1)"]}', 'invalid_redirect_uri'],
  ['plain http elsewhere', '{"redirect_uris":["http://a.example/b"]}', 'invalid_redirect_uri'],
  [
    'an unknown method',
    `{"redirect_uris":["${redirectUri}"],"token_endpoint_auth_method":"private_key_jwt"}`,
    'invalid_client_metadata',
  ],
  [
    'other grants alone',
    `{"redirect_uris":["${redirectUri}"],"grant_types":["client_credentials"]}`,
    'invalid_client_metadata',
  ],
];
for (const [what, body, error] of refusedRegistrations) {
  test(`a registration of ${what} is refused as ${error}`, async (t) => {
    const { base } = await startStage(t);

    const headers = { 'content-type': 'application/json' };
    const answer = await send(`${base}/register`, { method: 'POST', headers, body });

    assert.equal(answer.status, 400);
    assert.equal(answer.json().error, error);
    assert.ok(hasOnlyRealValues(answer.json()));
  });
}

function basic(id: string, secret: string): Readonly<Record<string, string>> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}

test('a client proves itself in the header, as it is or form-encoded, or in the form', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base, { token_endpoint_auth_method: 'client_secret_basic' });
  const { client_id: id, client_secret: secret = '' } = client;
  const formOf = async () => {
    const code = (await authorize(base, client)).get('code') ?? '';
    const { client_id: _, ...form } = exchangeForm(code, client);
    return form;
  };
  // Encoded more than it needs to be, as some clients do: base64url has nothing that must be.
  const encoded = (text: string) =>
    [...text].map((each) => `%${each.charCodeAt(0).toString(16)}`).join('');

  const asItIs = await postToken(base, await formOf(), basic(id, secret));
  const formEncoded = await postToken(base, await formOf(), basic(encoded(id), encoded(secret)));
  const twice = await postToken(base, { ...(await formOf()), client_id: id }, basic(id, secret));
  const inForm = await postToken(base, {
    ...(await formOf()),
    client_id: id,
    client_secret: secret,
  });

  for (const answer of [asItIs, formEncoded, twice, inForm]) tokensOf(answer);
});

test('a client that does not prove itself is refused, with a challenge if it used the header', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base, { token_endpoint_auth_method: 'client_secret_post' });
  const other = await register(base);
  const { client_id: id, client_secret: secret = '' } = client;
  const code = (await authorize(base, client)).get('code') ?? '';
  const { client_id: _, ...form } = exchangeForm(code, client);
  const body = { ...form, client_secret: secret };

  const refused: readonly (readonly [string, Answer])[] = [
    ['nobody', await postToken(base, form)],
    ['no secret', await postToken(base, { ...form, client_id: id })],
    ['a wrong secret', await postToken(base, { ...form, client_id: id, client_secret: 'x' })],
    ['an unknown client', await postToken(base, { ...form, client_id: 'nobody' })],
    ['another client’s secret', await postToken(base, { ...body, client_id: other.client_id })],
  ];
  const inHeader: readonly (readonly [string, Answer])[] = [
    ['a wrong secret', await postToken(base, form, basic(id, 'x'))],
    ['an unknown client', await postToken(base, form, basic('nobody', secret))],
    ['no colon', await postToken(base, form, { authorization: 'Basic eHg=' })],
    ['another scheme', await postToken(base, form, { authorization: 'Bearer x' })],
    ['two ids', await postToken(base, { ...form, client_id: 'other' }, basic(id, secret))],
  ];
  const both = await postToken(base, { ...body, client_id: id }, basic(id, secret));

  for (const [what, answer] of [...refused, ...inHeader]) {
    assert.equal(answer.status, 401, what);
    assert.equal(answer.json().error, 'invalid_client', what);
  }
  for (const [what, answer] of refused) {
    assert.equal(answer.headers['www-authenticate'], undefined, what);
  }
  for (const [what, answer] of inHeader) {
    assert.match(answer.headers['www-authenticate'] ?? '', /^Basic realm=/, what);
  }
  assert.equal(both.status, 400);
  assert.equal(both.json().error, 'invalid_request');
  // None of it has cost the code.
  tokensOf(await postToken(base, { ...body, client_id: id }));
});

test('a token request that is malformed is refused as JSON that nobody keeps', async (t) => {
  const { base } = await startStage(t);
  const { client, tokens } = await logIn(base);
  const id = { client_id: client.client_id };
  const json = { 'content-type': 'application/json' };
  const refresh = refreshForm(tokens.refresh_token, client);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const repeated = `${new URLSearchParams(refresh)}&grant_type=refresh_token`;

  const refused: readonly (readonly [string, string, Answer])[] = [
    ['no grant type', 'invalid_request', await postToken(base, id)],
    [
      'another grant',
      'unsupported_grant_type',
      await postToken(base, { ...id, grant_type: 'password' }),
    ],
    [
      'no code',
      'invalid_request',
      await postToken(base, { ...id, grant_type: 'authorization_code' }),
    ],
    [
      'no verifier',
      'invalid_request',
      await postToken(base, { ...id, grant_type: 'authorization_code', code: 'x' }),
    ],
    ['no token', 'invalid_request', await postToken(base, { ...id, grant_type: 'refresh_token' })],
    ['a made-up token', 'invalid_grant', await postToken(base, refreshForm('made-up', client))],
    [
      'another resource',
      'invalid_target',
      await postToken(base, { ...refresh, resource: 'https://elsewhere.example/' }),
    ],
    [
      'JSON',
      'invalid_request',
      await send(`${base}/token`, { method: 'POST', headers: json, body: '{}' }),
    ],
    [
      'a repeated parameter',
      'invalid_request',
      await send(`${base}/token`, { method: 'POST', headers: form, body: repeated }),
    ],
  ];

  for (const [what, error, answer] of refused) {
    assert.equal(answer.status, 400, what);
    assert.equal(answer.json().error, error, what);
    assert.equal(answer.headers['cache-control'], 'no-store', what);
    assert.equal(answer.headers['content-type'], 'application/json', what);
    assert.ok(hasOnlyRealValues(answer.json()), what);
  }
  tokensOf(await postToken(base, refresh));
});

test('a body that is too long is refused before it is read whole', async (t) => {
  const { base } = await startStage(t);

  for (const path of ['/register', '/token', '/login/callback', '/authorize']) {
    const type = path === '/register' ? 'application/json' : 'application/x-www-form-urlencoded';
    const answer = await send(base + path, {
      method: 'POST',
      headers: { 'content-type': type },
      body: `x=${'y'.repeat(200_000)}`,
    });

    assert.equal(answer.status, 413, path);
    assert.equal(answer.headers.connection, 'close', path);
  }
});

test('a token answer holds both pairs, and no more than it should', async (t) => {
  const { base, as } = await startStage(t);
  const client = await register(base);
  const code = (await authorize(base, client)).get('code') ?? '';

  const answer = await postToken(base, exchangeForm(code, client));

  const tokens = tokensOf(answer);
  const [gateway, upstream] = halvesOf(tokens.access_token);
  const [refreshGateway, refreshUpstream] = halvesOf(tokens.refresh_token);
  assert.deepEqual(Object.keys(answer.json()).sort(), [
    'access_token',
    'expires_in',
    'refresh_token',
    'scope',
    'token_type',
  ]);
  assert.ok(hasOnlyRealValues(answer.json()));
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.match(gateway, /^[\w-]{22}\.[\w-]{43}$/);
  assert.match(refreshGateway, /^[\w-]{22}\.[\w-]{43}$/);
  assert.ok(as.access(upstream));
  assert.match(refreshUpstream, /^upstream-refresh-/);
});

const lifetimes: readonly (readonly [string, number, number, number])[] = [
  ['the gateway’s where that is shorter', 600, 3600, 600],
  ['the upstream’s where that is shorter', 3600, 600, 600],
];
for (const [what, accessTokenTtl, accessTtl, expected] of lifetimes) {
  test(`expires_in is what is left of the shorter life: ${what}`, async (t) => {
    const { base, clock } = await startStage(t, { accessTokenTtl }, { accessTtl });
    const client = await register(base);
    const code = (await authorize(base, client)).get('code') ?? '';
    clock.advance(20);

    const first = tokensOf(await postToken(base, exchangeForm(code, client)));
    const second = tokensOf(await postToken(base, refreshForm(first.refresh_token, client)));

    const elapsed = accessTtl < accessTokenTtl ? 20 : 0;
    // The wall clock may tick between two steps.
    assert.ok(first.expires_in <= expected - elapsed && first.expires_in > expected - elapsed - 5);
    assert.ok(second.expires_in <= expected && second.expires_in > expected - 5);
  });
}

const spellings = [
  ['absent', 'form', 3600],
  ['string', 'json', 900],
  ['number', 'form', 900],
] as const;
for (const [expiresIn, format, expected] of spellings) {
  test(`an upstream that answers in ${format} with an ${expiresIn} expires_in is understood`, async (t) => {
    const { base, mcp } = await startStage(t, {}, { accessTtl: 900, expiresIn, format });

    const { tokens } = await logIn(base);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const answer = await send(`${base}/mcp`, { method: 'POST', headers, body: '{' });

    assert.ok(tokens.expires_in <= expected && tokens.expires_in > expected - 5);
    assert.equal(answer.status, 400); // the MCP server's own parse error
    assert.equal(mcp.calls.length, 1);
  });
}

test('halves of two grants do not go together, and trying costs nobody anything', async (t) => {
  const { base, mcp, as } = await startStage(t);
  const one = await logIn(base);
  const two = await logIn(base);
  const [gatewayOne, upstreamOne] = halvesOf(one.tokens.access_token);
  const [gatewayTwo, upstreamTwo] = halvesOf(two.tokens.access_token);
  const [refreshOne] = halvesOf(one.tokens.refresh_token);
  const [, upstreamRefreshTwo] = halvesOf(two.tokens.refresh_token);
  const status = async (bearer: string) =>
    (await send(`${base}/mcp`, { method: 'POST', headers: { authorization: `Bearer ${bearer}` } }))
      .status;

  const mixed = [
    pairOf(gatewayOne, upstreamTwo),
    pairOf(gatewayTwo, upstreamOne),
    pairOf(gatewayOne, 'made-up'),
    pairOf('made-up', upstreamOne),
    pairOf(refreshOne, upstreamOne),
    upstreamOne,
    `${one.tokens.access_token}=`,
    one.tokens.refresh_token,
  ];
  for (const bearer of mixed) assert.equal(await status(bearer), 401, bearer);
  const refresh = await postToken(
    base,
    refreshForm(pairOf(refreshOne, upstreamRefreshTwo), one.client),
  );

  assert.equal(refresh.json().error, 'invalid_grant');
  assert.equal(mcp.calls.length, 0);
  assert.equal(as.tokenRequests.refresh_token, undefined);
  for (const { client, tokens } of [one, two]) {
    assert.equal(await status(tokens.access_token), 400);
    tokensOf(await postToken(base, refreshForm(tokens.refresh_token, client)));
  }
});

test('a refresh uses the upstream’s refresh token and gives a new pair; the old one still serves', async (t) => {
  const { base, as, mcp } = await startStage(t);
  const { client, tokens } = await logIn(base);

  const next = tokensOf(await postToken(base, refreshForm(tokens.refresh_token, client)));

  assert.equal(as.tokenRequests.refresh_token, 1);
  const [, oldUpstream] = halvesOf(tokens.access_token);
  const [, newUpstream] = halvesOf(next.access_token);
  assert.notEqual(oldUpstream, newUpstream);
  assert.notEqual(halvesOf(next.refresh_token)[1], halvesOf(tokens.refresh_token)[1]);
  for (const bearer of [next.access_token, tokens.access_token]) {
    const headers = { authorization: `Bearer ${bearer}` };
    assert.equal((await send(`${base}/mcp`, { method: 'POST', headers })).status, 400);
  }
  assert.deepEqual(
    mcp.calls.map((call) => call.token),
    [newUpstream, newUpstream],
  );
});

test('an upstream that gives no new refresh token keeps the old one', async (t) => {
  const { base, as } = await startStage(t, {}, { refreshTokens: 'kept' });
  const { client, tokens } = await logIn(base);

  const second = tokensOf(await postToken(base, refreshForm(tokens.refresh_token, client)));
  const third = tokensOf(await postToken(base, refreshForm(second.refresh_token, client)));

  assert.equal(as.tokenRequests.refresh_token, 2);
  assert.equal(halvesOf(third.refresh_token)[1], halvesOf(tokens.refresh_token)[1]);
});

test('a used refresh token is answered with the newest pair, and later it is a replay that ends the grant', async (t) => {
  const { base, as, clock } = await startStage(t, { accessTokenTtl: 600, refreshGrace: 300 });
  const { client, tokens } = await logIn(base);
  const refresh = (token: string) => postToken(base, refreshForm(token, client));

  const second = tokensOf(await refresh(tokens.refresh_token));
  const lostAnswer = tokensOf(await refresh(tokens.refresh_token));
  assert.equal(lostAnswer.access_token, second.access_token);
  assert.equal(lostAnswer.refresh_token, second.refresh_token);
  assert.equal(as.tokenRequests.refresh_token, 1);
  const third = tokensOf(await refresh(second.refresh_token));
  clock.advance(600 + 300);
  const replay = await refresh(tokens.refresh_token);
  const after = await refresh(third.refresh_token);

  assert.equal(replay.json().error, 'invalid_grant');
  assert.equal(after.json().error, 'invalid_grant');
});

test('with --refresh-grace=0 the old pair is dead at once, and using it ends the grant', async (t) => {
  const { base } = await startStage(t, { refreshGrace: 0 });
  const { client, tokens } = await logIn(base);
  const call = async (bearer: string) =>
    (await send(`${base}/mcp`, { method: 'POST', headers: { authorization: `Bearer ${bearer}` } }))
      .status;

  const next = tokensOf(await postToken(base, refreshForm(tokens.refresh_token, client)));

  assert.equal(await call(tokens.access_token), 401);
  assert.equal(await call(next.access_token), 400);
  const replay = await postToken(base, refreshForm(tokens.refresh_token, client));
  assert.equal(replay.json().error, 'invalid_grant');
  assert.equal(await call(next.access_token), 401);
});

const outages: readonly (readonly [string, HttpFault])[] = [
  ['is not reached', { type: 'cut' }],
  ['breaks off', { type: 'broken' }],
  ['is in trouble', { type: 'status', status: 500 }],
  ['is overloaded', { type: 'status', status: 429, retryAfter: 17 }],
  ['answers with a page', { type: 'html' }],
];
for (const [what, fault] of outages) {
  test(`a refresh while the upstream ${what} is 503 and consumes nothing`, async (t) => {
    const { base, as } = await startStage(t);
    const { client, tokens } = await logIn(base);
    const form = refreshForm(tokens.refresh_token, client);
    as.misbehave(fault, '/token');

    const failed = [await postToken(base, form), await postToken(base, form)];
    as.behave();
    const next = tokensOf(await postToken(base, form));

    for (const answer of failed) {
      assert.equal(answer.status, 503);
      assert.equal(answer.json().error, 'temporarily_unavailable');
      const expected = fault.type === 'status' && fault.retryAfter ? '17' : '5';
      assert.equal(answer.headers['retry-after'], expected);
    }
    assert.notEqual(next.access_token, tokens.access_token);
  });
}

test('the upstream’s invalid_grant is ours, and ends the grant', async (t) => {
  const { base, as, events } = await startStage(t);
  const { client, tokens } = await logIn(base);
  as.revokeEverything();

  const refused = await postToken(base, refreshForm(tokens.refresh_token, client));
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const called = await send(`${base}/mcp`, { method: 'POST', headers });
  const again = await postToken(base, refreshForm(tokens.refresh_token, client));

  assert.equal(refused.status, 400);
  assert.equal(refused.json().error, 'invalid_grant');
  assert.equal(called.status, 401);
  assert.equal(again.json().error, 'invalid_grant');
  assert.equal(as.tokenRequests.refresh_token, 1);
  assert.equal(events.of('grant_ended').length, 1);
});

test('the page for a person at / says what to paste, under the name that was typed', async (t) => {
  const { base, local } = await startStage(t);

  for (const name of [base, local]) {
    const page = await send(name, { headers: { accept: 'text/html' } });

    assert.equal(page.status, 200);
    assert.match(page.headers['content-type'] ?? '', /^text\/html/);
    assert.ok(page.text.includes(`${name}/mcp`));
  }
});

test('a registration that a page could send without asking is refused', async (t) => {
  const { base } = await startStage(t);

  const answer = await send(`${base}/register`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain' },
    body: JSON.stringify({ redirect_uris: [redirectUri] }),
  });

  assert.equal(answer.status, 400);
  assert.equal(answer.json().error, 'invalid_client_metadata');
});
