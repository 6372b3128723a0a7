import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseUrlFor, pathPrefix } from '../../src/domain/gateway-address.ts';
import { protectedResourceMetadataUrl } from '../../src/domain/metadata.ts';
import { requestedResource } from '../../src/domain/resource.ts';
import { isAllowedOrigin } from '../../src/domain/web-origin.ts';

const base = 'https://example.com/tools/github';

test('a base URL has the path as its prefix, and none where it has the host to itself', () => {
  assert.equal(pathPrefix(base), '/tools/github');
  assert.equal(pathPrefix('https://example.com'), '');
});

test('below a path the metadata is at the root of the host, with the path behind its name', () => {
  assert.equal(
    protectedResourceMetadataUrl(base, '/mcp/'),
    'https://example.com/.well-known/oauth-protected-resource/tools/github/mcp/',
  );
});

const resources = [
  [`${base}/mcp`, true],
  [`${base}/mcp/`, true],
  [base, true],
  [`${base}/`, true],
  ['https://example.com/mcp', false],
  ['https://example.com/', false],
  [`${base}x/mcp`, false],
  ['https://example.com/tools/gitlab/mcp', false],
  [`${base}/mcp#x`, false],
] as const;
for (const [resource, isOwn] of resources) {
  test(`below a path ${resource} is ${isOwn ? 'the' : 'not a'} resource here`, () => {
    assert.equal(requestedResource(resource, [base, base]).ok, isOwn);
  });
}

test('a page of the host may call a gateway below a path', () => {
  const policy = { allowed: new Set<string>(), loopback: false };

  assert.equal(isAllowedOrigin('https://example.com', policy, base), true);
  assert.equal(isAllowedOrigin('https://other.example', policy, base), false);
});

test('a loopback name is mirrored with the scheme that the client used', () => {
  const local = { canonical: 'http://localhost:8002', mirrored: true };

  assert.equal(baseUrlFor(local, 'localhost:8443', 'https'), 'https://localhost:8443');
});
