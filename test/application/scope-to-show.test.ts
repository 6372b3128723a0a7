import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { longestWait } from '../../src/application/resolve-upstream.ts';
import type { Flow } from '../../src/domain/authorization-flow.ts';
import { aClient, openedFlow, upstreamUrl } from './dance.ts';
import { type WiredOptions, wired, world } from './wired.ts';

/** A client that asks for something else than the upstream knows, at screen 1. */
async function screenOne(options: WiredOptions = {}, scope = 'openid read') {
  const outside = world();
  const gateway = wired(outside, options);
  const client = await aClient(gateway, outside);
  const screen = await openedFlow(gateway, client, { scope });
  const shown = (flow: Flow) => gateway.scopeToShow(flow, undefined);
  return { outside, gateway, screen, shown };
}

describe('screen 1', () => {
  for (const scope of ['openid read', 'openid', 'read write', undefined]) {
    it(`shows what the upstream is then asked for, where the client asks for ${scope}`, async () => {
      const { gateway, screen, shown } = await screenOne({}, scope);

      const before = await shown(screen.flow);
      const asked = new URL(await upstreamUrl(gateway, screen)).searchParams.get('scope');

      assert.equal(before, asked ?? undefined);
    });
  }

  it('shows the scope that the operator set', async () => {
    const { screen, shown } = await screenOne({ settings: { scope: 'only this' } });

    assert.equal(await shown(screen.flow), 'only this');
  });

  it('shows what the client asks for while the upstream cannot be found', async () => {
    const { outside, screen, shown } = await screenOne();
    outside.upstream.goDown();

    assert.equal(await shown(screen.flow), 'openid read');
  });

  it('keeps nobody waiting for an upstream that hangs, and the next one not at all', async () => {
    const { outside, screen, shown } = await screenOne();
    let probes = 0;
    outside.upstream.probe = () => {
      probes += 1;
      return new Promise(() => {});
    };
    const begun = outside.clock.now();

    assert.equal(await shown(screen.flow), 'openid read');
    const waited = outside.clock.now() - begun;
    assert.equal(await shown(screen.flow), 'openid read');

    assert.equal(waited * 1000, longestWait);
    assert.equal(outside.clock.now() - begun, waited);
    assert.equal(probes, 1);
  });

  it('leaves an upstream alone that was not found a moment ago, whoever looked', async () => {
    const { outside, gateway, screen, shown } = await screenOne();
    outside.upstream.goDown();
    await gateway.resource.words();
    const { length } = outside.upstream.asked;

    await shown(screen.flow);

    assert.equal(outside.upstream.asked.length, length);
  });

  it('shows what the operator set, or the client asks for, where there is no screen 2', async () => {
    const off = await screenOne({ settings: { auth: 'none' } });

    assert.equal(await off.shown(off.screen.flow), 'openid read');
  });
});
