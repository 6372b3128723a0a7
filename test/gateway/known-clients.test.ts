import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startLoopbackServer } from '../../src/adapters/testing/loopback-server.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { ConfigurationError, createGateway } from '../../src/main.ts';
import { Browser } from '../support/real/browser-driver.ts';
import { type Stage, startStage } from './fake-stage.ts';
import {
  authorizationUrl,
  authorize,
  exchangeForm,
  postToken,
  redirectUri,
  refreshForm,
  register,
  send,
  tokensOf,
} from './raw-client.ts';

/** A client’s site on loopback, and a gateway that admits it. */
async function startPublished(t: TestContext, changes: Readonly<Record<string, unknown>> = {}) {
  const published = { asked: 0, status: 200, document: {} };
  const site = await startLoopbackServer((_, response) => {
    published.asked += 1;
    response.writeHead(published.status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(published.document));
  });
  t.after(site.close);
  const id = `${site.origin}/client.json`;
  published.document = {
    client_id: id,
    client_name: 'Published',
    redirect_uris: ['http://127.0.0.1/callback'],
    ...changes,
  };
  const stage = await startStage(t, { allowInsecureClientMetadata: 'on' });
  return { stage, site, published, client: { client_id: id } };
}

test('a client is known by its document alone: sign-in, code, refresh', async (t) => {
  const { stage, published, client } = await startPublished(t);

  const code = (await authorize(stage.base, client)).get('code') ?? '';
  const tokens = tokensOf(await postToken(stage.base, exchangeForm(code, client)));
  tokensOf(await postToken(stage.base, refreshForm(tokens.refresh_token, client)));

  assert.equal(published.asked, 1);
  assert.deepEqual(stage.events.of('client_registered'), []);
});

test('the sign-in page says which host publishes the client', async (t) => {
  const { stage, site, client } = await startPublished(t);

  const page = await new Browser(redirectUri).visit(authorizationUrl(stage.base, client));

  assert.match(page.body, /<bdi>Published<\/bdi>/);
  assert.ok(page.body.includes(`<code><bdi>${new URL(site.origin).host}</bdi></code>`));
});

test('a grant is refreshed while the client’s site is down, and never told to register anew', async (t) => {
  const { stage, site, client } = await startPublished(t);
  const code = (await authorize(stage.base, client)).get('code') ?? '';
  const tokens = tokensOf(await postToken(stage.base, exchangeForm(code, client)));
  await site.goDown();

  stage.clock.advance(3600);
  const next = tokensOf(await postToken(stage.base, refreshForm(tokens.refresh_token, client)));
  stage.clock.advance(24 * 3600);
  const away = await postToken(stage.base, refreshForm(next.refresh_token, client));
  await site.comeUp();
  stage.clock.advance(10);

  assert.equal(away.status, 503);
  assert.equal(away.json().error, 'temporarily_unavailable');
  assert.equal(away.headers['retry-after'], '10');
  tokensOf(await postToken(stage.base, refreshForm(next.refresh_token, client)));
});

test('a client’s site that forbids or mislays its document for a while logs nobody out, one that withdraws it does', async (t) => {
  const { stage, published, client } = await startPublished(t);
  const code = (await authorize(stage.base, client)).get('code') ?? '';
  let tokens = tokensOf(await postToken(stage.base, exchangeForm(code, client)));

  for (const status of [302, 403, 404]) {
    published.status = status;
    stage.clock.advance(3600);
    tokens = tokensOf(await postToken(stage.base, refreshForm(tokens.refresh_token, client)));
  }
  published.status = 410;
  stage.clock.advance(3600);
  const withdrawn = await postToken(stage.base, refreshForm(tokens.refresh_token, client));

  assert.equal(published.asked, 5);
  assert.equal(withdrawn.json().error, 'invalid_client');
});

test('a document that is not in order is a page that says why', async (t) => {
  const { stage, client } = await startPublished(t, { client_id: 'http://127.0.0.1/another' });

  const refused = await send(authorizationUrl(stage.base, client), {
    headers: { accept: 'text/html' },
  });

  assert.equal(refused.status, 400);
  assert.match(refused.text, /its client_id is not the URL it was found at/);
});

for (const [where, id] of [
  ['on this machine', 'https://127.0.0.1:9/client.json'],
  ['in the network', 'https://10.0.0.1/client.json'],
  ['at a metadata service', 'https://169.254.169.254/latest/meta-data'],
]) {
  test(`a document ${where} is a page that tells nothing of the network`, async (t) => {
    const stage = await startStage(t);

    const refused = await send(authorizationUrl(stage.base, { client_id: id ?? '' }), {
      headers: { accept: 'text/html' },
    });
    const token = await postToken(stage.base, refreshForm('x', { client_id: id ?? '' }));

    assert.equal(refused.status, 503);
    assert.match(refused.text, /cannot be fetched just now/);
    assert.doesNotMatch(refused.text + token.text, /special/);
    assert.equal(token.status, 503);
    assert.equal(stage.events.of('client_document_failed').length, 1);
  });
}

test('without the switch for tests a document on loopback over http is that of an unknown client', async (t) => {
  const { client, published } = await startPublished(t);
  const strict = await startStage(t);

  const refused = await send(authorizationUrl(strict.base, client));

  assert.equal(refused.json().error, 'unknown_client');
  assert.equal(published.asked, 0);
});

test('only the clients of admitted domains come in by a document', async (t) => {
  const stage = await startStage(t, { clientMetadataDomains: ['claude.ai'] });

  const refused = await send(
    authorizationUrl(stage.base, { client_id: 'https://evil.example/client.json' }),
  );

  assert.equal(refused.status, 400);
  assert.match(refused.text, /does not admit clients of evil\.example/);
  assert.deepEqual(stage.events.of('client_document_failed'), []);
});

test('where documents are switched off, clients are told to register', async (t) => {
  const stage = await startStage(t, { clientMetadataDocuments: 'off' });

  const metadata = await send(`${stage.base}/.well-known/oauth-authorization-server`);
  const refused = await send(
    authorizationUrl(stage.base, { client_id: 'https://claude.ai/oauth/client' }),
  );

  assert.equal(metadata.json().client_id_metadata_document_supported, false);
  assert.equal(refused.json().error, 'unknown_client');
});

test('where registration is switched off, it is not offered and not possible', async (t) => {
  const stage = await startStage(t, { dynamicRegistration: false });

  const metadata = await send(`${stage.base}/.well-known/oauth-authorization-server`);
  const refused = await registration(stage);

  assert.ok(!('registration_endpoint' in metadata.json()));
  assert.equal(refused.status, 403);
  assert.match(refused.text, /"error":"access_denied".*operator/);
});

const json = { 'content-type': 'application/json' };

function registration({ base }: Stage) {
  const body = JSON.stringify({ redirect_uris: [redirectUri] });
  return send(`${base}/register`, { method: 'POST', headers: json, body });
}

test('an address that registers too often is told when to come back', async (t) => {
  const clock = standingClock();
  const stage = await startStage(t, { registrationsPerMinute: 2 }, {}, { clock });
  await register(stage.base);
  await register(stage.base);

  const refused = await registration(stage);
  clock.advance(60);

  assert.equal(refused.status, 429);
  assert.equal(refused.json().error, 'too_many_requests');
  assert.match(refused.headers['retry-after'] ?? '', /^\d+$/);
  await register(stage.base);
});

test('keys that a client registers are echoed without what is not public', async (t) => {
  const stage = await startStage(t);
  const key = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };

  const answer = await send(`${stage.base}/register`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...key, d: 'private' }] },
    }),
  });

  assert.equal(answer.status, 201);
  assert.deepEqual(answer.json().jwks, { keys: [key] });
  assert.equal(answer.json().client_secret, undefined);
});

test('a clients file that does not say what it should stops the start, with every fault', (t) => {
  const place = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  const clientsFile = join(place, 'clients.json');
  writeFileSync(clientsFile, '{"clients":[{"client_id":"a","redirect_uris":[]}]}');

  assert.throws(
    () => createGateway({ upstreamRs: 'https://mcp.example.com/mcp', clientsFile }),
    (error) => error instanceof ConfigurationError && /Client "a"/.test(error.message),
  );
});
