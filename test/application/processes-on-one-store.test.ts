import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UseCases } from '../../src/application/use-cases.ts';
import { after, seconds } from '../../src/domain/lifetime.ts';
import {
  aClient,
  aGrant,
  exchangeOf,
  type Granted,
  openedFlow,
  opensMcp,
  refreshOf,
  returned,
  upstreamUrl,
} from './dance.ts';
import { valueIn, type World, type WorldOptions, wired, world } from './wired.ts';

const settings = { clientId: undefined, clientSecret: undefined };

/** Two gateways on one store, and the world outside both. */
interface Pair {
  readonly outside: World;
  /** Has the newer view, once something has changed. */
  readonly one: UseCases;
  readonly two: UseCases;
}

async function pair(outside: World): Promise<Pair & { readonly old: Granted }> {
  const one = wired(outside, { settings });
  const two = wired(outside, { settings });
  const old = await aGrant(one, outside);
  await aGrant(two, outside);
  assert.equal(outside.upstream.registrations, 1);
  return { outside, one, two, old };
}

/** The upstream forgot the gateway, and the first process registered anew. */
async function registeredAnew(options: WorldOptions = {}): Promise<Pair> {
  const { outside, one, two, old } = await pair(world(options));
  outside.upstream.forgetClients();
  assert.equal((await one.refresh(old.client, refreshOf(old.tokens.refreshToken))).ok, false);
  assert.equal(outside.upstream.registrations, 2);
  return { outside, one, two };
}

/** The registration ended by its time, and the first process registered anew. */
async function registrationEnded(options: WorldOptions = {}): Promise<Pair> {
  const outside = world(options);
  const { upstream, clock } = outside;
  const register = upstream.register.bind(upstream);
  upstream.register = async (...asked) => {
    const answer = await register(...asked);
    const secretExpiresAt = after(clock.now(), seconds(5000));
    return answer.ok ? { ok: true, value: { ...answer.value, secretExpiresAt } } : answer;
  };
  const given = await pair(outside);
  // The second process found the server late enough not to look for it again now.
  clock.advance(3700);
  await aGrant(given.two, outside);
  clock.advance(1301);
  await upstreamUrl(given.one, await openedFlow(given.one, await aClient(given.one, outside)));
  assert.equal(upstream.registrations, 2);
  return given;
}

/** The MCP server names another authorization server, and the first process was started since. */
async function moved(options: WorldOptions = {}): Promise<Pair> {
  const { outside, two } = await pair(world(options));
  names(outside, 'https://new.example');
  return { outside, one: wired(outside, { settings }), two };
}

function names({ upstream }: World, issuer: string): void {
  const { resourceDocuments, serverDocuments } = upstream;
  const [[url, resource] = []] = resourceDocuments;
  const [document] = serverDocuments.values();
  assert.ok(url && resource && document, 'the upstream publishes its documents');
  resourceDocuments.set(url, { ...resource, authorizationServers: [issuer] });
  serverDocuments.set(`${issuer}/.well-known/oauth-authorization-server`, {
    ...document,
    issuer,
    authorizationEndpoint: `${issuer}/authorize`,
    tokenEndpoint: `${issuer}/token`,
    issuerInResponse: false,
  });
  upstream.traits.issuerInResponse = false;
}

const changes = [
  ['registered anew', registeredAnew],
  ['registered anew when the secret had ended', registrationEnded],
  ['found another authorization server', moved],
] as const;

for (const [name, changed] of changes) {
  describe(`a process whose neighbour ${name}`, () => {
    it('refreshes a grant that the neighbour made', async () => {
      const { outside, one, two } = await changed();
      const { client, tokens } = await aGrant(one, outside);
      const ended = outside.events.of('grant_ended').length;

      valueIn(await two.refresh(client, refreshOf(tokens.refreshToken)));

      assert.equal(outside.events.of('grant_ended').length, ended);
    });

    it('renews its tokens on /mcp', async () => {
      const { outside, one, two } = await changed({ traits: { accessTtl: 600 } });
      const { tokens } = await aGrant(one, outside);
      outside.clock.advance(601);

      assert.ok(await opensMcp(two, tokens.accessToken), 'the grant is over');
    });

    it('finishes a sign-in that the neighbour began', async () => {
      const { outside, one, two } = await changed();
      const client = await aClient(one, outside);
      const screen = await openedFlow(one, client);
      const url = outside.upstream.approve(await upstreamUrl(one, screen));

      const outcome = valueIn(await two.returnFromUpstream(returned(url, screen)));

      assert.ok(outcome.type === 'code', JSON.stringify(outcome));
      valueIn(await two.exchange(client, exchangeOf(outcome.code)));
    });

    it('tells the upstream of the end of a grant that the neighbour made', async () => {
      const { outside, one, two } = await changed();
      const { client, tokens } = await aGrant(one, outside);
      const told = outside.upstream.revocations.length;

      await two.revoke(client.value, tokens.refreshToken);
      await outside.clock.sleep(60_000);

      assert.equal(outside.upstream.revocations.length - told, 2);
    });
  });
}

describe('a process whose neighbour registered anew', () => {
  it('sends its own users as the new client', async () => {
    const { outside, two } = await registeredAnew();

    const url = await upstreamUrl(two, await openedFlow(two, await aClient(two, outside)));

    outside.upstream.approve(url);
    assert.equal(outside.upstream.registrations, 2);
  });
});

describe('a process whose operator named another client since', () => {
  it('sends a user who comes back as the client of before to the upstream once more', async () => {
    const outside = world();
    const before = wired(outside);
    const since = { clientId: 'public-gateway', clientSecret: undefined };
    const client = await aClient(before, outside);
    const screen = await openedFlow(before, client);
    const url = outside.upstream.approve(await upstreamUrl(before, screen));

    const outcome = valueIn(
      await wired(outside, { settings: since }).returnFromUpstream(returned(url, screen)),
    );

    assert.ok(outcome.type === 'upstream', JSON.stringify(outcome));
    assert.equal(new URL(outcome.url).searchParams.get('client_id'), since.clientId);
  });
});

describe('a process whose neighbour found another authorization server', () => {
  it('ends nobody’s grant while it cannot look itself', async () => {
    const { outside, one, two } = await moved();
    const { client, tokens } = await aGrant(one, outside);
    const documents = [...outside.upstream.resourceDocuments];
    outside.upstream.goDown();

    const refused = await two.refresh(client, refreshOf(tokens.refreshToken));

    assert.equal(refused.ok, false);
    assert.deepEqual(outside.events.of('grant_ended'), []);
    outside.upstream.recover();
    for (const [url, document] of documents) outside.upstream.resourceDocuments.set(url, document);
    valueIn(await two.refresh(client, refreshOf(tokens.refreshToken)));
  });

  it('looks once, however many come with what is bound to a server of before', async () => {
    const { outside, one, two, old } = await pair(world());
    const more = await aGrant(two, outside);
    const gone = await aGrant(one, outside);
    names(outside, 'https://new.example');
    const three = wired(outside, { settings });
    await aGrant(three, outside);
    const looks = () => outside.upstream.asked.length;
    const refreshed = ({ client, tokens }: Granted) =>
      three.refresh(client, refreshOf(tokens.refreshToken));

    const before = looks();
    await Promise.all([refreshed(old), refreshed(more)]);
    const once = looks() - before;
    await refreshed(gone);

    assert.ok(once > 0, 'it did not look');
    assert.equal(looks() - before, once);
    assert.equal(outside.events.of('grant_ended').length, 3);
  });
});
