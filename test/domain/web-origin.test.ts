import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllowedOrigin, type OriginPolicy } from '../../src/domain/web-origin.ts';

const none: OriginPolicy = { allowed: new Set(), loopback: false };
const onLoopback: OriginPolicy = { allowed: new Set(), loopback: true };
const listed: OriginPolicy = { allowed: new Set(['https://inspector.example']), loopback: false };
const anybody: OriginPolicy = { allowed: new Set(['*']), loopback: false };
const base = 'https://gateway.example';

const origins: readonly (readonly [string, string, OriginPolicy, boolean])[] = [
  ['the gateway itself', base, none, true],
  ['the gateway on another port', `${base}:8443`, none, false],
  ['the gateway without TLS', 'http://gateway.example', none, false],
  ['another host', 'https://evil.example', none, false],
  ['a host that begins like the gateway', `${base}.evil.example`, none, false],
  ['no origin at all', 'null', none, false],
  ['an empty origin', '', none, false],
  ['a page of this computer', 'http://localhost:6274', none, false],
  ['localhost', 'http://localhost:6274', onLoopback, true],
  ['localhost without a port', 'http://localhost', onLoopback, true],
  ['localhost with TLS', 'https://localhost:6274', onLoopback, true],
  ['an IPv4 loopback', 'http://127.0.0.1:6274', onLoopback, true],
  ['an IPv6 loopback', 'http://[::1]:6274', onLoopback, true],
  ['an IPv6 loopback with TLS', 'https://[::1]:8443', onLoopback, true],
  ['a name that begins like a loopback one', 'http://localhost.evil.example', onLoopback, false],
  ['a name that ends like a loopback one', 'http://evil.localhost', onLoopback, false],
  ['a loopback name as user info', 'http://localhost:1@evil.example', onLoopback, false],
  ['an address on the network', 'http://192.168.0.2:6274', onLoopback, false],
  ['another scheme', 'ftp://localhost', onLoopback, false],
  ['a loopback origin with a path', 'http://localhost:6274/', onLoopback, false],
  ['no origin, on loopback', 'null', onLoopback, false],
  ['a listed origin', 'https://inspector.example', listed, true],
  ['a listed origin without TLS', 'http://inspector.example', listed, false],
  ['a host below a listed one', 'https://x.inspector.example', listed, false],
  ['one that is not listed', 'https://other.example', listed, false],
  ['anybody', 'https://evil.example', anybody, true],
  ['no origin, where anybody is allowed', 'null', anybody, true],
];
for (const [name, origin, policy, isAllowed] of origins) {
  test(`a page of ${name} ${isAllowed ? 'may' : 'may not'} call the gateway`, () => {
    assert.equal(isAllowedOrigin(origin, policy, base), isAllowed);
  });
}
