import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gate } from '../../src/adapters/testing/gate.ts';
import { knownUpstream } from '../../src/application/resolve-upstream.ts';
import { upstreamCredentials } from '../../src/application/upstream-credentials.ts';
import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import {
  callback,
  failureIn,
  gatewayKeys,
  settings,
  upstreamMcp,
  valueIn,
  type World,
  world,
} from './wired.ts';

const unconfigured = { clientId: undefined, clientSecret: undefined };

function known(outside: World, changed: Partial<UpstreamSettings> = {}) {
  const changedSettings = { ...settings, ...changed };
  const credentials = upstreamCredentials({
    ports: outside.ports,
    settings: changedSettings,
    callbackUrl: () => callback,
    documentUrl: () => undefined,
    keys: gatewayKeys(),
  });
  return knownUpstream({ ports: outside.ports, settings: changedSettings, credentials });
}

/** How often the metadata of the server was asked for. */
function looks(outside: World): number {
  return outside.upstream.asked.filter((url) => url === upstreamMcp).length;
}

describe('the upstream', () => {
  it('is looked for once, however many ask', async () => {
    const outside = world();
    const upstream = known(outside, unconfigured);

    const all = await Promise.all([upstream.resolve(), upstream.resolve(), upstream.resolve()]);

    assert.equal(new Set(all.map(valueIn)).size, 1);
    assert.equal(looks(outside), 1);
    assert.equal(outside.upstream.registrations, 1);
  });

  const lives: readonly (readonly [string, number | undefined, number])[] = [
    ['an hour where its documents do not say', undefined, 3600],
    ['as long as its documents say', 600, 600],
    ['a minute at least', 0, 60],
    ['a day at most', 1_000_000, 86_400],
  ];
  for (const [what, freshFor, life] of lives) {
    it(`is taken as known for ${what}`, async () => {
      const outside = world();
      outside.upstream.freshFor = freshFor === undefined ? undefined : seconds(freshFor);
      const upstream = known(outside);
      valueIn(await upstream.resolve());

      outside.clock.advance(life - 1);
      valueIn(await upstream.resolve());
      assert.equal(looks(outside), 1);
      outside.clock.advance(1);
      valueIn(await upstream.resolve());
      assert.equal(looks(outside), 2);
    });
  }

  it('is looked for again at the next need after a failure', async () => {
    const outside = world();
    const upstream = known(outside);
    outside.upstream.goDown();

    assert.equal(failureIn(await upstream.resolve()).kind, 'unavailable');
    outside.upstream.recover();
    valueIn(await upstream.resolve());
  });

  it('is looked for by whoever cannot do without, though a look failed a moment ago', async () => {
    const outside = world();
    const upstream = known(outside);
    outside.upstream.goDown();
    assert.equal(await upstream.glance(), undefined);
    outside.upstream.recover();

    assert.equal(await upstream.glance(), undefined, 'a glance is patient');
    valueIn(await upstream.resolve());
    assert.equal((await upstream.glance())?.issuer, outside.upstream.issuer);
  });

  it('is seen at a glance as soon as a slow look has found it', async () => {
    const outside = world();
    const upstream = known(outside);
    const usual = outside.upstream.probe.bind(outside.upstream);
    const opened = gate();
    outside.upstream.probe = async (...asked) => {
      await opened.pass();
      return usual(...asked);
    };

    assert.equal(await upstream.glance(), undefined);
    opened.open();
    valueIn(await upstream.server());

    assert.equal((await upstream.glance())?.issuer, outside.upstream.issuer);
    assert.equal(looks(outside), 1);
  });

  it('stays what it was while its metadata is out of reach', async () => {
    const outside = world();
    const upstream = known(outside);
    const before = valueIn(await upstream.resolve());
    outside.clock.advance(3600);
    outside.upstream.goDown();

    assert.deepEqual(valueIn(await upstream.resolve()), before);
    valueIn(await upstream.resolve());
    assert.equal(looks(outside), 2);
  });

  it('is no longer what it was when its metadata says so', async () => {
    const outside = world();
    const upstream = known(outside);
    valueIn(await upstream.resolve());
    outside.clock.advance(3600);
    outside.upstream.serverDocuments.clear();

    assert.equal(failureIn(await upstream.resolve()).kind, 'unusable');
  });

  it('is not known without credentials', async () => {
    const outside = world();
    const [[url, document] = []] = outside.upstream.serverDocuments;
    assert.ok(url && document);
    outside.upstream.serverDocuments.set(url, { ...document, registrationEndpoint: undefined });

    assert.equal(failureIn(await known(outside, unconfigured).resolve()).kind, 'unusable');
  });
});

describe('the upstream, looked for again', () => {
  const first = 'https://as.upstream.example';
  const second = 'https://second.example';
  const origin = new URL(upstreamMcp).origin;
  const metadataOf = (issuer: string) => `${issuer}/.well-known/oauth-authorization-server`;

  /** A world whose MCP server names these servers, the second of which has metadata too. */
  function listing(...authorizationServers: readonly string[]): World {
    const outside = world();
    const { resourceDocuments, serverDocuments } = outside.upstream;
    for (const [url, document] of resourceDocuments) {
      resourceDocuments.set(url, { ...document, authorizationServers });
    }
    publish(outside, second);
    assert.equal(serverDocuments.size, 2);
    return outside;
  }

  function publish({ upstream }: World, issuer: string): void {
    const [document] = upstream.serverDocuments.values();
    assert.ok(document, 'the fake publishes a document');
    upstream.serverDocuments.set(metadataOf(issuer), { ...document, issuer });
  }

  /** As if the places of a server answered 503 until the returned function is called. */
  function inTrouble({ upstream }: World, issuer: string): () => void {
    const usual = upstream.serverDocument.bind(upstream);
    const reason = 'status 503';
    upstream.serverDocument = async (url, within) =>
      url.startsWith(issuer)
        ? { ok: false, failure: { kind: 'unavailable', reason, retryAfter: undefined } }
        : usual(url, within);
    return () => {
      upstream.serverDocument = usual;
    };
  }

  /** The issuer that is known after an hour more. */
  async function anHourLater(outside: World, upstream: ReturnType<typeof known>) {
    outside.clock.advance(3600);
    return valueIn(await upstream.server()).issuer;
  }

  it('is not the second of two because the first is in trouble for a moment', async () => {
    const outside = listing(first, second);
    const upstream = known(outside);
    valueIn(await upstream.server());
    inTrouble(outside, first);

    assert.equal(await anHourLater(outside, upstream), first);
  });

  it('stays the second of two when the first is well again', async () => {
    const outside = listing(`${first}/`, `${second}/`);
    const recover = inTrouble(outside, first);
    const upstream = known(outside);
    assert.equal(valueIn(await upstream.server()).issuer, second);
    recover();

    assert.equal(await anHourLater(outside, upstream), second);
  });

  it('is another where it is no longer named, or publishes nothing any more', async () => {
    const unnamed = listing(first);
    const silent = listing(first, second);
    const [one, other] = [known(unnamed), known(silent)];
    valueIn(await one.server());
    valueIn(await other.server());
    for (const [url, document] of unnamed.upstream.resourceDocuments) {
      const authorizationServers = [second];
      unnamed.upstream.resourceDocuments.set(url, { ...document, authorizationServers });
    }
    silent.upstream.serverDocuments.delete(metadataOf(first));

    assert.equal(await anHourLater(unnamed, one), second);
    assert.equal(await anHourLater(silent, other), second);
  });

  it('is no server of 2025 because its metadata is not there for a moment', async () => {
    const without = listing(first);
    const withMetadata = listing(first);
    publish(withMetadata, origin);
    for (const outside of [without, withMetadata]) {
      const upstream = known(outside);
      valueIn(await upstream.server());
      outside.upstream.resourceDocuments.clear();

      assert.equal(await anHourLater(outside, upstream), first);
      outside.clock.advance(60);
      valueIn(await upstream.server());
      assert.equal(looks(outside), 3, 'it is looked for again after a minute');
    }
  });

  it('stays a server of 2025 with metadata, or one that gets some', async () => {
    const outside = listing();
    const upstream = known(outside);
    assert.equal(valueIn(await upstream.server()).issuer, undefined);

    publish(outside, origin);

    assert.equal(await anHourLater(outside, upstream), origin);
    outside.upstream.serverDocuments.delete(metadataOf(origin));
    assert.equal(await anHourLater(outside, upstream), origin);
  });
});

describe('a doubt', () => {
  it('makes the next need look again, but not before a minute has gone by', async () => {
    const outside = world();
    const upstream = known(outside);
    upstream.doubt();
    valueIn(await upstream.resolve());

    upstream.doubt();
    valueIn(await upstream.resolve());
    assert.equal(looks(outside), 1);
    outside.clock.advance(60);
    valueIn(await upstream.resolve());
    assert.equal(looks(outside), 2);
  });

  it('never makes anything be known for longer', async () => {
    const outside = world();
    outside.upstream.freshFor = seconds(60);
    const upstream = known(outside);
    valueIn(await upstream.resolve());

    outside.clock.advance(59);
    upstream.doubt();
    outside.clock.advance(1);
    valueIn(await upstream.resolve());

    assert.equal(looks(outside), 2);
  });
});

describe('a registration that the upstream forgot', () => {
  it('is made anew once, whoever notices', async () => {
    const outside = world();
    const upstream = known(outside, unconfigured);
    const { clientId } = valueIn(await upstream.resolve()).client;

    const [one, other] = await Promise.all([
      upstream.forgetClient(clientId),
      upstream.forgetClient(clientId),
    ]);
    const anew = valueIn(await upstream.resolve()).client;
    const late = await upstream.forgetClient(clientId);

    assert.deepEqual([one, other, late], [true, true, true]);
    assert.notEqual(anew.clientId, clientId);
    assert.deepEqual(valueIn(await upstream.resolve()).client, anew);
    assert.equal(outside.upstream.registrations, 2);
  });

  it('is the operator’s to mend where the operator made it', async () => {
    const upstream = known(world());
    const { clientId } = valueIn(await upstream.resolve()).client;

    assert.equal(await upstream.forgetClient(clientId), false);
  });

  it('is the operator’s to mend also where the upstream turned out to do without resource', async () => {
    const outside = world();
    const upstream = known(outside);
    const { clientId } = valueIn(await upstream.resolve()).client;

    upstream.leaveOutResource(outside.upstream.issuer);

    assert.equal(await upstream.forgetClient(clientId), false);
  });
});

describe('the resource parameter', () => {
  it('is left out at the server that does without it, and at no other', async () => {
    const outside = world();
    const upstream = known(outside);
    assert.equal(valueIn(await upstream.resolve()).manners.resource, upstreamMcp);

    upstream.leaveOutResource('https://other.example');
    assert.equal(valueIn(await upstream.resolve()).manners.resource, upstreamMcp);
    upstream.leaveOutResource(outside.upstream.issuer);
    assert.equal(valueIn(await upstream.resolve()).manners.resource, undefined);
  });

  it('may not be left out where the operator wants it sent', () => {
    assert.equal(known(world()).mayLeaveOutResource(), true);
    assert.equal(known(world(), { resourceParameter: 'urn:mcp' }).mayLeaveOutResource(), false);
  });
});
