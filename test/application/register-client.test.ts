import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UnreadableRecord } from '../../src/application/ports.ts';
import { unusedClients } from '../../src/application/unused-clients.ts';
import {
  type ClientCredentials,
  type ClientId,
  type ClientMetadata,
  clientId,
} from '../../src/domain/client-registration.ts';
import { epochSeconds, seconds } from '../../src/domain/lifetime.ts';
import { aClient, aGrant, refreshOf, storedClient } from './dance.ts';
import { failureIn, policy, valueIn, wired, world } from './wired.ts';

const metadata: ClientMetadata = {
  redirectUris: ['https://client.example/callback'],
  tokenEndpointAuthMethod: undefined,
  grantTypes: undefined,
  responseTypes: undefined,
  clientName: 'A client',
  keys: undefined,
};
const day = 86_400;
const farAway = epochSeconds(4_000_000_000);

describe('registration', () => {
  it('gives a confidential client a secret, and keeps no more than its hash', async () => {
    const outside = world();
    const gateway = wired(outside);

    const { client, secret } = valueIn(await gateway.register(metadata));

    const stored = await storedClient(outside, client.id);
    assert.equal(client.method, 'client_secret_basic');
    assert.match(secret ?? '', /^[\w-]{43}$/);
    assert.ok(!JSON.stringify(stored).includes(secret ?? ''));
    assert.deepEqual(outside.events.of('client_registered'), [
      { type: 'client_registered', client: client.id, name: 'A client' },
    ]);
  });

  it('gives a public client no secret', async () => {
    const gateway = wired(world());

    const registered = await gateway.register({ ...metadata, tokenEndpointAuthMethod: 'none' });

    assert.equal(valueIn(registered).secret, undefined);
  });

  it('refuses a client that could not be used safely, and tells the operator why', async () => {
    const outside = world();
    const gateway = wired(outside);

    const refused = await gateway.register({ ...metadata, redirectUris: ['javascript:alert(1)'] });

    assert.equal(failureIn(refused).error, 'invalid_redirect_uri');
    assert.equal(outside.events.of('registration_refused')[0]?.error, 'invalid_redirect_uri');
  });

  it('asks to come back when there is no room for another client', async () => {
    const outside = world({ limits: { clients: 2 } });
    const gateway = wired(outside);
    await aGrant(gateway, outside);
    await wired(outside).register(metadata);

    const refused = failureIn(await gateway.register(metadata));

    assert.equal(refused.error, 'temporarily_unavailable');
    assert.equal(refused.retryAfter, 60);
  });

  it('makes room among the clients that never got a token, the oldest first', async () => {
    const outside = world({ limits: { clients: 4 } });
    const gateway = wired(outside);
    const gone = valueIn(await gateway.register(metadata)).client;
    const { client: inUse } = await aGrant(gateway, outside);
    const kept = valueIn(await gateway.register(metadata)).client;
    const later = valueIn(await gateway.register(metadata)).client;

    const latest = valueIn(await gateway.register(metadata)).client;

    assert.equal(await outside.store.clients.read(gone.id), undefined);
    for (const { id } of [inUse.value, kept, later, latest]) {
      assert.notEqual(await outside.store.clients.read(id), undefined);
    }
  });

  it('keeps a client that is used at the very moment', async () => {
    const outside = world({ limits: { clients: 1 } });
    const gateway = wired(outside);
    const { client } = valueIn(await gateway.register(metadata));
    const now = outside.clock.now();
    outside.store.beforeWrite('clients', () => Promise.resolve()); // the next registration
    outside.store.beforeWrite('clients', async (key) => {
      const stored = await outside.store.quiet.clients.read(key);
      if (stored === undefined) return;
      const { value, version } = stored;
      await outside.store.quiet.clients.write(key, { ...value, usedAt: now }, version, farAway);
    });

    const refused = failureIn(await gateway.register(metadata));

    assert.equal(refused.error, 'temporarily_unavailable');
    assert.notEqual(await outside.store.clients.read(client.id), undefined);
  });

  it('lets only so many wait for their first token: a flood puts out its own', async () => {
    const outside = world();
    const gateway = wired(outside);
    const unused = unusedClients(outside.ports, 2);
    const { client: inUse } = await aGrant(gateway, outside);
    await unused.add(inUse.value.id);
    await unused.add(clientId('gone already'));
    const flood: ClientId[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { client } = valueIn(await gateway.register(metadata));
      flood.push(client.id);
      await unused.add(client.id);
    }

    const found = await Promise.all(flood.map((id) => outside.store.clients.read(id)));
    assert.deepEqual(
      found.map((each) => each !== undefined),
      [false, true, true],
    );
    assert.notEqual(await outside.store.clients.read(inUse.value.id), undefined);
  });

  it('forgets a client that never got a token after a day', async () => {
    const outside = world();
    const client = await aClient(wired(outside), outside);

    outside.clock.advance(day - 1);
    assert.ok(await outside.store.clients.read(client.value.id));
    outside.clock.advance(1);
    assert.equal(await outside.store.clients.read(client.value.id), undefined);
  });

  it('goes on where the oldest that never got a token cannot be read', async () => {
    const outside = world();
    const { clients } = outside.store;
    const ports = {
      ...outside.ports,
      store: {
        ...outside.store,
        clients: { ...clients, read: () => Promise.reject(new UnreadableRecord('broken')) },
      },
    };
    const unused = unusedClients(ports, 1);

    await unused.add(clientId('one'));
    await unused.add(clientId('other'));

    assert.equal(await unused.forgetOldest(), false);
  });

  it('keeps a client for ninety days after its last use', async () => {
    const outside = world();
    const gateway = wired(outside);
    const { client, tokens } = await aGrant(gateway, outside);
    outside.clock.advance(20 * day);
    const used = await storedClient(outside, client.value.id);
    valueIn(await gateway.refresh(used, refreshOf(tokens.refreshToken)));

    outside.clock.advance(90 * day - 1);
    assert.ok(await outside.store.clients.read(client.value.id));
    outside.clock.advance(1);
    assert.equal(await outside.store.clients.read(client.value.id), undefined);
  });

  it('keeps a client for as long as a token of it may be good, where that is longer', async () => {
    const outside = world();
    const year = seconds(365 * day);
    const gateway = wired(outside, { policy: { refreshTtl: year } });
    const { client, tokens } = await aGrant(gateway, outside);
    outside.clock.advance(day - 1); // not noted any more on this day
    const used = await storedClient(outside, client.value.id);
    const second = valueIn(await gateway.refresh(used, refreshOf(tokens.refreshToken)));

    outside.clock.advance(year + policy.clockSkew - 1);

    const late = await storedClient(outside, client.value.id);
    valueIn(await gateway.refresh(late, refreshOf(second.refreshToken)));
  });

  it('notes the use of a client once a day', async () => {
    const outside = world();
    const gateway = wired(outside);
    const { client, tokens } = await aGrant(gateway, outside);
    const before = await storedClient(outside, client.value.id);

    valueIn(await gateway.refresh(before, refreshOf(tokens.refreshToken)));

    assert.equal((await storedClient(outside, client.value.id)).version, before.version);
  });

  it('answers although another request noted the use first', async () => {
    const outside = world();
    const gateway = wired(outside);
    const { clients } = outside.store.quiet;
    outside.store.beforeWrite('clients', () => Promise.resolve()); // the registration
    outside.store.beforeWrite('clients', async (key) => {
      const stored = await clients.read(key);
      if (stored) await clients.write(key, stored.value, stored.version, farAway);
    });

    const { tokens } = await aGrant(gateway, outside);

    assert.ok(tokens.accessToken);
  });

  it('answers although its use could not be noted: what was committed is not taken back', async () => {
    const outside = world();
    const gateway = wired(outside);
    outside.store.beforeWrite('clients', () => Promise.resolve()); // the registration
    outside.store.beforeWrite('clients', async () => {
      throw new Error('the store is away');
    });

    const { tokens } = await aGrant(gateway, outside);

    assert.equal(tokens.expiresIn, 3600);
    assert.equal(outside.events.of('internal_error').length, 1);
  });
});

describe('client authentication', () => {
  const credentials = (id: string, secret: string | undefined): readonly ClientCredentials[] => [
    { id: clientId(id), secret },
  ];

  it('knows a client by its secret', async () => {
    const gateway = wired(world());
    const { client, secret } = valueIn(await gateway.register(metadata));

    const found = valueIn(await gateway.authenticate(credentials(client.id, secret)));

    assert.equal(found.value.id, client.id);
  });

  it('tries every way in which its credentials can be read', async () => {
    const gateway = wired(world());
    const { client, secret } = valueIn(await gateway.register(metadata));
    const readings = [...credentials(client.id, `${secret}%`), ...credentials(client.id, secret)];

    assert.ok((await gateway.authenticate(readings)).ok);
    assert.ok(!(await gateway.authenticate([])).ok);
  });

  it('answers an unknown client and a wrong secret alike', async () => {
    const gateway = wired(world());
    const { client } = valueIn(await gateway.register(metadata));

    const unknown = await gateway.authenticate(credentials('nobody', 'secret'));
    const wrong = await gateway.authenticate(credentials(client.id, 'secret'));

    assert.equal(failureIn(unknown).error, 'invalid_client');
    assert.deepEqual(wrong, unknown);
  });
});

describe('the limits of registration', () => {
  it('turn an address away that registers too many clients in a minute, and no other', async () => {
    const outside = world();
    const gateway = wired(outside, { registration: { perMinute: 2 } });
    valueIn(await gateway.register(metadata, '192.0.2.1'));
    outside.clock.advance(20);
    valueIn(await gateway.register(metadata, '192.0.2.1'));

    const refused = failureIn(await gateway.register(metadata, '192.0.2.1'));

    assert.equal(refused.error, 'too_many_requests');
    assert.equal(refused.retryAfter, 40);
    assert.equal(outside.events.of('registration_refused')[0]?.error, 'too_many_requests');
    valueIn(await gateway.register(metadata, '192.0.2.2'));
    valueIn(await gateway.register(metadata));
    outside.clock.advance(40);
    valueIn(await gateway.register(metadata, '192.0.2.1'));
  });

  it('let nobody register where the operator switched it off', async () => {
    const gateway = wired(world(), { registration: { open: false } });

    const refused = failureIn(await gateway.register(metadata, '192.0.2.1'));

    assert.equal(refused.error, 'access_denied');
    assert.match(refused.description, /operator/);
  });
});
