import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Caller, callers } from '../../src/adapters/http/forwarding.ts';

const proxies = ['10.0.0.0/8', '192.0.2.7', 'fd00::/8'];

function seen(
  peer: string,
  headers: Readonly<Record<string, string>>,
  trusted: readonly string[] = proxies,
): Caller {
  const all = { host: 'own.example', ...headers };
  const rawHeaders = Object.entries(all).flat();
  const request = { socket: { remoteAddress: peer }, headers: all, rawHeaders };
  return callers(trusted)(request as unknown as IncomingMessage);
}

describe('the client’s address', () => {
  const cases: readonly (readonly [string, string, Readonly<Record<string, string>>, string])[] = [
    ['is the peer’s without a proxy', '203.0.113.9', {}, '203.0.113.9'],
    [
      'is the peer’s, whatever a stranger says',
      '203.0.113.9',
      { 'x-forwarded-for': '1.1.1.1', forwarded: 'for=1.1.1.1' },
      '203.0.113.9',
    ],
    ['is what a proxy says', '10.1.2.3', { 'x-forwarded-for': '203.0.113.9' }, '203.0.113.9'],
    [
      'is what a proxy says, IPv4 in the clothes of IPv6',
      '::ffff:10.1.2.3',
      { 'x-forwarded-for': '::ffff:203.0.113.9' },
      '203.0.113.9',
    ],
    [
      'is behind several proxies',
      '192.0.2.7',
      { 'x-forwarded-for': '203.0.113.9, 10.0.0.2 , fd00::1' },
      '203.0.113.9',
    ],
    [
      'is no invention of the client',
      '10.1.2.3',
      { 'x-forwarded-for': '1.1.1.1, 203.0.113.9' },
      '203.0.113.9',
    ],
    ['is the proxy’s where it says nothing', '10.1.2.3', {}, '10.1.2.3'],
    [
      'is the last hop’s that is known',
      '10.1.2.3',
      { 'x-forwarded-for': 'unknown, 10.0.0.2' },
      '10.0.0.2',
    ],
    ['may have a port', '10.1.2.3', { 'x-forwarded-for': '203.0.113.9:4711' }, '203.0.113.9'],
    [
      'may be IPv6 with brackets and port',
      '10.1.2.3',
      { forwarded: 'For="[2001:DB8::1]:4711"' },
      '2001:db8::1',
    ],
    [
      'stands in Forwarded too',
      '10.1.2.3',
      { forwarded: 'for=1.1.1.1, for=203.0.113.9;proto=https' },
      '203.0.113.9',
    ],
    ['may be hidden', '10.1.2.3', { forwarded: 'for=_hidden' }, '10.1.2.3'],
    [
      'counts where both headers say the same',
      '10.1.2.3',
      { forwarded: 'for=203.0.113.9', 'x-forwarded-for': '203.0.113.9' },
      '203.0.113.9',
    ],
    [
      'is the proxy’s where the headers disagree',
      '10.1.2.3',
      { forwarded: 'for=1.1.1.1', 'x-forwarded-for': '203.0.113.9' },
      '10.1.2.3',
    ],
    ['is not read from a malformed header', '10.1.2.3', { forwarded: 'for="1.1.1.1' }, '10.1.2.3'],
  ];
  for (const [sentence, peer, headers, address] of cases) {
    test(sentence, () => {
      assert.equal(seen(peer, headers).address, address);
    });
  }
});

test('host, scheme and request id count from a proxy, the nearest one’s word first', () => {
  const headers = {
    'x-forwarded-host': 'evil.example, mcp.example.com',
    'x-forwarded-proto': 'http, https',
    'x-request-id': 'abc-123',
  };

  assert.deepEqual(seen('10.0.0.1', headers), {
    address: '10.0.0.1',
    host: 'mcp.example.com',
    scheme: 'https',
    requestId: 'abc-123',
  });
  assert.deepEqual(seen('203.0.113.9', headers), {
    address: '203.0.113.9',
    host: 'own.example',
    scheme: 'http',
    requestId: undefined,
  });
});

test('Forwarded names host and scheme too', () => {
  const { host, scheme } = seen('10.0.0.1', {
    forwarded: 'for=203.0.113.9;host="mcp.example.com:8443";proto=HTTPS',
  });

  assert.deepEqual([host, scheme], ['mcp.example.com:8443', 'https']);
});

test('a request id that could forge a log line is not taken, nor a scheme that is none', () => {
  const { requestId, scheme } = seen('10.0.0.1', {
    'x-request-id': 'a b\u0000',
    'x-forwarded-proto': 'gopher',
  });

  assert.deepEqual([requestId, scheme], [undefined, 'http']);
});

test('whatever a stranger sends, nothing of it is believed', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('1.1.1.1', 'https', 'evil.example', 'abc-123'),
  );
  fc.assert(
    fc.property(text, text, (one, other) => {
      const headers = {
        'x-forwarded-for': one,
        'x-forwarded-host': one,
        'x-forwarded-proto': one,
        'x-real-ip': one,
        'x-request-id': one,
        forwarded: other,
      };
      assert.deepEqual(seen('203.0.113.9', headers), {
        address: '203.0.113.9',
        host: 'own.example',
        scheme: 'http',
        requestId: undefined,
      });
    }),
  );
});

test('whatever a proxy passes on, the address is one, and reading it takes no time to speak of', () => {
  const hop = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.constantFrom('10.0.0.1', '"', '\\', '=;,'),
  );
  fc.assert(
    fc.property(
      fc.array(hop, { maxLength: 50 }),
      fc.constantFrom(',', ';', ', for='),
      (hops, joint) => {
        const text = `for=${hops.join(joint)}`;
        const { address } = seen('10.0.0.1', {
          forwarded: text,
          'x-forwarded-for': hops.join(','),
        });
        assert.match(address ?? '', /^[\da-f.:]+$/);
      },
    ),
  );
  seen('10.0.0.1', { forwarded: 'for="'.repeat(10_000) });
  seen('10.0.0.1', { forwarded: `for=${' '.repeat(60_000)}x` });
});
