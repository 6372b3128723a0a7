import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test } from 'node:test';
import { type Route, router } from '../../src/adapters/http/router.ts';

interface Routed {
  /** Which handler was called, and with which query. */
  readonly called: string | undefined;
  readonly status: number | undefined;
  readonly allow: string | undefined;
  readonly body: string | undefined;
}

async function route(method: string, url: string): Promise<Routed> {
  let called: string | undefined;
  const row = (methods: readonly string[], path: string): Route => ({
    methods,
    path,
    handle: (_request, _response, query) => {
      called = `${methods} ${path} ${query}`;
    },
  });
  const table = [
    row(['GET'], '/page'),
    row(['POST'], '/page'),
    row(['GET', 'DELETE'], '/mcp'),
    row(['POST'], '/token'),
  ];
  const headers = new Map<string, unknown>();
  let body: string | undefined;
  const response = {
    req: { complete: true },
    statusCode: undefined,
    setHeader: (name: string, value: unknown) => headers.set(name, value),
    end: (text: string) => {
      body = text;
    },
  };
  await router(table, () => false)(
    { method, url } as IncomingMessage,
    response as unknown as ServerResponse,
  );
  const allow = headers.get('Allow');
  return { called, status: response.statusCode, allow: allow as string | undefined, body };
}

const found: readonly (readonly [string, string, string])[] = [
  ['GET', '/page', 'GET /page '],
  ['POST', '/page', 'POST /page '],
  ['HEAD', '/page', 'GET /page '],
  ['HEAD', '/mcp', 'GET,DELETE /mcp '],
  ['GET', '/page?a=1&b=?', 'GET /page a=1&b=?'],
  ['GET', '/page?', 'GET /page '],
  ['DELETE', '/mcp?x', 'GET,DELETE /mcp x'],
];
for (const [method, url, called] of found) {
  test(`${method} ${url} goes to its handler`, async () => {
    assert.equal((await route(method, url)).called, called);
  });
}

const missing = [
  '/',
  '/Page',
  '/page/',
  '/page/x',
  '//page',
  '/%70age',
  '/page;x',
  '',
  '*',
  '/page#x',
];
for (const url of missing) {
  test(`"${url}" is a path that is not there`, async () => {
    const { called, status, body } = await route('GET', url);

    assert.equal(called, undefined);
    assert.equal(status, 404);
    assert.equal(JSON.parse(body ?? '').error, 'not_found');
  });
}

const refused: readonly (readonly [string, string, string])[] = [
  ['PUT', '/page', 'GET, HEAD, POST, OPTIONS'],
  ['POST', '/mcp', 'GET, DELETE, HEAD, OPTIONS'],
  ['HEAD', '/token', 'POST, OPTIONS'],
  ['get', '/page', 'GET, HEAD, POST, OPTIONS'],
];
for (const [method, url, allow] of refused) {
  test(`${method} ${url} is not allowed, and says what is`, async () => {
    const routed = await route(method, url);

    assert.equal(routed.called, undefined);
    assert.equal(routed.status, 405);
    assert.equal(routed.allow, allow);
    assert.match(routed.body ?? '', new RegExp(`${method} is not possible here: use ${allow}`));
  });
}

test('a request target may be a whole URL (RFC 9112 §3.2.2)', async () => {
  const routed = await route('GET', 'http://gateway.example:8002/page?a=1');

  assert.equal(routed.called, 'GET /page a=1');
});
