import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameOrigin, outboundFault, outboundRule } from '../../src/domain/outbound-rule.ts';

const near = outboundRule('http://localhost:3000/mcp', false);
const far = outboundRule('https://mcp.example.com/mcp', false);
const lax = outboundRule('http://mcp.internal/mcp', true);

const rows: readonly (readonly [string, typeof near, string | undefined])[] = [
  ['https://as.example/token', far, undefined],
  ['https://10.0.0.1/token', far, undefined],
  ['http://as.example/token', far, 'is plain http'],
  ['http://localhost:1/', far, 'is plain http'],
  ['http://127.0.0.1.evil.example/', near, 'is plain http'],
  ['http://localhost:1/', near, undefined],
  ['http://127.9.8.7:1/', near, undefined],
  ['http://[::1]:1/', near, undefined],
  ['http://as.internal/', near, 'is plain http'],
  ['http://as.internal/', lax, undefined],
  ['https://user@as.example/', lax, 'holds a user name or password'],
  ['https://:secret@as.example/', lax, 'holds a user name or password'],
  ['javascript:alert(1)', lax, 'is not an http(s) URL'],
  ['file:///etc/passwd', lax, 'is not an http(s) URL'],
  ['/token', lax, 'is not an http(s) URL'],
];
for (const [url, rule, fault] of rows) {
  test(`${url} ${fault ?? 'may be asked'} (${JSON.stringify(rule)})`, () => {
    assert.equal(outboundFault(url, rule), fault);
  });
}

test('an origin is scheme, host and port', () => {
  assert.equal(isSameOrigin('https://a.example/x', 'https://a.example:443/y'), true);
  assert.equal(isSameOrigin('https://a.example/', 'http://a.example/'), false);
  assert.equal(isSameOrigin('https://a.example/', 'https://a.example:8443/'), false);
  assert.equal(isSameOrigin('nowhere', 'https://a.example/'), false);
  assert.equal(isSameOrigin('https://a.example/', 'nowhere'), false);
});

test('an upstream that is no URL is not on this machine', () => {
  assert.deepEqual(outboundRule('nowhere', false), { loopback: false, plainHttp: false });
});
