import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startStage } from './fake-stage.ts';
import { credentials } from './gateway-setup.ts';
import { authorizationUrl, register, send } from './raw-client.ts';

const html = { accept: 'text/html' };

/** A gateway below a path of a loopback name; whether the proxy takes the path off does not matter here. */
function startBelow(t: TestContext) {
  return startStage(t, { publicUrl: 'http://localhost:1/github' });
}

const paths: readonly (readonly [string, string])[] = [
  ['/.well-known/oauth-protected-resource/github/mcp', 'http://localhost:1/github/mcp'],
  ['/.well-known/oauth-protected-resource/github/mcp/', 'http://localhost:1/github/mcp/'],
  ['/.well-known/oauth-protected-resource/github', 'http://localhost:1/github/mcp'],
  ['/github/.well-known/oauth-protected-resource/mcp', 'http://localhost:1/github/mcp'],
  ['/.well-known/oauth-protected-resource/mcp', 'http://localhost:1/github/mcp'],
];
for (const [path, resource] of paths) {
  test(`below a path the resource’s metadata is at ${path}`, async (t) => {
    const { local } = await startBelow(t);

    const answer = await send(local + path);

    assert.equal(answer.json().resource, resource);
    assert.deepEqual(answer.json().authorization_servers, ['http://localhost:1/github']);
  });
}

for (const path of [
  '/.well-known/oauth-authorization-server/github',
  '/github/.well-known/oauth-authorization-server',
]) {
  test(`below a path the server’s metadata is at ${path}`, async (t) => {
    const { local } = await startBelow(t);

    const document = (await send(local + path)).json();

    assert.equal(document.issuer, 'http://localhost:1/github');
    assert.equal(document.authorization_endpoint, 'http://localhost:1/github/authorize');
  });
}

test('below a path a challenge leads to the root of the host, and paths of others are not ours', async (t) => {
  const { local } = await startBelow(t);

  const challenge = await send(`${local}/github/mcp/`, { method: 'POST' });

  assert.match(
    challenge.headers['www-authenticate'] ?? '',
    /resource_metadata="http:\/\/localhost:1\/\.well-known\/oauth-protected-resource\/github\/mcp\/"/,
  );
  assert.equal((await send(`${local}/gitlab/mcp`, { method: 'POST' })).status, 404);
  assert.equal((await send(`${local}/github`, { headers: { accept: 'text/html' } })).status, 200);
});

test('below a path a page may read that there is no metadata, wherever it looks', async (t) => {
  const { local } = await startBelow(t);

  for (const path of [
    '/github/.well-known/openid-configuration',
    '/.well-known/openid-configuration/github',
  ]) {
    const missing = await send(`${local}${path}`, { headers: { origin: 'https://app.example' } });

    assert.equal(missing.status, 404, path);
    assert.equal(missing.headers['access-control-allow-origin'], '*', path);
  }
});

test('below a path the form goes there too, also the second time, and the cookie nowhere else', async (t) => {
  const { local } = await startBelow(t);
  const base = `${local}/github`;
  const begun = await send(authorizationUrl(base, await register(base)));
  const { search } = new URL(begun.headers.location ?? '');

  const screen = await send(`${base}/login${search}`, { headers: html });

  assert.match(screen.text, /action="\/github\/login\/callback"/);
  assert.match(screen.setCookies[0] ?? '', /; Path=\/github; /);
  const field = (name: string) =>
    new RegExp(`name="${name}" value="([^"]*)"`).exec(screen.text)?.[1] ?? '';
  const again = await send(`${base}/login/callback`, {
    method: 'POST',
    headers: { cookie: screen.setCookies[0]?.split(';')[0] ?? '', ...html },
    body: {
      flow: field('flow'),
      csrf: field('csrf'),
      decision: 'allow',
      ...credentials,
      password: 'wrong',
    },
  });
  assert.equal(again.status, 401);
  assert.match(again.text, /action="\/github\/login\/callback"/);
});

test('a name that the gateway does not have is told once, and no address or loopback name', async (t) => {
  const { local, events } = await startBelow(t);

  for (const host of ['mcp.example.com', 'mcp.example.com', '192.0.2.1:80', 'localhost:8443']) {
    await send(`${local}/`, { headers: { host } });
  }
  for (let index = 0; index < 20; index += 1) {
    await send(`${local}/`, { headers: { host: `host-${index}.example` } });
  }

  const told = events.of('unexpected_host');
  assert.deepEqual(told[0], {
    type: 'unexpected_host',
    host: 'mcp.example.com',
    expected: 'localhost:1',
  });
  assert.equal(told.length, 8);
});

test('a name with the usual port, or in capitals, is the name itself', async (t) => {
  const stage = await startStage(t, { publicUrl: 'https://mcp.example.com', password: 'own' });

  for (const host of ['MCP.Example.com', 'mcp.example.com:443']) {
    await send(`${stage.local}/`, { headers: { host } });
  }

  assert.deepEqual(stage.events.of('unexpected_host'), []);
});

test('behind a trusted proxy a loopback gateway goes by the name and the scheme of its client', async (t) => {
  const { local } = await startStage(t, { trustedProxy: '127.0.0.1' });
  const headers = { 'x-forwarded-host': 'localhost:8443', 'x-forwarded-proto': 'https' };

  const believed = await send(`${local}/.well-known/oauth-protected-resource`, { headers });

  assert.equal(believed.json().resource, 'https://localhost:8443/mcp');
  const { local: other } = await startStage(t);
  const ignored = await send(`${other}/.well-known/oauth-protected-resource`, { headers });
  assert.equal(ignored.json().resource, `${other}/mcp`);
});
