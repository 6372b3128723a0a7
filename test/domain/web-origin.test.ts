import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllowedOrigin } from '../../src/domain/web-origin.ts';

const base = 'https://mcp.example.com';
const nobody = { allowed: new Set<string>(), loopback: false };

const origins = [
  ['its own origin', base, nobody, true],
  ['another origin', 'https://evil.example', nobody, false],
  ['its own host over http', 'http://mcp.example.com', nobody, false],
  [
    'a listed origin',
    'https://app.example',
    { ...nobody, allowed: new Set(['https://app.example']) },
    true,
  ],
  [
    'a host below a listed one',
    'https://x.app.example',
    { ...nobody, allowed: new Set(['https://app.example']) },
    false,
  ],
  ['any origin, with *', 'https://evil.example', { ...nobody, allowed: new Set(['*']) }, true],
  ['the origin null', 'null', nobody, false],
  ['loopback, of a gateway elsewhere', 'http://localhost:6274', nobody, false],
  [
    'localhost with any port, of a gateway on loopback',
    'http://localhost:6274',
    { ...nobody, loopback: true },
    true,
  ],
  [
    '127.0.0.1 with any port, of a gateway on loopback',
    'http://127.0.0.1:1',
    { ...nobody, loopback: true },
    true,
  ],
  [
    '::1 with any port, of a gateway on loopback',
    'https://[::1]:8443',
    { ...nobody, loopback: true },
    true,
  ],
  [
    'a name that begins like loopback',
    'http://localhost.evil.example',
    { ...nobody, loopback: true },
    false,
  ],
  ['the origin null, of a gateway on loopback', 'null', { ...nobody, loopback: true }, false],
] as const;

for (const [what, origin, policy, allowed] of origins) {
  test(`a page of ${what} ${allowed ? 'may' : 'may not'} call the gateway`, () => {
    assert.equal(isAllowedOrigin(origin, policy, base), allowed);
  });
}
