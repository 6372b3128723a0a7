import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isAbout,
  type ResourceDocument,
  resourceMetadataUrls,
  type ServerDocument,
  serverMetadataUrls,
  serverOf,
} from '../../src/domain/upstream-discovery.ts';

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
};

const subjects: readonly (readonly [string, string, boolean])[] = [
  ['https://a.example/mcp', 'https://a.example/mcp', true],
  ['https://a.example/mcp', 'https://a.example/mcp/', true],
  ['https://a.example/mcp/', 'https://a.example/mcp', true],
  ['https://a.example', 'https://a.example/', true],
  ['https://A.example/mcp', 'https://a.example/mcp', true],
  ['https://a.example/mcp//', 'https://a.example/mcp', false],
  ['https://a.example/', 'https://a.example/mcp', false],
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
};

test('a server is taken as its document describes it, with what its resource says', () => {
  assert.deepEqual(serverOf(document, 'https://as.example', resource), {
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
      resource: 'https://a.example/mcp',
      resourceScopes: ['repo'],
    },
  });
});

test('a server without metadata of its resource is not told of a resource', () => {
  const outcome = serverOf(document, 'https://as.example', undefined);

  assert.ok(outcome.ok, 'refused');
  assert.equal(outcome.value.resource, undefined);
  assert.equal(outcome.value.resourceScopes, undefined);
});

test('a server that does not say which challenge methods it has is taken: many do not', () => {
  assert.equal(
    serverOf({ ...document, challengeMethods: undefined }, document.issuer, resource).ok,
    true,
  );
});

const unfit: readonly (readonly [string, Partial<ServerDocument>, RegExp])[] = [
  ['speaks for another issuer', { issuer: 'https://evil.example' }, /names another issuer/],
  ['speaks for another tenant', { issuer: 'https://as.example/tenant' }, /names another issuer/],
  ['speaks for the same host by http', { issuer: 'http://as.example' }, /names another issuer/],
  ['speaks for nobody', { issuer: '' }, /names another issuer/],
  ['offers only plain', { challengeMethods: ['plain'] }, /does not offer PKCE with S256/],
  ['offers no challenge method', { challengeMethods: [] }, /does not offer PKCE with S256/],
];
for (const [what, changes, reason] of unfit) {
  test(`a server is not used where its document ${what}`, () => {
    const outcome = serverOf({ ...document, ...changes }, 'https://as.example', resource);

    assert.ok(!outcome.ok, 'accepted');
    assert.match(outcome.failure, reason);
  });
}
