import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gate } from '../../src/adapters/testing/testing.ts';
import type { GatewayOptions } from '../../src/main.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type Stage, startStage } from './fake-stage.ts';
import { startGateway } from './gateway-setup.ts';
import {
  authorize,
  callMcp,
  exchangeForm,
  halvesOf,
  postToken,
  type Registered,
  refreshForm,
  register,
  send,
  type Tokens,
  tokensOf,
} from './raw-client.ts';

const folder = temporaryFolder();
let stores = 0;

/** Whoever may ask /introspect. */
const caller = { introspectionClientId: 'rs', introspectionClientSecret: 'a secret' };

/** A gateway with its store on disk, that can be started anew: same store, same address. */
async function startKept(t: TestContext, options: Partial<GatewayOptions> = {}) {
  stores += 1;
  const kept = { ...caller, ...options, store: join(folder, `${stores}.mdb`) };
  const stage = await startStage(t, kept);
  let { gateway } = stage;
  const start = async (changed: Partial<GatewayOptions> = {}) => {
    const { clock, events, mcp, base } = stage;
    const port = Number(new URL(base).port);
    const again = { ...kept, ...changed, port, upstreamRs: mcp.url };
    gateway = await startGateway(t, again, { clock, events });
  };
  return { ...stage, start, stop: () => gateway.close() };
}

/** A client that has gone the whole way, and the code that it went with. */
async function logInWithCode(base: string) {
  const client = await register(base);
  const code = (await authorize(base, client)).get('code') ?? '';
  const tokens = tokensOf(await postToken(base, exchangeForm(code, client)));
  return { client, code, tokens };
}

async function isServed({ base }: Stage, token: string): Promise<boolean> {
  return (await callMcp(base, { access_token: token })).status === 200;
}

async function isActive({ base }: Stage, token: string): Promise<unknown> {
  const { introspectionClientId: id, introspectionClientSecret: secret } = caller;
  const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
  const answer = await send(`${base}/introspect`, { method: 'POST', headers, body: { token } });
  return answer.json().active;
}

async function assertGood(stage: Stage, { access_token, refresh_token }: Tokens): Promise<void> {
  assert.ok(await isServed(stage, access_token), 'a token that was given out is refused');
  assert.equal(await isActive(stage, access_token), true);
  assert.equal(await isActive(stage, refresh_token), true);
}

test('tokens of either format outlive a restart, and a change of the format', async (t) => {
  const stage = await startKept(t);
  const { client, tokens: pair } = await logInWithCode(stage.base);
  const refreshed = async (tokens: Tokens) =>
    tokensOf(await postToken(stage.base, refreshForm(tokens.refresh_token, client)));

  await stage.stop();
  await stage.start({ tokenFormat: 'opaque' });
  await assertGood(stage, pair);
  const opaque = await refreshed(pair);
  await assertGood(stage, opaque);

  await stage.stop();
  await stage.start({ tokenFormat: 'pair' });
  await assertGood(stage, opaque);
  await assertGood(stage, pair);
  const last = await refreshed(opaque);
  await assertGood(stage, last);

  assert.ok(!opaque.access_token.includes(':') && opaque.access_token.length < 80);
  assert.notEqual(stage.as.access(halvesOf(last.access_token)[1]), undefined);
  assert.equal(stage.as.registrations, 1);
});

for (const leaves of [true, false]) {
  const who = leaves ? 'its client has hung up' : 'its client waits';
  test(`a stop while the upstream gives new tokens costs nobody a grant (${who})`, async (t) => {
    const stage = await startKept(t);
    const { as, base, events } = stage;
    const { client, tokens } = await logInWithCode(base);
    const answer = gate();
    as.misbehave({ type: 'held', gate: answer }, '/token');
    const asking = request(`${base}/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
    const over = new Promise((resolve) => asking.on('close', resolve));
    asking.on('error', () => {}).on('response', (response) => response.resume());
    asking.end(new URLSearchParams(refreshForm(tokens.refresh_token, client)).toString());
    await answer.reached;
    if (leaves) asking.destroy();
    const stopped = stage.stop();
    // Nobody is let in any more: the stop is under way.
    const isClosed = () =>
      send(base).then(
        () => false,
        () => true,
      );
    await eventually(isClosed, (closed) => closed);
    answer.open();
    await Promise.all([over, stopped]);
    as.behave();

    await stage.start();

    const renewed = tokensOf(await postToken(base, refreshForm(tokens.refresh_token, client)));
    await assertGood(stage, renewed);
    assert.deepEqual(events.of('grant_ended'), []);
    assert.deepEqual(events.of('upstream_failed'), []);
  });
}

/** Ends a grant by what its client, or a thief, does. */
const endings: readonly (readonly [
  name: string,
  options: Partial<GatewayOptions>,
  end: (base: string, client: Registered, tokens: Tokens, code: string) => Promise<unknown>,
])[] = [
  [
    'a revocation',
    {},
    (base, { client_id }, { refresh_token: token }) =>
      send(`${base}/revoke`, { method: 'POST', body: { token, client_id } }),
  ],
  [
    'a revocation of an opaque token',
    { tokenFormat: 'opaque' },
    (base, { client_id }, { access_token: token }) =>
      send(`${base}/revoke`, { method: 'POST', body: { token, client_id } }),
  ],
  [
    'a second use of a code',
    {},
    (base, client, _, code) => postToken(base, exchangeForm(code, client)),
  ],
];

for (const [name, options, end] of endings) {
  test(`${name} outlives a restart, after which the upstream hears of it`, async (t) => {
    const stage = await startKept(t, options);
    const { as, base } = stage;
    const { client, code, tokens } = await logInWithCode(base);
    await as.goDown();
    await end(base, client, tokens, code);
    await stage.stop();
    await as.comeUp();
    assert.deepEqual(as.revocations, []);

    await stage.start();

    await eventually(
      async () => as.revocations.length,
      (count) => count === 2,
    );
    assert.equal(await isServed(stage, tokens.access_token), false);
    assert.equal(await isActive(stage, tokens.refresh_token), false);
    const refused = await postToken(base, refreshForm(tokens.refresh_token, client));
    assert.equal(refused.json().error, 'invalid_grant');
    for (const token of as.revocations) assert.equal(as.access(token), undefined);
  });
}
