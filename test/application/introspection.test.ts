import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seconds } from '../../src/domain/lifetime.ts';
import { aGrant, refreshOf } from './dance.ts';
import { valueIn, type WorldOptions, wired, world } from './wired.ts';

async function granted(options: WorldOptions = {}) {
  const outside = world(options);
  const gateway = wired(outside);
  return { outside, gateway, ...(await aGrant(gateway, outside)) };
}

describe('introspection', () => {
  it('tells whose access token it is, for what, from when and until when', async () => {
    const { outside, gateway, client, tokens } = await granted();

    const found = await gateway.introspect(tokens.accessToken);

    assert.equal(found?.kind, 'access');
    assert.equal(found?.clientId, client.value.id);
    assert.equal(found?.subject, 'alice');
    assert.equal(found?.issuedAt, outside.clock.now());
    assert.equal(found?.expiresAt, outside.clock.now() + 3600);
  });

  it('tells a refresh token by its longer life, also one that was used and is still good', async () => {
    const { outside, gateway, client, tokens } = await granted();

    const fresh = await gateway.introspect(tokens.refreshToken);
    valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
    const used = await gateway.introspect(tokens.refreshToken);

    assert.equal(fresh?.kind, 'refresh');
    assert.equal(fresh?.expiresAt, outside.clock.now() + 30 * 86_400);
    assert.equal(used?.kind, 'refresh');
  });

  it('ends a token that cannot be renewed with the token of the upstream', async () => {
    const { outside, gateway, tokens } = await granted({
      traits: { refreshTokens: 'none', accessTtl: seconds(600) },
    });

    const found = await gateway.introspect(tokens.accessToken);
    outside.clock.advance(601);
    const later = await gateway.introspect(tokens.accessToken);

    assert.equal(found?.expiresAt, outside.clock.now() - 1);
    assert.equal(later, undefined);
  });

  it('knows nothing of a token that is none, has ended, was revoked or belongs to no grant', async () => {
    const { outside, gateway, client, tokens } = await granted();

    const foreign = await gateway.introspect(`${'A'.repeat(22)}.${'A'.repeat(43)}`);
    const garbage = await gateway.introspect('a token');
    outside.clock.advance(3661);
    const ended = await gateway.introspect(tokens.accessToken);
    await gateway.revoke(client.value, tokens.refreshToken);
    const revoked = await gateway.introspect(tokens.refreshToken);

    assert.deepEqual(
      [foreign, garbage, ended, revoked],
      [undefined, undefined, undefined, undefined],
    );
  });
});
