import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { sessionCookie } from '../../src/adapters/http/session-cookie.ts';

function carrying(cookie: string | undefined): IncomingMessage {
  return { headers: { cookie } } as unknown as IncomingMessage;
}

const http = sessionCookie(() => 'http://localhost:8002', 3600);
const https = sessionCookie(() => 'https://gateway.example', 3600);

test('on http the session is for this host alone, out of reach of scripts, and as long as it was said to be', () => {
  assert.deepEqual(http.give('SESSION'), [
    'mcp-session-8002=SESSION; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax',
  ]);
});

test('on https it is Secure and has the prefix that no other host can plant', () => {
  assert.deepEqual(https.give('SESSION'), [
    '__Host-mcp-session=SESSION; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax',
  ]);
  assert.equal(https.read(carrying('mcp-session=SESSION')), undefined);
});

test('it is read where it was given, and not by a gateway on another port', () => {
  const neighbour = sessionCookie(() => 'http://localhost:8003', 3600);

  assert.equal(http.read(carrying('a=b; mcp-session-8002=SESSION')), 'SESSION');
  assert.equal(neighbour.read(carrying('mcp-session-8002=SESSION')), undefined);
  assert.equal(http.read(carrying(undefined)), undefined);
});

test('it is taken away by the same name, path and attributes', () => {
  assert.deepEqual(http.clear(), ['mcp-session-8002=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax']);
});

test('where there is nothing to keep, or sessions are off, no cookie is set', () => {
  const off = sessionCookie(() => 'http://localhost:8002', 0);

  assert.deepEqual(http.give(undefined), []);
  assert.deepEqual(off.clear(), []);
});
