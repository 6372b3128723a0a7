import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowId } from '../../src/domain/authorization-flow.ts';
import { aBrowser, aClient, form, parameters } from './dance.ts';
import { base, valueIn, type WiredOptions, wired, world } from './wired.ts';

async function crowd(flows: WiredOptions['flows'] = {}) {
  const outside = world();
  const gateway = wired(outside, { flows });
  const client = await aClient(gateway, outside);
  const begin = async (from?: string) =>
    valueIn(await gateway.begin(client.value.id, parameters(), [base, base], from));
  const lives = async (flow: FlowId) => (await outside.store.flows.read(flow)) !== undefined;
  return { outside, gateway, begin, lives };
}

test('of one address the newest logins stay, and those of others are not touched', async () => {
  const { begin, lives } = await crowd({ perSender: 2 });
  const other = await begin('b');
  const nobody = await begin();
  const flows = [await begin('a'), await begin('a'), await begin('a'), await begin('a')];

  assert.deepEqual(await Promise.all(flows.map(lives)), [false, false, true, true]);
  assert.deepEqual(await Promise.all([other, nobody].map(lives)), [true, true]);
});

test('of all logins the newest stay', async () => {
  const { begin, lives } = await crowd({ total: 2 });
  const flows = [await begin('a'), await begin('b'), await begin('c'), await begin('a')];

  assert.deepEqual(await Promise.all(flows.map(lives)), [false, false, true, true]);
});

test('a login in which somebody has signed in is never touched, nor one that is over', async () => {
  const { outside, gateway, begin, lives } = await crowd({ perSender: 1 });
  const flow = await begin('a');
  const screen = valueIn(await gateway.openLogin(aBrowser(flow)));
  valueIn(await gateway.submitSignIn(form(screen)));

  const next = await begin('a');
  assert.equal(await lives(flow), true);

  outside.clock.advance(10_000);
  const last = await begin('a');
  assert.deepEqual(await Promise.all([flow, next, last].map(lives)), [false, false, true]);
});

test('a login that is open in a browser may leave, and its user is told', async () => {
  const { gateway, begin } = await crowd({ perSender: 1 });
  const flow = await begin('a');
  const screen = valueIn(await gateway.openLogin(aBrowser(flow)));
  await begin('a');

  const late = await gateway.submitSignIn(form(screen));

  assert.equal(late.ok ? undefined : late.failure, 'unknown');
});
