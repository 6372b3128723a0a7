import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  baseUrlFor,
  baseUrlsFor,
  mcpUrl,
  upstreamCallbackUrl,
} from '../../src/domain/gateway-address.ts';

const local = { canonical: 'http://localhost:8002', mirrored: true };
const open = { canonical: 'https://gateway.example.com', mirrored: false };

const hosts: readonly (readonly [string, string | undefined, string])[] = [
  ['the name the client typed', '127.0.0.1:8002', 'http://127.0.0.1:8002'],
  ['the IPv6 address the client typed', '[::1]:8002', 'http://[::1]:8002'],
  ['the port of a forwarder', 'localhost:9000', 'http://localhost:9000'],
  ['no port', 'localhost', 'http://localhost'],
  ['small letters', 'LocalHost:8002', 'http://localhost:8002'],
  ['the canonical name where no host is given', undefined, local.canonical],
  ['the canonical name where it is empty', '', local.canonical],
  ['the canonical name for a stranger', 'evil.example', local.canonical],
  ['the canonical name for a name that begins alike', 'localhost.evil.example', local.canonical],
  ['the canonical name for a rebound name', 'localtest.me:8002', local.canonical],
  ['the canonical name for a path', 'localhost/evil', local.canonical],
  ['the canonical name for user information', 'localhost:1@evil.example', local.canonical],
  ['the canonical name for a line break', 'localhost\n', local.canonical],
  ['the canonical name for a port of letters', 'localhost:http', local.canonical],
  ['the canonical name for a port that there is not', 'localhost:65536', local.canonical],
  ['the canonical name for an empty port', 'localhost:', local.canonical],
];
for (const [what, host, base] of hosts) {
  test(`on loopback the base URL mirrors ${what}`, () => {
    assert.equal(baseUrlFor(local, host), base);
  });
}

test('a public URL always wins', () => {
  assert.equal(baseUrlFor(open, 'localhost:8002'), open.canonical);
  assert.deepEqual([...new Set(baseUrlsFor(open, 'localhost:8002'))], [open.canonical]);
});

test('the gateway goes by the name of the request, then by the canonical one', () => {
  assert.deepEqual(baseUrlsFor(local, '[::1]:1'), ['http://[::1]:1', 'http://localhost:8002']);
});

test('whatever host is given, every base is a URL without a path', () => {
  const hostTexts = fc.oneof(
    fc.string(),
    fc.nat(99_999).map((port) => `localhost:${port}`),
    fc.webAuthority({ withPort: true, withUserInfo: true }),
  );
  fc.assert(
    fc.property(hostTexts, (host) => {
      for (const base of baseUrlsFor(local, host)) {
        assert.equal(new URL(base).pathname, '/');
        assert.equal(base.endsWith('/'), false);
      }
    }),
  );
});

test('the MCP URL and the callback lie under the base, the callback always under the canonical one', () => {
  assert.equal(mcpUrl('http://127.0.0.1:8002'), 'http://127.0.0.1:8002/mcp');
  assert.equal(upstreamCallbackUrl(local), 'http://localhost:8002/upstream/callback');
});
