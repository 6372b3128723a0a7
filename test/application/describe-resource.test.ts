import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { longestWait } from '../../src/application/resolve-upstream.ts';
import { type WiredOptions, type World, wired, world } from './wired.ts';

const documentation = {
  documentation: 'https://mcp.upstream.example/docs',
  policy: 'https://mcp.upstream.example/policy',
  termsOfService: 'https://mcp.upstream.example/terms',
};

/** A world whose MCP server has pages for people. */
function describedWorld(): World {
  const outside = world();
  for (const [url, document] of outside.upstream.resourceDocuments) {
    outside.upstream.resourceDocuments.set(url, { ...document, ...documentation });
  }
  return outside;
}

function described(outside: World, options: WiredOptions = {}) {
  return wired(outside, options).resource;
}

describe('the words of the upstream', () => {
  it('are found at the first need: its scopes, and its pages for people', async () => {
    const outside = describedWorld();

    assert.deepEqual(await described(outside).words(), {
      scopes_supported: ['read', 'write'],
      resource_documentation: documentation.documentation,
      resource_policy_uri: documentation.policy,
      resource_tos_uri: documentation.termsOfService,
    });
  });

  it('are looked for once, whoever asks', async () => {
    const outside = describedWorld();
    const { words } = described(outside);

    await Promise.all([words(), words()]);
    const { length } = outside.upstream.asked;
    await words();

    assert.equal(outside.upstream.asked.length, length);
    assert.equal(length, 3);
  });

  it('name the scope that the operator set, which is all that anybody gets', async () => {
    const { words } = described(describedWorld(), { settings: { scope: 'mail files' } });

    assert.deepEqual((await words())?.scopes_supported, ['mail', 'files']);
  });

  it('are none where it has no authorization server', async () => {
    const outside = describedWorld();
    const { words } = described(outside, { settings: { auth: 'none' } });

    const known = await words();

    assert.ok(known !== undefined, 'there is nothing to wait for');
    assert.ok(
      Object.values(known).every((word) => word === undefined),
      JSON.stringify(known),
    );
    assert.deepEqual(outside.upstream.asked, []);
  });

  it('are unknown while it cannot be found, and are not looked for by every client then', async () => {
    const outside = describedWorld();
    const { words } = described(outside);
    outside.upstream.goDown();

    assert.equal(await words(), undefined);
    const { length } = outside.upstream.asked;
    assert.equal(await words(), undefined);
    assert.equal(outside.upstream.asked.length, length);

    outside.upstream.recover();
    outside.clock.advance(31);
    assert.deepEqual((await words())?.scopes_supported, ['read', 'write']);
  });

  it('keep no client waiting for an upstream that does not answer', async () => {
    const outside = describedWorld();
    const { words } = described(outside);
    outside.upstream.probe = () => new Promise(() => {});
    const begun = outside.clock.now();

    assert.equal(await words(), undefined);

    assert.equal((outside.clock.now() - begun) * 1000, longestWait);
  });
});

describe('the scope of a challenge', () => {
  const challenge = 'Bearer scope="files:read files:write"';

  it('is what the upstream’s own challenge asks for, once that is known', async () => {
    const outside = describedWorld();
    outside.upstream.probeAnswer = { status: 401, challenge };
    const { demanded, words } = described(outside);

    assert.equal(demanded(), undefined);
    await words();

    assert.equal(demanded(), 'files:read files:write');
    assert.equal(outside.upstream.asked.length, 3);
  });

  it('is not made of the scopes that its metadata lists: those are in ours', async () => {
    const { demanded, words } = described(describedWorld());

    await words();

    assert.equal(demanded(), undefined);
  });

  it('is what the operator set', () => {
    const { demanded } = described(describedWorld(), { settings: { scope: 'mail' } });

    assert.equal(demanded(), 'mail');
  });

  it('is none where the upstream has no authorization server', () => {
    const { demanded } = described(describedWorld(), { settings: { auth: 'none' } });

    assert.equal(demanded(), undefined);
  });
});
