import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertionAlgorithms } from '../../src/domain/client-keys.ts';
import { tokenEndpointAuthMethods } from '../../src/domain/client-registration.ts';
import {
  authorizationServerMetadata,
  clientDocument,
  clientDocumentUrl,
  isReadableOutside,
  protectedResourceMetadata,
  protectedResourceMetadataUrl,
} from '../../src/domain/metadata.ts';

const base = 'http://localhost:8002';
const everything = { introspection: true, registration: true, clientDocuments: true };
const nothing = { introspection: false, registration: false, clientDocuments: false };

test('the resource metadata names the MCP URL and this gateway as its authorization server', () => {
  assert.deepEqual(protectedResourceMetadata(base, '/mcp', { scopes_supported: ['repo'] }), {
    resource: 'http://localhost:8002/mcp',
    authorization_servers: ['http://localhost:8002'],
    bearer_methods_supported: ['header'],
    resource_name: 'MCP OAuth Gateway',
    scopes_supported: ['repo'],
  });
});

for (const [form, resource] of [
  ['', 'http://localhost:8002/mcp'],
  ['/mcp', 'http://localhost:8002/mcp'],
  ['/mcp/', 'http://localhost:8002/mcp/'],
] as const) {
  test(`the resource asked for under "${form}" is ${resource}`, () => {
    assert.equal(protectedResourceMetadata(base, form, {}).resource, resource);
  });
}

test('the URL of the resource metadata has the path inserted behind the well-known part', () => {
  assert.equal(
    protectedResourceMetadataUrl(base, '/mcp'),
    'http://localhost:8002/.well-known/oauth-protected-resource/mcp',
  );
});

test('the server metadata offers the code flow with S256, and puts iss into its answers', () => {
  assert.deepEqual(authorizationServerMetadata(base, everything), {
    issuer: 'http://localhost:8002',
    authorization_endpoint: 'http://localhost:8002/authorize',
    token_endpoint: 'http://localhost:8002/token',
    registration_endpoint: 'http://localhost:8002/register',
    revocation_endpoint: 'http://localhost:8002/revoke',
    introspection_endpoint: 'http://localhost:8002/introspect',
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
});

test('issuer and authorization_servers are the same string', () => {
  const [server] = protectedResourceMetadata(base, '', {}).authorization_servers;

  assert.equal(authorizationServerMetadata(base, nothing).issuer, server);
});

test('what is not known or not offered is left out, not spelled as null', () => {
  assert.equal('scopes_supported' in protectedResourceMetadata(base, '', {}), false);
  const server = authorizationServerMetadata(base, nothing);
  assert.equal('introspection_endpoint' in server, false);
  assert.equal('registration_endpoint' in server, false);
  assert.equal(server.client_id_metadata_document_supported, false);
});

test('clients that take the first method that they know get what they always got', () => {
  assert.deepEqual(tokenEndpointAuthMethods, [
    'client_secret_basic',
    'client_secret_post',
    'none',
    'private_key_jwt',
  ]);
});

test('the client document is there only where an upstream can read it', () => {
  const url = 'https://gateway.example/oauth/client-metadata.json';

  assert.equal(clientDocumentUrl('https://gateway.example'), url);
  assert.equal(clientDocumentUrl('http://gateway.example'), undefined);
  assert.equal(clientDocumentUrl(undefined), undefined);
});

for (const host of [
  'localhost',
  'gateway.localhost',
  'gateway',
  'gateway.local',
  'gateway.corp.internal',
  'printer.home.arpa',
  '127.0.0.1',
  '10.1.2.3',
  '172.31.0.1',
  '192.168.1.1',
  '169.254.1.1',
  '100.64.0.1',
  '0.0.0.0',
  '[::1]',
  '[fd00::1]',
  '[fe80::1]',
]) {
  test(`no server outside can read a document at ${host}`, () => {
    assert.equal(isReadableOutside(`https://${host}/oauth/client-metadata.json`), false);
  });
}

for (const host of ['gateway.example', '8.8.8.8', '172.32.0.1', '[2001:db8::1]', '10.example']) {
  test(`any server can read a document at ${host}`, () => {
    assert.equal(isReadableOutside(`https://${host}/oauth/client-metadata.json`), true);
  });
}

test('the client document describes a public client, or one that signs', () => {
  const url = 'https://gateway.example/oauth/client-metadata.json';
  const callback = 'https://gateway.example/upstream/callback';
  const key = { kty: 'EC', kid: '1' };

  const open = clientDocument(url, 'Our gateway', callback, undefined);
  const signing = clientDocument(url, 'Our gateway', callback, key);

  assert.deepEqual(open, {
    client_id: url,
    client_name: 'Our gateway',
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    application_type: 'web',
  });
  assert.equal(signing.token_endpoint_auth_method, 'private_key_jwt');
  assert.deepEqual(signing.jwks, { keys: [key] });
});
