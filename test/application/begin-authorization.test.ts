import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aClient, parameters } from './dance.ts';
import { base, failureIn, valueIn, wired, world } from './wired.ts';

const bases = [base, base] as const;

describe('an authorization request', () => {
  it('starts a flow and tells the operator who asks', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);

    const id = valueIn(await gateway.begin(client.value.id, parameters(), bases));

    const [started] = outside.events.of('authorization_started');
    assert.equal(started?.flow, id);
    assert.equal(started?.client, client.value.id);
    assert.equal(started?.name, 'Test Client');
  });

  for (const [name, id] of [
    ['no client at all', undefined],
    ['a client that is not registered', 'nobody'],
  ] as const) {
    it(`tells the user about ${name}, never a redirect URI`, async () => {
      const outside = world();

      const refused = failureIn(await wired(outside).begin(id, parameters(), bases));

      assert.equal(refused.to === 'user' && refused.reason, 'unknown_client');
      const [event] = outside.events.of('authorization_refused');
      assert.equal(event?.client, id);
      assert.equal(event?.redirectUri, undefined);
    });
  }

  it('tells the user about a redirect URI that is not registered', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);

    const asked = parameters({ redirectUri: 'https://evil.example/' });
    const refused = failureIn(await gateway.begin(client.value.id, asked, bases));

    assert.equal(refused.to === 'user' && refused.reason, 'redirect_uri');
    const [event] = outside.events.of('authorization_refused');
    assert.equal(event?.redirectUri, 'https://evil.example/');
    assert.equal(event?.registered, client.value.redirectUris.join(' '));
  });

  it('tells the client about a fault of its request, with its state', async () => {
    const outside = world();
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);

    const asked = parameters({ codeChallenge: undefined });
    const refused = failureIn(await gateway.begin(client.value.id, asked, bases));

    assert.ok(refused.to === 'client');
    assert.equal(refused.error.error, 'invalid_request');
    assert.equal(refused.address.state, 'client state');
    const [event] = outside.events.of('authorization_refused');
    assert.equal(event?.client, client.value.id);
    assert.match(event?.reason ?? '', /PKCE/);
  });

  it('asks the client to come back when too many sign-ins are under way', async () => {
    const outside = world({ limits: { flows: 1 } });
    const gateway = wired(outside);
    const client = await aClient(gateway, outside);
    valueIn(await gateway.begin(client.value.id, parameters(), bases));

    const refused = failureIn(await gateway.begin(client.value.id, parameters(), bases));

    assert.ok(refused.to === 'client');
    assert.equal(refused.error.error, 'temporarily_unavailable');
    outside.clock.advance(900 + 600);
    valueIn(await gateway.begin(client.value.id, parameters(), bases));
  });
});
