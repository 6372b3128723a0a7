import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Events } from '../../src/application/events.ts';
import type { GatewayEvent } from '../../src/main.ts';
import { startStage } from './fake-stage.ts';
import {
  authorize,
  exchangeForm,
  halvesOf,
  logIn,
  postToken,
  refreshForm,
  register,
  send,
  tokensOf,
} from './raw-client.ts';

const revocationOf = (base: string, form: Readonly<Record<string, string>>) =>
  send(`${base}/revoke`, { method: 'POST', body: form });

test('a revoked token opens nothing any more, here and at the upstream', async (t) => {
  const { events, happened } = awaited('upstream_revoked');
  const { base, as } = await startStage(t, {}, {}, { events });
  const { client, tokens } = await logIn(base);

  const form = { token: tokens.access_token, client_id: client.client_id };
  const answer = await revocationOf(base, form);
  await happened;

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
  assert.equal(foreign.text, unknown.text);
  await assertLive(base, tokens.access_token);
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

test('a client with a secret proves that it has it, in either way', async (t) => {
  const { base } = await startStage(t);
  const client = await register(base, { token_endpoint_auth_method: 'client_secret_basic' });
  const { client_id, client_secret = '' } = client;
  const basic = (secret: string) => ({
    authorization: `Basic ${Buffer.from(`${client_id}:${secret}`).toString('base64')}`,
  });
  const revoke = (form: Readonly<Record<string, string>>, headers = {}) =>
    send(`${base}/revoke`, { method: 'POST', headers, body: { token: 'x', ...form } });

  const byHeader = await revoke({}, basic(client_secret));
  const byForm = await revoke({ client_id, client_secret });
  const wrong = await revoke({}, basic('guess'));
  const without = await revoke({ client_id });
  const twice = await revoke({ client_secret }, basic(client_secret));

  assert.deepEqual([byHeader.status, byForm.status], [200, 200]);
  assert.equal(wrong.status, 401);
  assert.equal(wrong.json().error, 'invalid_client');
  assert.match(wrong.headers['www-authenticate'] ?? '', /^Basic /);
  assert.equal(without.status, 401);
  assert.equal(without.headers['www-authenticate'], undefined);
  assert.equal(twice.json().error, 'invalid_request');
});

test('a hint about the kind of a token need not be right, and what is not known is ignored', async (t) => {
  const { base } = await startStage(t);
  const { client, tokens } = await logIn(base);
  const form = { client_id: client.client_id, more: 'of this', token: tokens.refresh_token };

  const answer = await revocationOf(base, { ...form, token_type_hint: 'access_token' });

  assert.equal(answer.status, 200);
  assert.equal(answer.text, '{}');
  assert.equal(answer.headers['cache-control'], 'no-store');
  const refreshed = await postToken(base, refreshForm(tokens.refresh_token, client));
  assert.equal(refreshed.json().error, 'invalid_grant');
});

test('a repeated parameter, another body and another method revoke nothing', async (t) => {
  const { base } = await startStage(t);
  const { client, tokens } = await logIn(base);
  const { access_token: token } = tokens;
  const { client_id } = client;
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const json = { 'content-type': 'application/json' };
  const query = `token=${token}&client_id=${client_id}`;

  const answers = [
    await send(`${base}/revoke`, { method: 'POST', headers: form, body: `${query}&token=x` }),
    await send(`${base}/revoke`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ token, client_id }),
    }),
    await send(`${base}/revoke?${query}`, { method: 'POST', headers: form, body: '' }),
    await send(`${base}/revoke?${query}`),
  ];

  assert.deepEqual(
    answers.map(({ status }) => status),
    [400, 400, 400, 405],
  );
  await assertLive(base, token);
});

test('the client is not kept waiting for an upstream that is down', async (t) => {
  const { base, as, events } = await startStage(t);
  const { client, tokens } = await logIn(base);
  as.misbehave({ type: 'stall' });

  const { client_id } = client;
  const answer = await revocationOf(base, { token: tokens.access_token, client_id });

  assert.equal(answer.status, 200);
  assert.equal(events.of('grant_ended')[0]?.reason, 'revoked');
  assert.deepEqual(as.revocations, []);
});

test('a second use of a code revokes at the upstream too', async (t) => {
  const { events, happened } = awaited('upstream_revoked');
  const { base, as } = await startStage(t, {}, {}, { events });
  const client = await register(base);
  const code = (await authorize(base, client)).get('code') ?? '';
  const tokens = tokensOf(await postToken(base, exchangeForm(code, client)));

  const again = await postToken(base, exchangeForm(code, client));
  await happened;

  assert.equal(again.json().error, 'invalid_grant');
  const [, upstream] = halvesOf(tokens.access_token);
  assert.deepEqual(as.revocations, [halvesOf(tokens.refresh_token)[1], upstream]);
  assert.equal(as.access(upstream), undefined);
});

test('with --upstream-revocation=off the upstream is told nothing', async (t) => {
  const { base, as, events } = await startStage(t, { upstreamRevocation: 'off' });
  const { client, tokens } = await logIn(base);

  const { client_id } = client;
  await revocationOf(base, { token: tokens.access_token, client_id });

  assert.equal(events.of('grant_ended').length, 1);
  assert.ok(as.access(halvesOf(tokens.access_token)[1]));
});

/** Events that say when the first of a type has come. */
function awaited(type: GatewayEvent['type']): { events: Events; happened: Promise<void> } {
  let tell = () => {};
  const happened = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const emit = (event: GatewayEvent) => {
    if (event.type === type) tell();
  };
  return { events: { emit }, happened };
}

async function assertLive(base: string, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  const call = await send(`${base}/mcp`, { method: 'POST', headers, body: '{}' });
  assert.notEqual(call.status, 401);
}
