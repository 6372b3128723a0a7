import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  resourceAnswer,
  resourceDocument,
  serverDocument,
} from '../../src/adapters/upstream/metadata-documents.ts';

test('a list of scopes without measure is as good as none, in either document', () => {
  const url = 'https://as.example';
  const scopes = Array.from({ length: 60_000 }, (_, n) => `scope${n}`);
  const few = scopes.slice(0, 400);
  const resource = (listed: readonly string[]) =>
    resourceDocument.parse({ resource: url, scopes_supported: listed }).scopesSupported;
  const server = (listed: readonly string[]) =>
    serverDocument.parse({
      issuer: url,
      authorization_endpoint: url,
      token_endpoint: url,
      scopes_supported: listed,
    }).scopesSupported;

  assert.deepEqual([resource(few), server(few)], [few, few]);
  assert.deepEqual([resource(scopes), server(scopes)], [undefined, undefined]);
});

test('metadata of a resource that names null for servers names none', () => {
  const resource = 'https://mcp.example';

  const document = resourceDocument.parse({ resource, authorization_servers: null });

  assert.deepEqual(document.authorizationServers, []);
});

test('what names a resource and cannot be read is broken metadata, and anything else is none', () => {
  const resource = 'https://mcp.example';
  const rows = [
    [{ resource, authorization_servers: 'https://as.example' }, 'broken'],
    [{ resource: [resource] }, 'broken'],
    [{ status: 'ok' }, undefined],
    [[], undefined],
    ['resource', undefined],
    [null, undefined],
  ] as const;

  for (const [json, expected] of rows) {
    assert.equal(resourceAnswer.safeParse(json).data, expected, JSON.stringify(json));
  }
});
