import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveUpstream, type UpstreamSettings } from '../../src/application/resolve-upstream.ts';
import type { ServerDocument } from '../../src/domain/upstream-discovery.ts';
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

const pathForm = 'https://mcp.upstream.example/.well-known/oauth-protected-resource/mcp';
const rootForm = 'https://mcp.upstream.example/.well-known/oauth-protected-resource';
const byHand = { clientId: undefined, clientSecret: undefined };

function resolving(outside: World, changed: Partial<UpstreamSettings> = {}, keys = gatewayKeys()) {
  return resolveUpstream(outside.ports, { ...settings, ...changed }, () => callback, keys);
}

function reasonIn(result: Awaited<ReturnType<ReturnType<typeof resolving>>>): string {
  const cause = failureIn(result);
  assert.ok(cause.kind === 'unusable', JSON.stringify(cause));
  return cause.reason;
}

/** Changes what the authorization server says of itself. */
function describeServer(outside: World, changed: Partial<ServerDocument>): void {
  const { serverDocuments } = outside.upstream;
  for (const [url, document] of serverDocuments) {
    serverDocuments.set(url, { ...document, ...changed });
  }
}

describe('discovery', () => {
  it('finds the server through the metadata of the resource, with its path inserted', async () => {
    const outside = world();

    const { server, client } = valueIn(await resolving(outside)());

    assert.equal(server.issuer, outside.upstream.issuer);
    assert.equal(server.tokenEndpoint, `${outside.upstream.issuer}/token`);
    assert.equal(server.resource, upstreamMcp);
    assert.deepEqual(client, {
      clientId: 'gateway',
      clientSecret: 'gateway-secret',
      method: 'client_secret_basic',
    });
  });

  it('finds the metadata of the resource at the root', async () => {
    const outside = world();
    const { resourceDocuments } = outside.upstream;
    const document = resourceDocuments.get(pathForm);
    assert.ok(document);
    resourceDocuments.delete(pathForm);
    resourceDocuments.set(rootForm, document);

    valueIn(await resolving(outside)());
  });

  it('does without metadata of the resource when the operator names the issuer', async () => {
    const outside = world();
    outside.upstream.resourceDocuments.clear();
    const { issuer } = outside.upstream;

    const { server } = valueIn(await resolving(outside, { issuer })());

    assert.equal(server.resource, undefined);
  });

  it('says what to do when nobody names the server', async () => {
    const outside = world();
    outside.upstream.resourceDocuments.clear();

    assert.match(reasonIn(await resolving(outside)()), /set --upstream-as, or both endpoints/);
  });

  it('asks nobody when the operator names both endpoints', async () => {
    const outside = world();
    outside.upstream.goDown();
    const named = {
      authorizationEndpoint: 'https://idp.example/authorize',
      tokenEndpoint: 'https://idp.example/token',
    };

    const { server } = valueIn(await resolving(outside, named)());

    assert.equal(server.authorizationEndpoint, named.authorizationEndpoint);
    assert.equal(server.issuer, undefined);
  });

  it('does not take one endpoint for both', async () => {
    const outside = world();
    const named = { authorizationEndpoint: 'https://idp.example/authorize' };

    const { server } = valueIn(await resolving(outside, named)());

    assert.equal(server.authorizationEndpoint, `${outside.upstream.issuer}/authorize`);
  });

  it('does not use metadata about another resource', async () => {
    const outside = world();
    outside.upstream.resourceDocuments.set(pathForm, {
      resource: 'https://elsewhere.example/mcp',
      authorizationServers: ['https://evil.example'],
      scopesSupported: undefined,
    });

    assert.match(reasonIn(await resolving(outside)()), /about another resource/);
  });

  it('does not use metadata that speaks for another issuer', async () => {
    const outside = world();
    describeServer(outside, { issuer: 'https://evil.example' });

    assert.match(reasonIn(await resolving(outside)()), /names another issuer/);
  });

  it('takes the first server of several that can be used', async () => {
    const outside = world();
    outside.upstream.resourceDocuments.set(pathForm, {
      resource: upstreamMcp,
      authorizationServers: ['no url', 'https://nothing.example', outside.upstream.issuer],
      scopesSupported: undefined,
    });

    const { server } = valueIn(await resolving(outside)());

    assert.equal(server.issuer, outside.upstream.issuer);
  });

  it('says which server publishes nothing', async () => {
    const outside = world();
    outside.upstream.serverDocuments.clear();

    const reason = reasonIn(await resolving(outside)());

    assert.match(reason, /as\.upstream\.example publishes no authorization server metadata/);
  });

  it('is given up for now when somebody cannot be reached, and tried again at the next request', async () => {
    const outside = world();
    const resolve = resolving(outside);
    outside.upstream.goDown(9);

    assert.equal(failureIn(await resolve()).kind, 'unavailable');
    const named = resolving(outside, { issuer: outside.upstream.issuer });
    assert.equal(failureIn(await named()).kind, 'unavailable');
    outside.upstream.recover();
    valueIn(await resolve());
  });

  it('is given up for now when only the server cannot be reached', async () => {
    const outside = world();
    const authorizationServer = {
      ...outside.upstream,
      resourceDocument: outside.upstream.resourceDocument.bind(outside.upstream),
      serverDocument: () => {
        outside.upstream.goDown();
        return outside.upstream.serverDocument('');
      },
    };
    const resolve = resolveUpstream(
      {
        ...outside.ports,
        authorizationServer: { ...outside.ports.authorizationServer, ...authorizationServer },
      },
      settings,
      () => callback,
      gatewayKeys(),
    );

    assert.equal(failureIn(await resolve()).kind, 'unavailable');
  });

  it('is kept for an hour, and then asked for again', async () => {
    const outside = world();
    const resolve = resolving(outside);
    const before = valueIn(await resolve());
    outside.upstream.goDown();

    outside.clock.advance(3599);
    assert.equal(valueIn(await resolve()), before);
    outside.clock.advance(1);
    assert.equal(failureIn(await resolve()).kind, 'unavailable');
  });
});

describe('registration at the upstream', () => {
  it('happens once, however many ask', async () => {
    const outside = world();
    const resolve = resolving(outside, byHand);

    const all = await Promise.all([resolve(), resolve(), resolve()]);

    assert.equal(new Set(all.map((each) => valueIn(each).client.clientId)).size, 1);
    assert.equal(outside.upstream.registrations, 1);
    assert.equal(outside.events.of('upstream_registered')[0]?.issuer, outside.upstream.issuer);
  });

  it('is kept for the next process, its secret sealed', async () => {
    const outside = world();
    const { client } = valueIn(await resolving(outside, byHand)());
    const records = outside.store.registrations;
    const kept: string[] = [];
    const reading = {
      ...records,
      read: async (key: string) => {
        const stored = await records.read(key);
        kept.push(JSON.stringify(stored));
        return stored;
      },
    };
    const ports = { ...outside.ports, store: { ...outside.store, registrations: reading } };

    const next = resolveUpstream(ports, { ...settings, ...byHand }, () => callback, gatewayKeys());

    assert.deepEqual(valueIn(await next()).client, client);
    assert.equal(outside.upstream.registrations, 1);
    assert.ok(client.clientSecret && kept[0]?.includes(client.clientId));
    assert.ok(!kept[0]?.includes(client.clientSecret));
  });

  it('is read under a previous gateway key, and made anew under a strange one', async () => {
    const outside = world();
    const { client } = valueIn(await resolving(outside, byHand)());

    const rotated = resolving(outside, byHand, gatewayKeys('another key', 'gateway key'));
    assert.deepEqual(valueIn(await rotated()).client, client);

    const strange = resolving(outside, byHand, gatewayKeys('strange key'));
    assert.notEqual(valueIn(await strange()).client.clientId, client.clientId);
    assert.equal(outside.upstream.registrations, 2);
    const again = resolving(outside, byHand, gatewayKeys('strange key'));
    valueIn(await again());
    assert.equal(outside.upstream.registrations, 2);
  });

  it('is shared by two processes that register at once', async () => {
    const outside = world();

    const [one, other] = await Promise.all([
      resolving(outside, byHand)(),
      resolving(outside, byHand)(),
    ]);

    assert.deepEqual(valueIn(one).client, valueIn(other).client);
  });

  it('is not shared by processes that cannot read it', async () => {
    const outside = world();

    const [one, other] = await Promise.all([
      resolving(outside, byHand)(),
      resolving(outside, byHand, gatewayKeys('strange key'))(),
    ]);

    assert.notEqual(valueIn(one).client.clientId, valueIn(other).client.clientId);
  });

  it('is for a public client where the server knows those', async () => {
    const outside = world();
    describeServer(outside, { authMethods: ['none', 'client_secret_basic'] });

    const { client } = valueIn(await resolving(outside, byHand)());

    assert.equal(client.method, 'none');
    assert.equal(client.clientSecret, undefined);
    assert.deepEqual(valueIn(await resolving(outside, byHand)()).client, client);
  });

  it('is for one that posts its secret where the server wants that', async () => {
    const outside = world();
    describeServer(outside, { authMethods: ['client_secret_post'] });

    const { client } = valueIn(await resolving(outside, byHand)());

    assert.equal(client.method, 'client_secret_post');
    assert.ok(client.clientSecret);
  });

  it('counts as it was answered, not as it was asked for', async () => {
    const outside = world();
    describeServer(outside, { authMethods: ['none', 'client_secret_post'] });
    const answer = { clientId: 'figma', clientSecret: 'unasked', method: undefined };
    const authorizationServer = {
      resourceDocument: outside.upstream.resourceDocument.bind(outside.upstream),
      serverDocument: outside.upstream.serverDocument.bind(outside.upstream),
      requestTokens: outside.upstream.requestTokens.bind(outside.upstream),
      revokeToken: outside.upstream.revokeToken.bind(outside.upstream),
      register: () => Promise.resolve({ ok: true, value: answer } as const),
    };
    const ports = { ...outside.ports, authorizationServer };

    const resolve = resolveUpstream(
      ports,
      { ...settings, ...byHand, scope: 'read' },
      () => callback,
      gatewayKeys(),
    );

    assert.deepEqual(valueIn(await resolve()).client, {
      clientId: 'figma',
      clientSecret: 'unasked',
      method: 'client_secret_post',
    });
  });

  it('is not possible everywhere: the operator is told which callback to register', async () => {
    const outside = world();
    describeServer(outside, { registrationEndpoint: undefined });
    const endpoints = {
      authorizationEndpoint: 'https://idp.example/authorize',
      tokenEndpoint: 'https://idp.example/token',
    };

    for (const changed of [byHand, { ...byHand, ...endpoints }]) {
      const reason = reasonIn(await resolving(outside, changed)());
      assert.ok(reason.includes(callback) && reason.includes('--upstream-client-id'));
    }
  });

  it('is tried again later when the server cannot be reached', async () => {
    const outside = world();
    const { upstream } = outside;
    const authorizationServer = {
      resourceDocument: upstream.resourceDocument.bind(upstream),
      serverDocument: upstream.serverDocument.bind(upstream),
      requestTokens: upstream.requestTokens.bind(upstream),
      revokeToken: upstream.revokeToken.bind(upstream),
      register: (...asked: Parameters<typeof upstream.register>) => {
        upstream.goDown();
        return upstream.register(...asked);
      },
    };
    const ports = { ...outside.ports, authorizationServer };
    const resolve = resolveUpstream(
      ports,
      { ...settings, ...byHand },
      () => callback,
      gatewayKeys(),
    );

    assert.equal(failureIn(await resolve()).kind, 'unavailable');
    assert.equal(upstream.registrations, 0);
  });
});
