import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startStage } from './fake-stage.ts';
import { logIn, postToken, refreshForm, register, send } from './raw-client.ts';

const revocationOf = (base: string, form: Readonly<Record<string, string>>) =>
  send(`${base}/revoke`, { method: 'POST', body: form });

test('a revoked token opens nothing any more, here and at the upstream', async (t) => {
  const { base, as, events } = await startStage(t);
  const { client, tokens } = await logIn(base);
  const told = new Promise<void>((resolve) => {
    const emit = events.emit;
    events.emit = (event) => {
      emit(event);
      if (event.type === 'upstream_revoked') resolve();
    };
  });

  const form = { token: tokens.access_token, client_id: client.client_id };
  const answer = await revocationOf(base, form);
  await told;

  assert.equal(answer.status, 200);
  assert.equal(as.revocations.length, 2);
  const call = await send(`${base}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  assert.equal(call.status, 401);
  const refreshed = await postToken(base, refreshForm(tokens.refresh_token, client));
  assert.equal(refreshed.json().error, 'invalid_grant');
});

test('an unknown token is revoked already, and a stranger revokes nothing', async (t) => {
  const { base } = await startStage(t);
  const { tokens } = await logIn(base);
  const stranger = await register(base);

  const unknown = await revocationOf(base, { token: 'x', client_id: stranger.client_id });
  const foreign = await revocationOf(base, {
    token: tokens.refresh_token,
    client_id: stranger.client_id,
  });

  assert.deepEqual([unknown.status, foreign.status], [200, 200]);
  const call = await send(`${base}/mcp`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  assert.notEqual(call.status, 401);
});

for (const [what, form, error] of [
  ['without a token', { client_id: 'x' }, 'invalid_request'],
  ['of a client that is not registered', { token: 'x', client_id: 'x' }, 'invalid_client'],
  ['of nobody', { token: 'x' }, 'invalid_client'],
] as const) {
  test(`a revocation ${what} is ${error}`, async (t) => {
    const { base } = await startStage(t);

    assert.equal((await revocationOf(base, form)).json().error, error);
  });
}

test('introspection is off unless its caller is configured', async (t) => {
  const { base } = await startStage(t);

  assert.equal((await send(`${base}/introspect`, { method: 'POST' })).status, 404);
  const metadata = await send(`${base}/.well-known/oauth-authorization-server`);
  assert.equal('introspection_endpoint' in metadata.json(), false);
  assert.equal(metadata.json().revocation_endpoint, `${base}/revoke`);
});

test('its caller learns what a token is, and nobody else does', async (t) => {
  const caller = { introspectionClientId: 'rs', introspectionClientSecret: 'a secret' };
  const { base } = await startStage(t, caller);
  const { client, tokens } = await logIn(base);
  const ask = (token: string, credentials: string) =>
    send(`${base}/introspect`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
      body: { token },
    });

  const live = (await ask(tokens.access_token, 'rs:a secret')).json();
  const none = (await ask('x', 'rs:a secret')).json();
  const wrong = await ask(tokens.access_token, 'rs:another');
  const stranger = await ask(tokens.access_token, `${client.client_id}:`);

  assert.equal(live.active, true);
  assert.equal(live.client_id, client.client_id);
  assert.equal(live.sub, 'gateway_user');
  assert.equal(live.iss, base);
  assert.equal(live.aud, `${base}/mcp`);
  assert.deepEqual(none, { active: false });
  assert.deepEqual([wrong.status, stranger.status], [401, 401]);
  assert.match(wrong.headers['www-authenticate'] ?? '', /^Basic /);
});
