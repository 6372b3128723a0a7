import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { requestedResource } from '../../src/domain/resource.ts';

const bases = ['http://127.0.0.1:8002', 'http://localhost:8002'] as const;
const here = 'http://127.0.0.1:8002/mcp';
const canonical = 'http://localhost:8002/mcp';

const own: readonly (readonly [string, string | undefined])[] = [
  ['nothing', undefined],
  ['the MCP URL', here],
  ['a trailing slash', `${here}/`],
  ['the origin alone', 'http://127.0.0.1:8002'],
  ['the origin and a slash', 'http://127.0.0.1:8002/'],
  ['a query', `${here}?session=1`],
  ['scheme and host in capitals', 'HTTP://LOCALHOST:8002/mcp'],
  ['the canonical name', canonical],
  ['a path with a detour', 'http://localhost:8002/x/../mcp'],
];
for (const [what, resource] of own) {
  test(`the one resource here may be named by ${what}`, () => {
    assert.deepEqual(requestedResource(resource, bases), { ok: true, value: canonical });
  });
}

const foreign: readonly (readonly [string, string])[] = [
  ['nothing but an empty text', ''],
  ['a path', '/mcp'],
  ['another host', 'http://evil.example:8002/mcp'],
  ['another port', 'http://localhost:8003/mcp'],
  ['another scheme', 'https://localhost:8002/mcp'],
  ['another path', 'http://localhost:8002/other'],
  ['a longer path', 'http://localhost:8002/mcp/sub'],
  ['a path in capitals', 'http://localhost:8002/MCP'],
  ['a fragment', 'http://localhost:8002/mcp#x'],
  ['an empty fragment', 'http://localhost:8002/mcp#'],
  ['a host that begins alike', 'http://localhost:8002.evil.example/mcp'],
  ['user information in front', 'http://localhost:8002@evil.example/mcp'],
  ['no web address', 'urn:mcp'],
];
for (const [what, resource] of foreign) {
  test(`another resource is an invalid target: ${what}`, () => {
    const outcome = requestedResource(resource, bases);

    assert.ok(!outcome.ok, 'accepted');
    assert.equal(outcome.failure.error, 'invalid_target');
    assert.match(outcome.failure.description, /http:\/\/127\.0\.0\.1:8002\/mcp/);
  });
}

test('whatever is named, the resource is ours', () => {
  fc.assert(
    fc.property(fc.oneof(fc.webUrl(), fc.string()), (resource) => {
      const outcome = requestedResource(resource, bases);

      assert.ok(!outcome.ok || outcome.value === canonical, 'another outcome');
    }),
  );
});
