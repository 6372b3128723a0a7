import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage, request } from 'node:http';
import { test } from 'node:test';
import { jsonAnswer } from '../../src/adapters/testing/mcp-answers.ts';
import { startStage } from './fake-stage.ts';
import { logIn, send } from './raw-client.ts';

const inspector = 'http://localhost:6274';
const foreign = 'https://evil.example';
const metadataPaths = [
  '/.well-known/oauth-protected-resource',
  '/.well-known/oauth-protected-resource/mcp',
  '/.well-known/oauth-protected-resource/mcp/',
  '/.well-known/oauth-authorization-server',
];
const paths = ['/mcp', '/mcp/', '/token', '/register', '/revoke', '/introspect', ...metadataPaths];
const introspection = { introspectionClientId: 'rs', introspectionClientSecret: 'a secret' };

test('a preflight is answered on every path, before authentication, with what clients send', async (t) => {
  const { base } = await startStage(t, introspection);

  for (const path of paths) {
    const answer = await send(`${base}${path}`, {
      method: 'OPTIONS',
      headers: {
        origin: inspector,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'Authorization, Mcp-Param-Region',
      },
    });

    assert.equal(answer.status, 204, path);
    const isPublic = path.startsWith('/.well-known/');
    assert.equal(answer.headers['access-control-allow-origin'], isPublic ? '*' : inspector);
    assert.match(answer.headers['access-control-allow-headers'] ?? '', /authorization/);
    assert.match(answer.headers['access-control-allow-headers'] ?? '', /mcp-param-region/);
    assert.match(answer.headers['access-control-allow-methods'] ?? '', /DELETE/);
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    assert.equal(answer.headers.vary, isPublic ? undefined : 'Origin');
  }
});

test('a page of any origin may read that there is no metadata at a place where clients look', async (t) => {
  const { base } = await startStage(t);
  const origin = foreign;

  for (const path of [
    '/.well-known/openid-configuration',
    '/.well-known/oauth-protected-resource/x',
  ]) {
    const asked = await send(base + path, { method: 'OPTIONS', headers: { origin } });
    const answer = await send(base + path, { headers: { origin } });

    assert.equal(asked.status, 204, path);
    assert.equal(answer.status, 404, path);
    for (const { headers } of [asked, answer]) {
      assert.equal(headers['access-control-allow-origin'], '*', path);
    }
  }
});

test('a preflight may ask for the headers that clients send and for those of MCP, and for no other', async (t) => {
  const { base } = await startStage(t);
  const asked = 'X-Own, Cookie, mcp-session-id, MCP-New-One, mcp-, mcp-a*, *';

  const { headers } = await send(`${base}/mcp`, {
    method: 'OPTIONS',
    headers: { origin: inspector, 'access-control-request-headers': asked },
  });

  assert.deepEqual(headers['access-control-allow-headers']?.split(', '), [
    'authorization',
    'content-type',
    'accept',
    'mcp-protocol-version',
    'mcp-session-id',
    'last-event-id',
    'mcp-method',
    'mcp-name',
    'mcp-new-one',
  ]);
});

test('a preflight of a foreign origin is allowed nothing but metadata', async (t) => {
  const { base } = await startStage(t, introspection);

  for (const path of paths) {
    const answer = await send(base + path, { method: 'OPTIONS', headers: { origin: foreign } });

    const isPublic = metadataPaths.includes(path);
    assert.equal(answer.status, 204, path);
    assert.equal(answer.headers['access-control-allow-origin'], isPublic ? '*' : undefined, path);
    assert.equal('access-control-allow-headers' in answer.headers, isPublic, path);
  }
});

test('pages that are navigated to are allowed to no script, wherever it comes from', async (t) => {
  const { base } = await startStage(t, { allowedOrigins: '*' });

  for (const path of ['/', '/authorize', '/login', '/login/callback', '/upstream/callback']) {
    for (const method of ['OPTIONS', 'GET', 'POST'] as const) {
      const answer = await send(base + path, { method, headers: { origin: inspector } });

      assert.equal(answer.headers['access-control-allow-origin'], undefined, `${method} ${path}`);
    }
  }
});

test('an OPTIONS request that is no preflight is answered, and allowed nothing', async (t) => {
  const { base } = await startStage(t);

  const answer = await send(`${base}/mcp`, { method: 'OPTIONS' });

  assert.equal(answer.status, 204);
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
  assert.equal((await send(`${base}/nowhere`, { method: 'OPTIONS' })).status, 404);
});

test('a page can read errors too, and what a foreign page is answered it cannot read', async (t) => {
  const { base } = await startStage(t);

  for (const path of ['/token', '/revoke', '/register']) {
    const readable = await send(base + path, { method: 'POST', headers: { origin: inspector } });
    const hidden = await send(base + path, { method: 'POST', headers: { origin: foreign } });
    const notAllowed = await send(base + path, { headers: { origin: inspector } });

    assert.equal(readable.status, 400, path);
    assert.equal(readable.headers['access-control-allow-origin'], inspector);
    assert.equal(readable.headers.vary, 'Origin');
    assert.equal(hidden.status, 400, path);
    assert.equal(hidden.headers['access-control-allow-origin'], undefined);
    assert.equal(hidden.headers.vary, 'Origin');
    assert.equal(notAllowed.status, 405);
    assert.equal(notAllowed.headers['access-control-allow-origin'], inspector);
  }
});

test('an allowed page can read the challenge of a 401, and the session of an answer', async (t) => {
  const { base } = await startStage(t);
  const { tokens } = await logIn(base);

  const refused = await send(`${base}/mcp`, { method: 'POST', headers: { origin: inspector } });
  const answered = await send(`${base}/mcp`, {
    method: 'POST',
    headers: {
      origin: inspector,
      authorization: `Bearer ${tokens.access_token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  });

  for (const [answer, status] of [
    [refused, 401],
    [answered, answered.status],
  ] as const) {
    assert.equal(answer.status, status);
    assert.equal(answer.headers['access-control-allow-origin'], inspector);
    assert.equal(
      answer.headers['access-control-expose-headers'],
      'WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version',
    );
  }
});

for (const origin of [
  foreign,
  'null',
  'http://localhost.evil.example',
  'file://',
  `${inspector}, ${foreign}`,
]) {
  test(`a page of ${origin} may not call /mcp, whatever token it has`, async (t) => {
    const { base, mcp } = await startStage(t);
    const { tokens } = await logIn(base);

    for (const path of ['/mcp', '/mcp/']) {
      const answer = await send(`${base}${path}`, {
        method: 'POST',
        headers: { origin, authorization: `Bearer ${tokens.access_token}` },
        body: '{}',
      });

      assert.equal(answer.status, 403, path);
      assert.equal(answer.json().error, 'origin_not_allowed');
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
      assert.equal(mcp.calls.length, 0);
    }
  });
}

test('a name that was bound to this computer from outside opens nothing (DNS rebinding)', async (t) => {
  const { local, mcp } = await startStage(t);
  const host = `evil.example:${new URL(local).port}`;

  const sent = request(`${local}/mcp`, {
    method: 'POST',
    headers: { host, origin: `http://${host}` },
  });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.resume();

  assert.equal(answer.statusCode, 403);
  assert.equal(mcp.calls.length, 0);
});

for (const origin of [foreign, 'null', inspector]) {
  test(`where every origin is allowed, ${origin} is allowed by its name, and never with credentials`, async (t) => {
    const { local } = await startStage(t, {
      publicUrl: 'https://mcp.example.com',
      password: 'not the default',
      allowedOrigins: '*',
    });

    const answer = await send(`${local}/mcp`, { method: 'POST', headers: { origin } });

    assert.equal(answer.status, 401);
    assert.equal(answer.headers['access-control-allow-origin'], origin);
    assert.equal(answer.headers['access-control-allow-credentials'], undefined);
    assert.equal(answer.headers.vary, 'Origin');
  });
}

test('repeated headers of the upstream survive beside those for web pages, and so does its Vary', async (t) => {
  const { base, mcp } = await startStage(t);
  const { tokens } = await logIn(base);
  const link = ['<https://a.example>; rel="a"', '<https://b.example>; rel="b"'];
  const own = ['Access-Control-Allow-Origin', '*', 'Access-Control-Allow-Credentials', 'true'];
  mcp.answerNext(
    jsonAnswer(
      { fine: true },
      {
        headers: [
          ...link.flatMap((value) => ['Link', value]),
          ...['Vary', 'Accept-Language', 'Mcp-Session-Id', 'session'],
          ...own,
        ],
      },
    ),
  );

  const sent = get(`${base}/mcp`, {
    headers: { origin: inspector, authorization: `Bearer ${tokens.access_token}` },
  });
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.resume();

  assert.deepEqual(answer.headersDistinct.link, link);
  assert.deepEqual(answer.headersDistinct.vary, ['Origin', 'Accept-Language']);
  assert.deepEqual(answer.headersDistinct['mcp-session-id'], ['session']);
  assert.deepEqual(answer.headersDistinct['access-control-allow-origin'], [inspector]);
  assert.equal(answer.headers['access-control-allow-credentials'], undefined);
});

test('a listed origin may call a gateway that is public, and loopback pages may not', async (t) => {
  const { local } = await startStage(t, {
    publicUrl: 'https://mcp.example.com',
    password: 'not the default',
    allowedOrigins: 'https://app.example https://other.example',
  });
  const statusFor = async (origin: string) =>
    (await send(`${local}/mcp`, { method: 'POST', headers: { origin } })).status;

  assert.equal(await statusFor('https://app.example'), 401);
  assert.equal(await statusFor('https://other.example'), 401);
  assert.equal(await statusFor('https://mcp.example.com'), 401);
  assert.equal(await statusFor(inspector), 403);
});

test('metadata may be read by every page, since it is public', async (t) => {
  const { base } = await startStage(t);

  for (const path of metadataPaths) {
    const read = await send(base + path, { headers: { origin: foreign } });
    // A cache hands this one to pages as well.
    const typed = await send(base + path);

    for (const answer of [read, typed]) {
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers['access-control-allow-origin'], '*', path);
      assert.equal(answer.headers.vary, 'Host');
    }
  }
});

test('a token in the URL is refused and goes nowhere', async (t) => {
  const { base, mcp } = await startStage(t);
  const { tokens } = await logIn(base);
  const authorization = `Bearer ${tokens.access_token}`;

  for (const query of [
    'access_token=',
    'a=1&access_token=',
    'access_token=&access_token=',
    'access_token&x=',
    'access%5Ftoken=',
    '%61ccess_token=',
  ]) {
    const url = `${base}/mcp?${query}${tokens.access_token}`;
    const beside = await send(url, { method: 'POST', headers: { authorization }, body: '{}' });
    const alone = await send(url, { method: 'POST', body: '{}' });

    assert.equal(beside.status, 400, query);
    assert.equal(beside.json().error, 'invalid_request');
    assert.equal(alone.status, 401, query);
  }
  assert.equal(mcp.calls.length, 0);
  const other = `${base}/mcp?my_access_token=1&token=access_token`;
  await send(other, { method: 'POST', headers: { authorization }, body: '{}' });
  assert.equal(mcp.calls.length, 1);
});

test('a person who opens /mcp in a browser sees what it is, and an MCP client its challenge', async (t) => {
  const { base } = await startStage(t);

  for (const path of ['/mcp', '/mcp/']) {
    const person = await send(base + path, { headers: { accept: 'text/html,*/*' } });

    assert.equal(person.status, 200);
    assert.match(person.headers['content-type'] ?? '', /text\/html/);
    assert.match(person.text, new RegExp(`${base}/mcp`));
    assert.equal(person.headers['cache-control'], 'no-store');
    const head = await send(base + path, { method: 'HEAD', headers: { accept: 'text/html,*/*' } });
    assert.deepEqual([head.status, head.text], [200, '']);
    assert.equal(head.headers['content-length'], person.headers['content-length']);
  }
  for (const headers of [
    { accept: 'text/event-stream' },
    { accept: '*/*' },
    {},
    { accept: 'text/html', authorization: 'Bearer of-nobody' },
  ]) {
    const client = await send(`${base}/mcp`, { headers });

    assert.equal(client.status, 401);
    assert.match(client.headers['www-authenticate'] ?? '', /^Bearer /);
  }
  const posted = await send(`${base}/mcp`, { method: 'POST', headers: { accept: 'text/html' } });
  assert.equal(posted.status, 401);
});
