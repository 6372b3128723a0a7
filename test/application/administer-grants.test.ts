import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Records, StoreUnavailable, UnreadableRecord } from '../../src/application/ports.ts';
import { aGrant } from './dance.ts';
import { wired, world } from './wired.ts';

const everything = { user: undefined, client: undefined, grant: undefined };

async function listed(gateway: ReturnType<typeof wired>, filter = {}) {
  const found = [];
  for await (const each of gateway.administer.list({ ...everything, ...filter })) found.push(each);
  return found;
}

test('a grant is listed with what an operator needs to know, and nothing that opens it', async () => {
  const outside = world();
  const gateway = wired(outside);
  const { client, grant, tokens } = await aGrant(gateway, outside);

  const found = await listed(gateway);

  assert.deepEqual(found, [
    {
      grant: grant,
      user: 'alice',
      client: client.value.id,
      clientName: client.value.name,
      scope: 'read write',
      issuedAt: outside.clock.now(),
    },
  ]);
  assert.equal(JSON.stringify(found).includes(tokens.accessToken), false);
});

test('grants are found by user, by client and by their own id', async () => {
  const outside = world();
  const gateway = wired(outside);
  const [one, two] = [await aGrant(gateway, outside), await aGrant(gateway, outside)];
  const found = async (filter: object) => (await listed(gateway, filter)).map(({ grant }) => grant);

  assert.equal((await found({})).length, 2);
  assert.equal((await found({ user: 'alice' })).length, 2);
  assert.deepEqual(await found({ user: 'bob' }), []);
  assert.deepEqual(await found({ client: one.client.value.id }), [one.grant]);
  assert.deepEqual(await found({ grant: two.grant }), [two.grant]);
});

test('a revoked grant is over for good, and not listed any more', async () => {
  const outside = world();
  const gateway = wired(outside);
  const { client, grant } = await aGrant(gateway, outside);
  await aGrant(gateway, outside);

  assert.equal(await gateway.administer.revoke({ ...everything, grant: grant }), 1);
  assert.equal(await gateway.administer.revoke({ ...everything, client: client.value.id }), 0);

  assert.equal((await outside.store.grants.read(grant))?.value.state, 'ended');
  assert.equal((await listed(gateway)).length, 1);
});

test('a grant that a scan shows twice counts once, and one that ends meanwhile not at all', async () => {
  const outside = world();
  const { grant } = await aGrant(wired(outside), outside);
  const { grants } = outside.store;
  const scanningTwice: Records<never> = {
    read: (key) => grants.read(key) as never,
    write: (...given) => grants.write(...given),
    async *scan() {
      for await (const each of grants.scan()) {
        yield each as never;
        yield each as never;
      }
    },
  };
  const twice = wired(outside, { ports: { store: { ...outside.store, grants: scanningTwice } } });
  assert.equal(await twice.administer.revoke({ ...everything, grant: grant }), 1);

  await aGrant(wired(outside), outside);
  const away = { ...scanningTwice, read: async () => undefined };
  const ended = wired(outside, { ports: { store: { ...outside.store, grants: away } } });
  assert.equal(await ended.administer.revoke(everything), 0);
});

test('a grant is listed also where the record of its client cannot be read, and not where the store is away', async () => {
  const outside = world();
  const { grant } = await aGrant(wired(outside), outside);
  const failing = (error: Error) => {
    const clients = { ...outside.store.clients, read: () => Promise.reject(error) };
    return wired(outside, { ports: { store: { ...outside.store, clients } } });
  };

  const found = await listed(failing(new UnreadableRecord('broken')));

  assert.deepEqual(
    found.map((each) => [each.grant, each.clientName]),
    [[grant, undefined]],
  );
  await assert.rejects(listed(failing(new StoreUnavailable('away'))), StoreUnavailable);
});
