import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { discoverUpstream } from '../../src/application/discover-upstream.ts';
import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import type { ResourceDocument, ServerDocument } from '../../src/domain/upstream-discovery.ts';
import { failureIn, settings, upstreamMcp, valueIn, type World, world } from './wired.ts';

const origin = 'https://mcp.upstream.example';
const pathForm = `${origin}/.well-known/oauth-protected-resource/mcp`;
const rootForm = `${origin}/.well-known/oauth-protected-resource`;
const issuer = 'https://as.upstream.example';

function discover(outside: World, changed: Partial<UpstreamSettings> = {}) {
  return discoverUpstream(outside.ports, { ...settings, ...changed }, undefined);
}

async function serverOf(outside: World, changed: Partial<UpstreamSettings> = {}) {
  return valueIn(await discover(outside, changed)).server;
}

async function reasonOf(outside: World, changed: Partial<UpstreamSettings> = {}): Promise<string> {
  const cause = failureIn(await discover(outside, changed));
  assert.ok(cause.kind === 'unusable', JSON.stringify(cause));
  return cause.reason;
}

/** A world whose MCP server says nothing about itself but by the documents given here. */
function silentWorld(documents: Readonly<Record<string, Partial<ResourceDocument>>> = {}): World {
  const outside = world();
  const { resourceDocuments } = outside.upstream;
  const [usual] = resourceDocuments.values();
  assert.ok(usual);
  resourceDocuments.clear();
  for (const [url, changed] of Object.entries(documents)) {
    resourceDocuments.set(url, { ...usual, ...changed });
  }
  return outside;
}

/** The metadata of a server by another name. */
function aServer(outside: World, url: string, changed: Partial<ServerDocument>): void {
  const { serverDocuments } = outside.upstream;
  const [usual] = serverDocuments.values();
  assert.ok(usual);
  serverDocuments.set(url, { ...usual, ...changed });
}

/** As if some URLs were those of a server in trouble. */
function inTrouble(outside: World, ...urls: readonly string[]): void {
  const { upstream } = outside;
  const resource = upstream.resourceDocument.bind(upstream);
  const server = upstream.serverDocument.bind(upstream);
  const trouble = {
    ok: false,
    failure: { kind: 'unavailable', reason: 'status 500', retryAfter: undefined },
  } as const;
  upstream.resourceDocument = async (...asked) => {
    const answer = await resource(...asked);
    return urls.includes(asked[0]) ? trouble : answer;
  };
  upstream.serverDocument = async (...asked) => {
    const answer = await server(...asked);
    return urls.includes(asked[0]) ? trouble : answer;
  };
}

describe('discovery', () => {
  it('needs no word of the MCP server where the operator named the server, but asks again soon', async () => {
    const outside = world();
    outside.upstream.probe = async () => ({
      ok: false,
      failure: { kind: 'unavailable', reason: 'status 503', retryAfter: undefined },
    });
    outside.upstream.freshFor = seconds(3600);

    const found = valueIn(await discover(outside, { issuer }));

    assert.equal(found.server.issuer, issuer);
    assert.equal(found.server.resourceScopes, undefined);
    assert.equal(found.freshFor, 0);
    assert.deepEqual(outside.upstream.asked, [`${issuer}/.well-known/oauth-authorization-server`]);
    outside.upstream.serverDocuments.clear();
    assert.match(await reasonOf(outside, { issuer }), /publishes no authorization server metadata/);
    const before = await discoverUpstream(outside.ports, { ...settings, issuer }, found.server);
    assert.equal(failureIn(before).kind, 'unavailable', 'what was known before says more');
  });

  it('asks the MCP server, its metadata with the path inserted, and the server that this names', async () => {
    const outside = world();

    const server = await serverOf(outside);

    assert.equal(server.issuer, issuer);
    assert.equal(server.resource, upstreamMcp);
    assert.deepEqual(server.resourceScopes, ['read', 'write']);
    assert.deepEqual(outside.upstream.asked, [
      upstreamMcp,
      pathForm,
      `${issuer}/.well-known/oauth-authorization-server`,
    ]);
  });

  it('asks for the root document only where the path form is not there', async () => {
    const outside = silentWorld({ [rootForm]: {} });

    await serverOf(outside);

    assert.deepEqual(outside.upstream.asked.slice(1, 3), [pathForm, rootForm]);
  });

  it('does not ask for the root document where the path form is there and broken', async () => {
    const outside = silentWorld({ [rootForm]: {} });
    const asked = outside.upstream.resourceDocument.bind(outside.upstream);
    outside.upstream.resourceDocument = async (url, within) => {
      const answer = await asked(url, within);
      return url === pathForm
        ? { ok: true, value: { document: 'broken', freshFor: undefined } }
        : answer;
    };

    const reason = await reasonOf(outside);

    assert.match(reason, /oauth-protected-resource\/mcp cannot be read.*set --upstream-as/);
    assert.ok(!outside.upstream.asked.includes(rootForm), 'the root was not asked');
    assert.equal((await serverOf(outside, { issuer })).issuer, issuer);
  });

  it('asks first where the challenge says, and for the scopes that it names', async () => {
    const elsewhere = `${origin}/metadata.json`;
    const outside = silentWorld({ [elsewhere]: {} });
    const challenge = `Bearer resource_metadata="${elsewhere}", scope="files:read"`;
    outside.upstream.probeAnswer = { status: 401, challenge };

    const server = await serverOf(outside);

    assert.deepEqual(server.challengeScopes, ['files:read']);
    assert.deepEqual(outside.upstream.asked.slice(0, 2), [upstreamMcp, elsewhere]);
    assert.ok(!outside.upstream.asked.includes(pathForm));
  });

  it('asks for no scopes of a challenge that names them without measure', async () => {
    const outside = world();
    const scope = Array.from({ length: 1000 }, (_, n) => `s${1000 + n}`).join(' ');
    outside.upstream.probeAnswer = { status: 401, challenge: `Bearer scope="${scope}"` };

    assert.equal((await serverOf(outside)).challengeScopes, undefined);
  });

  it('goes on to the well-known places where the challenge leads nowhere', async () => {
    const outside = world();
    const challenge = `Bearer resource_metadata="${origin}/wrong"`;
    outside.upstream.probeAnswer = { status: 401, challenge };

    await serverOf(outside);

    assert.deepEqual(outside.upstream.asked.slice(1, 3), [`${origin}/wrong`, pathForm]);
  });

  it('goes on to the well-known places where the challenge leads to another resource', async () => {
    const foreign = 'https://workers.example/.well-known/oauth-protected-resource';
    const outside = silentWorld({
      [foreign]: { resource: 'https://workers.example/mcp' },
      [pathForm]: {},
    });
    const challenge = `Bearer resource_metadata="${foreign}"`;
    outside.upstream.probeAnswer = { status: 401, challenge };

    assert.equal((await serverOf(outside)).resource, upstreamMcp);
  });

  it('uses no metadata about another resource, and sends nothing to a server that it names', async () => {
    const evil = {
      resource: 'https://evil.example/mcp',
      authorizationServers: ['https://evil.example'],
    };
    const outside = silentWorld({ [pathForm]: evil });

    assert.match(await reasonOf(outside), /about another resource, https:\/\/evil\.example\/mcp/);

    assert.ok(outside.upstream.asked.every((url) => !url.includes('evil')));
    assert.ok(!outside.upstream.asked.includes(rootForm));
  });

  it('does not ask for the root document where the challenge named the path form, and that answered', async () => {
    const foreign = { resource: 'https://other.example/mcp' };
    const outside = silentWorld({ [pathForm]: foreign, [rootForm]: {} });
    const challenge = `Bearer resource_metadata="${pathForm}"`;
    outside.upstream.probeAnswer = { status: 401, challenge };

    assert.match(await reasonOf(outside), /about another resource/);
    assert.ok(!outside.upstream.asked.includes(rootForm), 'the root document is not asked for');
  });

  it('asks for the path form where the challenge named the root, and that is about another resource', async () => {
    const foreign = { resource: `${origin}/other` };
    const outside = silentWorld({ [rootForm]: foreign, [pathForm]: {} });
    const challenge = `Bearer resource_metadata="${rootForm}"`;
    outside.upstream.probeAnswer = { status: 401, challenge };

    assert.equal((await serverOf(outside)).resource, upstreamMcp);
  });

  it('does without the metadata of the resource where the operator names the server', async () => {
    const evil = {
      resource: 'https://evil.example/mcp',
      authorizationServers: ['https://evil.example'],
    };
    const outside = silentWorld({ [pathForm]: evil });

    const server = await serverOf(outside, { issuer });

    assert.equal(server.issuer, issuer);
    assert.equal(server.resource, undefined);
  });

  it('prefers the operator’s server to the one that the metadata names', async () => {
    const outside = world();
    const other = 'https://other.example';
    aServer(outside, `${other}/.well-known/oauth-authorization-server`, { issuer: other });

    const server = await serverOf(outside, { issuer: other });

    assert.equal(server.issuer, other);
    assert.equal(server.resource, upstreamMcp);
  });

  it('takes the first server of several that can be used, and tries five at most', async () => {
    const strange = ['no url', 'http://plain.example', 'https://nothing.example'];
    const outside = silentWorld({ [pathForm]: { authorizationServers: [...strange, issuer] } });
    const many = silentWorld({
      [pathForm]: { authorizationServers: [...strange, ...strange, issuer] },
    });

    assert.equal((await serverOf(outside)).issuer, issuer);
    assert.match(await reasonOf(many), /nothing\.example|plain http/);
  });

  it('says which server publishes nothing, and which speaks for another', async () => {
    const nothing = world();
    nothing.upstream.serverDocuments.clear();
    const lying = world();
    const url = `${issuer}/.well-known/oauth-authorization-server`;
    aServer(lying, url, { issuer: 'https://evil.example' });

    assert.match(
      await reasonOf(nothing),
      /as\.upstream\.example publishes no authorization server/,
    );
    assert.match(await reasonOf(lying), /names another issuer, https:\/\/evil\.example/);
  });

  it('asks for OpenID Connect metadata where there is no other', async () => {
    const outside = world();
    const { serverDocuments } = outside.upstream;
    const [document] = serverDocuments.values();
    assert.ok(document);
    serverDocuments.clear();
    serverDocuments.set(`${issuer}/.well-known/openid-configuration`, document);

    assert.equal((await serverOf(outside)).issuer, issuer);
  });

  it('asks nobody where the operator names both endpoints', async () => {
    const outside = world();
    outside.upstream.goDown();

    const server = await serverOf(outside, {
      authorizationEndpoint: 'https://idp.example/authorize',
      tokenEndpoint: 'https://idp.example/token',
      issuer: 'https://idp.example',
    });

    assert.equal(server.tokenEndpoint, 'https://idp.example/token');
    assert.equal(server.issuer, 'https://idp.example');
    assert.deepEqual(outside.upstream.asked, []);
  });

  it('does not take one endpoint for both', async () => {
    const named = { authorizationEndpoint: 'https://idp.example/authorize' };

    assert.equal((await serverOf(world(), named)).authorizationEndpoint, `${issuer}/authorize`);
  });
});

describe('discovery of a server of 2025', () => {
  it('finds its metadata at the origin of the MCP server', async () => {
    const outside = silentWorld();
    aServer(outside, `${origin}/.well-known/oauth-authorization-server`, { issuer: origin });

    assert.equal((await serverOf(outside)).issuer, origin);
  });

  it('does so where the metadata of the resource names no server', async () => {
    const outside = silentWorld({ [pathForm]: { authorizationServers: [] } });
    aServer(outside, `${origin}/.well-known/oauth-authorization-server`, { issuer: origin });

    assert.equal((await serverOf(outside)).resource, upstreamMcp);
  });

  it('uses no metadata at the origin that speaks for another', async () => {
    const outside = silentWorld();
    aServer(outside, `${origin}/.well-known/oauth-authorization-server`, {});

    assert.match(await reasonOf(outside), /set --upstream-as/);
  });

  it('takes the usual endpoints where there is no metadata at all', async () => {
    const server = await serverOf(silentWorld());

    assert.equal(server.issuer, undefined);
    assert.equal(server.authorizationEndpoint, `${origin}/authorize`);
    assert.equal(server.tokenEndpoint, `${origin}/token`);
    assert.equal(server.registrationEndpoint, `${origin}/register`);
  });

  const silences: readonly (readonly [number, RegExp])[] = [
    [200, /set --upstream-auth=none/],
    [404, /no MCP server at/],
    [400, /does not say which authorization server it trusts \(status 400\)/],
  ];
  for (const [status, reason] of silences) {
    it(`takes nothing for granted where the MCP server answers ${status}`, async () => {
      const outside = silentWorld();
      outside.upstream.probeAnswer = { status, challenge: undefined };

      assert.match(await reasonOf(outside), reason);
    });
  }
});

describe('discovery in trouble', () => {
  it('is given up for now when nobody can be reached', async () => {
    const outside = world();
    outside.upstream.goDown();

    assert.equal(failureIn(await discover(outside)).kind, 'unavailable');
  });

  it('goes on past a place that is in trouble, if another has the document', async () => {
    const outside = silentWorld({ [rootForm]: {} });
    inTrouble(outside, pathForm);

    assert.equal((await serverOf(outside)).issuer, issuer);
  });

  it('does not take a server in trouble for one of 2025', async () => {
    for (const url of [pathForm, `${origin}/.well-known/oauth-authorization-server`]) {
      const outside = silentWorld();
      inTrouble(outside, url);

      assert.equal(failureIn(await discover(outside)).kind, 'unavailable', url);
    }
  });

  it('needs nothing of the MCP server’s places where the operator names the server', async () => {
    const outside = silentWorld();
    inTrouble(outside, pathForm, rootForm);

    assert.equal((await serverOf(outside, { issuer })).issuer, issuer);
  });

  it('says that the server is in trouble where it is the one', async () => {
    const outside = world();
    inTrouble(outside, `${issuer}/.well-known/oauth-authorization-server`);
    outside.upstream.serverDocuments.clear();

    assert.equal(failureIn(await discover(outside)).kind, 'unavailable');
  });

  it('takes no longer than it may, each call as long as is left', async () => {
    const outside = world();
    const { upstream, clock } = outside;
    const allowed: number[] = [];
    const probe = upstream.probe.bind(upstream);
    upstream.probe = (url, within) => {
      allowed.push(within);
      clock.advance(15);
      return probe(url, within);
    };
    const resource = upstream.resourceDocument.bind(upstream);
    upstream.resourceDocument = (url, within) => {
      allowed.push(within);
      clock.advance(5);
      return resource(url, within);
    };

    const cause = failureIn(await discover(outside));

    assert.deepEqual(allowed, [10, 5]);
    assert.ok(cause.kind === 'unavailable');
    assert.match(cause.reason, /longer than 20 seconds/);
  });
});

describe('what was discovered', () => {
  it('may be kept as long as the document with the shortest life', async () => {
    const outside = world();
    const { upstream } = outside;
    upstream.freshFor = seconds(300);
    const server = upstream.serverDocument.bind(upstream);
    upstream.serverDocument = async (...asked) => {
      upstream.freshFor = seconds(900);
      return server(...asked);
    };

    assert.equal(valueIn(await discover(outside)).freshFor, 300);
  });

  it('may be kept as usual where no document says how long', async () => {
    assert.equal(valueIn(await discover(world())).freshFor, undefined);
  });
});
