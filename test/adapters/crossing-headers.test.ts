import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerHeaders, requestHeaders } from '../../src/adapters/upstream/crossing-headers.ts';

const toUpstream = requestHeaders('gateway/1');
const own = ['authorization', 'Bearer upstream-token'];
const agent = ['user-agent', 'gateway/1'];

const crossing = [
  'Accept',
  'accept-encoding',
  'Accept-Language',
  'baggage',
  'Content-Encoding',
  'content-length',
  'CONTENT-TYPE',
  'If-Modified-Since',
  'if-none-match',
  'Last-Event-ID',
  'Mcp-Session-Id',
  'MCP-Protocol-Version',
  'mcp-method',
  'Mcp-Param-Of-The-Future',
  'traceparent',
  'TraceState',
];
for (const name of crossing) {
  test(`the request header ${name} crosses as it is spelled`, () => {
    const headers = toUpstream([name, 'value'], 'upstream-token');

    assert.deepEqual(headers, [...own, name, 'value', ...agent]);
  });
}

const staying = [
  'Authorization',
  'Cookie',
  'Host',
  'Origin',
  'Referer',
  'Forwarded',
  'X-Forwarded-For',
  'X-Real-IP',
  'X-Api-Key',
  'Proxy-Authorization',
  'Keep-Alive',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Expect',
  'Sec-Fetch-Site',
  'Via',
  'mcp', // not a prefix by itself
  '__proto__',
  'constructor',
];
for (const name of staying) {
  test(`the request header ${name} stays behind`, () => {
    const headers = toUpstream([name, 'value'], 'upstream-token');

    assert.deepEqual(headers, [...own, ...agent]);
  });
}

test('what the operator lets through crosses too, in any spelling, unless it is for one hop', () => {
  const further = requestHeaders('gateway/1', ['x-forwarded-for', 'x-tenant']);

  const headers = further(
    ['X-FORWARDED-For', '192.0.2.1', 'X-Tenant', 'a', 'Cookie', 'b', 'Connection', 'X-Tenant'],
    'upstream-token',
  );

  assert.deepEqual(headers, [...own, 'X-FORWARDED-For', '192.0.2.1', ...agent]);
  assert.deepEqual(toUpstream(['X-Tenant', 'a'], 'upstream-token'), [...own, ...agent]);
});

test('the client’s name goes before our own', () => {
  assert.deepEqual(toUpstream(['User-Agent', 'editor/2'], 'upstream-token'), [
    ...own,
    'user-agent',
    'editor/2 gateway/1',
  ]);
});

test('a repeated header crosses as often as it came', () => {
  const headers = toUpstream(['Accept', 'a', 'accept', 'b'], 'upstream-token');

  assert.deepEqual(headers, [...own, 'Accept', 'a', 'accept', 'b', ...agent]);
});

const connections: readonly (readonly [string, string, readonly string[]])[] = [
  ['nothing of note', 'keep-alive', ['Mcp-X', '1']],
  ['a header', 'keep-alive, Mcp-X', []],
  ['a header in another case', 'MCP-x', []],
  ['our Authorization', 'authorization', ['Mcp-X', '1']],
];
for (const [what, connection, kept] of connections) {
  test(`Connection that names ${what} takes along only what is for one hop`, () => {
    const raw = ['Mcp-X', '1', 'Connection', connection];

    assert.deepEqual(toUpstream(raw, 'upstream-token'), [...own, ...kept, ...agent]);
  });
}

const answerCrossing = [
  'Content-Length',
  'Content-Encoding',
  'Mcp-Session-Id',
  'Mcp-Anything',
  'Retry-After',
  'Allow',
  'ETag',
  'Location',
  'Date',
  'X-GitHub-Request-Id',
  'Link',
];
for (const name of answerCrossing) {
  test(`the answer header ${name} crosses`, () => {
    assert.deepEqual(answerHeaders([name, 'value']).headers, [name, 'value']);
  });
}

const answerStaying = [
  'Set-Cookie',
  'set-cookie2',
  'Transfer-Encoding',
  'Connection',
  'Keep-Alive',
  'Proxy-Authenticate',
  'Upgrade',
  'TE',
  'Alt-Svc',
  'Clear-Site-Data',
  'Strict-Transport-Security',
  'Public-Key-Pins',
  'NEL',
  'Report-To',
  'Reporting-Endpoints',
  'Refresh',
  'Service-Worker-Allowed',
  'Access-Control-Allow-Origin',
  'Access-Control-Allow-Credentials',
  'WWW-Authenticate',
];
for (const name of answerStaying) {
  test(`the answer header ${name} stays behind`, () => {
    assert.deepEqual(answerHeaders([name, 'value']).headers, []);
  });
}

test('challenges are handed over apart from the headers, all of them', () => {
  const raw = ['WWW-Authenticate', 'Basic realm="x"', 'www-authenticate', 'Bearer error="y"'];

  assert.equal(answerHeaders(raw).challenge, 'Basic realm="x", Bearer error="y"');
  assert.equal(answerHeaders(['A', 'b']).challenge, undefined);
});

test('what an answer’s Connection names stays behind, but never what says what the body is', () => {
  const raw = ['X-Hop', '1', 'X-Own', '2', 'Connection', 'close, x-hop'];

  assert.deepEqual(answerHeaders(raw).headers, ['X-Own', '2']);
});

const unbuffered = ['X-Accel-Buffering', 'no', 'Cache-Control', 'no-cache, no-transform'];
const streams: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['is marked', ['Content-Type', 'text/event-stream'], unbuffered],
  ['is marked by any spelling', ['content-type', 'Text/Event-Stream; charset=utf-8'], unbuffered],
  [
    'has no other mark left',
    ['Content-Type', 'text/event-stream', 'cache-control', 'max-age=9', 'x-accel-buffering', 'yes'],
    unbuffered,
  ],
  ['is not taken for one by its beginning', ['Content-Type', 'text/event-streams'], []],
];
for (const [what, raw, marks] of streams) {
  test(`an event stream ${what}`, () => {
    assert.deepEqual(answerHeaders(raw).headers, [...raw.slice(0, 2), ...marks]);
  });
}

test('bytes beyond ASCII cross as they are', () => {
  const raw = [Buffer.from('X-Name'), Buffer.from([0x66, 0xfc, 0x72])];

  assert.deepEqual(answerHeaders(raw).headers, ['X-Name', 'f\u00fcr']);
});
