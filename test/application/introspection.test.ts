import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { challengeAnswer } from '../../src/adapters/testing/testing.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { initialize } from '../support/initialize.ts';
import {
  aClient,
  aCode,
  aGrant,
  call,
  exchangeOf,
  halvesOf,
  opensMcp,
  refreshOf,
} from './dance.ts';
import { base, valueIn, type WiredOptions, type WorldOptions, wired, world } from './wired.ts';

const hour = 3600;

async function granted(options: WiredOptions = {}, worldOptions: WorldOptions = {}) {
  const outside = world(worldOptions);
  const gateway = wired(outside, options);
  return { outside, gateway, ...(await aGrant(gateway, outside)) };
}

describe('introspection', () => {
  it('tells of an access token whose it is, what it is for, and from when to when', async () => {
    const { outside, gateway, client, tokens } = await granted();
    const now = outside.clock.now();

    assert.deepEqual(await gateway.introspect(tokens.accessToken), {
      kind: 'access',
      clientId: client.value.id,
      subject: 'alice',
      scope: 'read write',
      resource: `${base}/mcp`,
      issuedAt: now,
      expiresAt: now + hour,
    });
  });

  it('tells nothing of a token of another gateway that shares the store', async () => {
    const { outside, tokens } = await granted();
    const other = wired(outside, { base: 'https://other.example' });

    assert.equal(await other.introspect(tokens.accessToken), undefined);
    assert.equal(await other.introspect(tokens.refreshToken), undefined);
  });

  it('tells a refresh token from an access token', async () => {
    const { outside, gateway, tokens } = await granted();
    const now = outside.clock.now();

    const found = await gateway.introspect(tokens.refreshToken);

    assert.equal(found?.kind, 'refresh');
    assert.equal(found?.issuedAt, now);
    assert.equal(found?.expiresAt, now + 30 * 24 * hour);
  });

  it('says that both end with the grant, where that ends first', async () => {
    const { outside, gateway, client, tokens } = await granted({
      policy: { grantTtl: seconds(2 * hour) },
    });
    const end = outside.clock.now() + 2 * hour;
    outside.clock.advance(1.5 * hour);
    const second = valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));

    const access = await gateway.introspect(second.accessToken);
    const refresh = await gateway.introspect(second.refreshToken);

    assert.equal(access?.expiresAt, end);
    assert.equal(access?.issuedAt, outside.clock.now());
    assert.equal(refresh?.expiresAt, end);
    assert.equal(refresh?.issuedAt, outside.clock.now());
    assert.equal(second.expiresIn, hour / 2);
  });

  it('says when the token was issued, not the grant', async () => {
    const { outside, gateway, client, tokens } = await granted();
    outside.clock.advance(1000);
    const second = valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));

    const found = await gateway.introspect(second.accessToken);

    assert.equal(found?.issuedAt, outside.clock.now());
  });

  it('uses nothing: a token it looked at is as good as before', async () => {
    const { gateway, outside, client, tokens, grant } = await granted();
    const before = await outside.store.grants.read(grant);

    await gateway.introspect(tokens.accessToken);
    await gateway.introspect(tokens.refreshToken);

    assert.deepEqual(await outside.store.grants.read(grant), before);
    assert.ok(await opensMcp(gateway, tokens.accessToken));
    valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
  });

  it('knows a used refresh token while it is still good, and no longer', async () => {
    const { outside, gateway, client, tokens } = await granted();
    const second = valueIn(await gateway.refresh(client, refreshOf(tokens.refreshToken)));
    assert.ok(await opensMcp(gateway, second.accessToken));

    assert.equal((await gateway.introspect(tokens.refreshToken))?.kind, 'refresh');
    outside.clock.advance(2 * hour);

    assert.equal(await gateway.introspect(tokens.refreshToken), undefined);
    assert.deepEqual(outside.events.of('grant_ended'), []);
  });

  it('knows nothing of a token that has expired', async () => {
    const { outside, gateway, tokens } = await granted();

    outside.clock.advance(hour + 60);

    assert.equal(await gateway.introspect(tokens.accessToken), undefined);
    assert.ok(await gateway.introspect(tokens.refreshToken));
  });

  it('knows nothing of a token that was revoked', async () => {
    const { gateway, client, tokens } = await granted();

    await gateway.revoke(client.value, tokens.accessToken);

    assert.equal(await gateway.introspect(tokens.accessToken), undefined);
    assert.equal(await gateway.introspect(tokens.refreshToken), undefined);
  });

  it('knows nothing of what is no token, or no token of here', async () => {
    const { gateway, outside, tokens, grant } = await granted();
    const elsewhere = world();
    const foreign = await aGrant(wired(elsewhere), elsewhere);
    const other = await aGrant(gateway, outside);
    const code = await aCode(gateway, outside, await aClient(gateway, outside));
    const { upstream = '' } = halvesOf(other.tokens.accessToken);
    const { gateway: secret } = halvesOf(tokens.accessToken);
    const mixed = Buffer.from(`${grant}.${secret}:${upstream}`).toString('base64url');

    for (const token of ['', 'guess', code, mixed, upstream, `${foreign.tokens.accessToken}=`]) {
      assert.equal(await gateway.introspect(token), undefined, token);
    }
  });

  it('ends a token that cannot be renewed with the upstream’s', async () => {
    const short = { traits: { refreshTokens: 'none', accessTtl: 600 } } as const;
    const { outside, gateway, tokens } = await granted({}, short);
    const now = outside.clock.now();

    assert.equal((await gateway.introspect(tokens.accessToken))?.expiresAt, now + 600);
    outside.clock.advance(600);

    assert.equal(await gateway.introspect(tokens.accessToken), undefined);
    assert.equal(await gateway.introspect(tokens.refreshToken), undefined);
  });

  it('knows nothing of a token that the upstream refused for good', async () => {
    const { outside, gateway, tokens } = await granted({}, { traits: { refreshTokens: 'none' } });
    outside.mcp.answerNext(challengeAnswer());
    await call(gateway, tokens.accessToken, { body: initialize }).heard.ended;

    assert.equal(await gateway.introspect(tokens.accessToken), undefined);
  });

  it('lets a token last where the upstream can be asked for another', async () => {
    const { outside, gateway, tokens } = await granted({}, { traits: { accessTtl: 600 } });
    outside.clock.advance(1200);

    const found = await gateway.introspect(tokens.accessToken);

    assert.equal(found?.expiresAt, outside.clock.now() - 1200 + hour);
  });

  it('understands tokens that carry nothing of the upstream', async () => {
    const outside = world();
    const gateway = wired(outside, { policy: { format: 'opaque', accessTtl: seconds(60) } });
    const client = await aClient(gateway, outside);
    const code = await aCode(gateway, outside, client, { scope: 'read' });
    const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));

    const found = await gateway.introspect(tokens.accessToken);

    assert.equal(found?.scope, 'read');
    assert.equal(found?.expiresAt, outside.clock.now() + 60);
  });
});
