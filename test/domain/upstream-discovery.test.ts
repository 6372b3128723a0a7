import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isAbout,
  legacyServer,
  type ResourceDocument,
  readProbe,
  resourceMetadataUrls,
  type ServerContext,
  type ServerDocument,
  serverMetadataUrls,
  serverOf,
  silenceOf,
} from '../../src/domain/upstream-discovery.ts';
import { presetFor } from '../../src/domain/upstream-presets.ts';

const resourceUrls: readonly (readonly [string, readonly string[]])[] = [
  ['https://a.example', ['https://a.example/.well-known/oauth-protected-resource']],
  ['https://a.example/', ['https://a.example/.well-known/oauth-protected-resource']],
  [
    'https://a.example:8443/x/mcp',
    [
      'https://a.example:8443/.well-known/oauth-protected-resource/x/mcp',
      'https://a.example:8443/.well-known/oauth-protected-resource',
    ],
  ],
  [
    'https://a.example/mcp/',
    [
      'https://a.example/.well-known/oauth-protected-resource/mcp',
      'https://a.example/.well-known/oauth-protected-resource',
    ],
  ],
  [
    'https://a.example/mcp?tenant=1',
    [
      'https://a.example/.well-known/oauth-protected-resource/mcp?tenant=1',
      'https://a.example/.well-known/oauth-protected-resource',
    ],
  ],
];
for (const [resource, urls] of resourceUrls) {
  test(`the metadata of ${resource} is sought with its path inserted, then at the root`, () => {
    assert.deepEqual(resourceMetadataUrls(resource), urls);
  });
}

const serverUrls: readonly (readonly [string, readonly string[]])[] = [
  [
    'https://as.example',
    [
      'https://as.example/.well-known/oauth-authorization-server',
      'https://as.example/.well-known/openid-configuration',
    ],
  ],
  [
    'https://as.example/',
    [
      'https://as.example/.well-known/oauth-authorization-server',
      'https://as.example/.well-known/openid-configuration',
    ],
  ],
  [
    'https://as.example/tenant/',
    [
      'https://as.example/.well-known/oauth-authorization-server/tenant',
      'https://as.example/.well-known/openid-configuration/tenant',
      'https://as.example/tenant/.well-known/openid-configuration',
    ],
  ],
];
for (const [issuer, urls] of serverUrls) {
  test(`the metadata of ${issuer} is sought in the order of the MCP specification`, () => {
    assert.deepEqual(serverMetadataUrls(issuer), urls);
  });
}

const resource: ResourceDocument = {
  resource: 'https://a.example/mcp',
  authorizationServers: ['https://as.example'],
  scopesSupported: ['repo'],
  documentation: 'https://a.example/docs',
  policy: undefined,
  termsOfService: undefined,
};

const subjects: readonly (readonly [string, string, boolean])[] = [
  ['https://a.example/mcp', 'https://a.example/mcp', true],
  ['https://a.example/mcp', 'https://a.example/mcp/', true],
  ['https://a.example/mcp/', 'https://a.example/mcp', true],
  ['https://a.example', 'https://a.example/', true],
  ['https://A.example/mcp', 'https://a.example/mcp', true],
  ['https://a.example/mcp//', 'https://a.example/mcp', false],
  ['https://a.example', 'https://a.example/mcp', true],
  ['https://a.example/', 'https://a.example/mcp', true],
  ['https://a.example/x', 'https://a.example/x/mcp', true],
  ['https://a.example/x/', 'https://a.example/x/mcp?tenant=1', true],
  ['https://a.example/x?tenant=1', 'https://a.example/x/mcp?tenant=1', false],
  ['https://a.example/mc', 'https://a.example/mcp', false],
  ['https://a.example/mcp/x', 'https://a.example/mcp', false],
  ['https://a.example/mcp#x', 'https://a.example/mcp', false],
  ['https://evil.example/mcp', 'https://a.example/mcp', false],
  ['https://a.example:444/mcp', 'https://a.example/mcp', false],
  ['http://a.example/mcp', 'https://a.example/mcp', false],
  ['https://a.example/mcp?tenant=1', 'https://a.example/mcp?tenant=2', false],
  ['https://a.example/mcp?tenant=1', 'https://a.example/mcp', false],
  ['not a URL', 'https://a.example/mcp', false],
  ['', 'https://a.example/mcp', false],
];
for (const [named, asked, about] of subjects) {
  test(`metadata of "${named}" ${about ? 'is' : 'is not'} about ${asked}`, () => {
    assert.equal(isAbout({ ...resource, resource: named }, asked), about);
  });
}

const document: ServerDocument = {
  issuer: 'https://as.example/',
  authorizationEndpoint: 'https://as.example/authorize',
  tokenEndpoint: 'https://as.example/token',
  registrationEndpoint: undefined,
  revocationEndpoint: undefined,
  authMethods: ['none'],
  challengeMethods: ['plain', 'S256'],
  scopesSupported: ['openid'],
  issuerInResponse: true,
  acceptsDocuments: true,
};
const context: ServerContext = {
  issuer: 'https://as.example',
  rule: { loopback: false, plainHttp: false },
  preset: undefined,
};

test('a server is taken as its document describes it', () => {
  assert.deepEqual(serverOf(document, context), {
    ok: true,
    value: {
      issuer: 'https://as.example/',
      authorizationEndpoint: 'https://as.example/authorize',
      tokenEndpoint: 'https://as.example/token',
      registrationEndpoint: undefined,
      revocationEndpoint: undefined,
      authMethods: ['none'],
      scopesSupported: ['openid'],
      issuerInResponse: true,
      acceptsDocuments: true,
    },
  });
});

const unfit: readonly (readonly [string, Partial<ServerDocument>, RegExp])[] = [
  ['speaks for another issuer', { issuer: 'https://evil.example' }, /names another issuer/],
  ['speaks for another tenant', { issuer: 'https://as.example/tenant' }, /names another issuer/],
  ['speaks for the same host by http', { issuer: 'http://as.example' }, /names another issuer/],
  ['speaks for nobody', { issuer: '' }, /names another issuer/],
  ['offers only plain', { challengeMethods: ['plain'] }, /does not offer PKCE with S256/],
  ['offers no challenge method', { challengeMethods: [] }, /does not offer PKCE with S256/],
  ['is silent about PKCE', { challengeMethods: undefined }, /does not offer PKCE with S256/],
  [
    'has a token endpoint on plain http',
    { tokenEndpoint: 'http://as.example/token' },
    /token endpoint http:\/\/as\.example\/token is plain http/,
  ],
  [
    'has a token endpoint on this machine',
    { tokenEndpoint: 'http://127.0.0.1:6379/' },
    /is plain http/,
  ],
  [
    'has an authorization endpoint that is a script',
    { authorizationEndpoint: 'javascript:alert(1)' },
    /authorization endpoint javascript:alert\(1\) is not an http\(s\) URL/,
  ],
  [
    'has a registration endpoint with a password',
    { registrationEndpoint: 'https://a:b@as.example/' },
    /holds a user name or password/,
  ],
];
for (const [what, changes, reason] of unfit) {
  test(`a server is not used where its document ${what}`, () => {
    const outcome = serverOf({ ...document, ...changes }, context);

    assert.ok(!outcome.ok, 'accepted');
    assert.match(outcome.failure, reason);
  });
}

test('a server that is known to have PKCE need not say so, but must not say otherwise', () => {
  const preset = presetFor(['https://login.microsoftonline.com/tenant/v2.0']);
  const silent = { ...document, challengeMethods: undefined };

  assert.equal(serverOf(silent, { ...context, preset }).ok, true);
  assert.equal(
    serverOf({ ...silent, challengeMethods: ['plain'] }, { ...context, preset }).ok,
    false,
  );
});

test('an issuer that is known to be the same server by another name is taken for it', () => {
  const asked = { ...context, issuer: 'https://mcp.slack.com' };
  const preset = presetFor([asked.issuer]);
  const slack = { ...document, issuer: 'https://slack.com' };

  assert.equal(serverOf(slack, { ...asked, preset }).ok, true);
  assert.equal(
    serverOf({ ...slack, issuer: 'https://evil.slack.com' }, { ...asked, preset }).ok,
    false,
  );
  assert.equal(serverOf(slack, asked).ok, false);
});

test('a server of 2025 has its endpoints at the origin of the MCP server', () => {
  const server = legacyServer('https://a.example:8443/x/mcp?y');

  assert.equal(server.issuer, undefined);
  assert.equal(server.authorizationEndpoint, 'https://a.example:8443/authorize');
  assert.equal(server.tokenEndpoint, 'https://a.example:8443/token');
  assert.equal(server.registrationEndpoint, 'https://a.example:8443/register');
});

const mcp = 'https://a.example/mcp';
const probes: readonly (readonly [string, string | undefined, number, string | undefined])[] = [
  ['of its own origin', 'https://a.example/prm', 401, 'https://a.example/prm'],
  ['of another origin', 'https://b.example/prm', 401, 'https://b.example/prm'],
  ['with a 403', 'https://a.example/prm', 403, 'https://a.example/prm'],
  ['on plain http elsewhere', 'http://b.example/prm', 401, undefined],
  ['on this machine', 'http://localhost:1/prm', 401, undefined],
  ['that is no URL', '/prm', 401, undefined],
  ['with an answer that is no refusal', 'https://a.example/prm', 200, undefined],
  ['that is missing', undefined, 401, undefined],
];
for (const [what, url, status, used] of probes) {
  test(`metadata ${what} ${used === undefined ? 'is not' : 'is'} asked for on the word of a challenge`, () => {
    const challenge = url === undefined ? 'Bearer' : `Bearer resource_metadata="${url}"`;

    assert.equal(readProbe({ status, challenge }, mcp, context.rule).metadataUrl, used);
  });
}

test('the scopes of a challenge are read, and only where there are some', () => {
  const scopesIn = (challenge: string | undefined) =>
    readProbe({ status: 401, challenge }, mcp, context.rule).scopes;

  assert.deepEqual(scopesIn('Bearer scope="a b"'), ['a', 'b']);
  assert.equal(scopesIn('Bearer scope=""'), undefined);
  assert.equal(scopesIn(undefined), undefined);
});

test('an operator is told what to do about an MCP server that says nothing', () => {
  const told = (status: number) =>
    silenceOf({ status, metadataUrl: undefined, scopes: undefined }, mcp);

  assert.match(told(200), /--upstream-auth=none/);
  assert.match(told(404), /no MCP server/);
  assert.match(told(302), /set --upstream-as, or both endpoints/);
});
