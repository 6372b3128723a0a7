import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayEvent } from '../../src/application/events.ts';
import { accountMark } from '../../src/domain/account-mark.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import { aClient, aGrant, form, openedFlow, opensMcp, refreshOf } from './dance.ts';
import { gatewayKeys, valueIn, wired, world } from './wired.ts';

/** The name that ties the lines of one login together. */
function idOf(event: GatewayEvent): string | undefined {
  if ('flow' in event && event.flow !== undefined) return event.flow;
  return 'grant' in event ? event.grant : undefined;
}

test('one id leads through a login, from its start to the end of its grant', async () => {
  const outside = world();
  const gateway = wired(outside);

  const { client, tokens, grant } = await aGrant(gateway, outside);
  await opensMcp(gateway, tokens.accessToken);
  await opensMcp(gateway, tokens.accessToken);
  const next = valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
  await opensMcp(gateway, next.accessToken);
  await gateway.revoke(client.value, next.accessToken);

  assert.deepEqual(
    outside.events.all.filter((event) => idOf(event) === grant).map(({ type }) => type),
    [
      'authorization_started',
      'signed_in',
      'sent_upstream',
      'upstream_returned',
      'code_issued',
      'code_exchanged',
      'tokens_first_used',
      'upstream_tokens_renewed',
      'tokens_refreshed',
      'tokens_first_used',
      'grant_ended',
    ],
  );
  assert.deepEqual(outside.events.of('tokens_first_used')[0], {
    type: 'tokens_first_used',
    generation: 1,
    grant,
    client: client.value.id,
    subject: 'alice',
  });
});

test('a refused sign-in names the client, and the tried name only by a mark that nobody can try guesses against', async () => {
  const outside = world();
  const gateway = wired(outside);
  const screen = await openedFlow(gateway, await aClient(gateway, outside));

  await gateway.submitSignIn(form(screen, { username: 'my password', password: 'x' }));

  const [refused] = outside.events.of('sign_in_refused');
  assert.deepEqual([refused?.flow, refused?.name], [screen.flow.id, 'Test Client']);
  assert.equal(refused?.account, accountMark('my password', gatewayKeys()).slice(0, 8));
  assert.notEqual(refused?.account, sha256('my password').slice(0, 8));
});
