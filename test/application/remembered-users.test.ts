import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Subject } from '../../src/domain/grant.ts';
import { aBrowser, aClient, form, openedFlow, parameters } from './dance.ts';
import { base, valueIn, wired, world } from './wired.ts';

test('a browser that remembers a user who may not sign in any more is asked again', async () => {
  const outside = world();
  const users = new Set<string>(['alice']);
  const signIn = { ...outside.ports.signIn, isUser: async (who: Subject) => users.has(who) };
  const gateway = wired(outside, { sessionTtl: 600, ports: { signIn } });
  const client = await aClient(gateway, outside);
  const first = await openedFlow(gateway, client);
  const outcome = valueIn(await gateway.submitSignIn(form(first)));
  assert.ok(outcome.type === 'upstream');
  const { session } = outcome;
  const signedIn = async () => {
    const flow = valueIn(await gateway.begin(client.value.id, parameters(), [base, base]));
    return valueIn(await gateway.openLogin(aBrowser(flow, { session }))).signedIn;
  };

  assert.equal(await signedIn(), 'alice');
  users.delete('alice');

  assert.equal(await signedIn(), undefined);
});
