import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callback, type WiredOptions, type World, wired, world } from './wired.ts';

const unconfigured = { clientId: undefined, clientSecret: undefined };

/** What an operator reads after the start. */
async function toldAtStart(outside: World, settings: NonNullable<WiredOptions['settings']> = {}) {
  await wired(outside, { settings }).lookAtUpstream();
  return outside.events.all;
}

describe('a look at the upstream', () => {
  it('tells which server it found, and registers nothing there', async () => {
    const outside = world();

    assert.deepEqual(await toldAtStart(outside, unconfigured), [
      { type: 'upstream_found', issuer: outside.upstream.issuer },
    ]);
    assert.equal(outside.upstream.registrations, 0);
  });

  it('tells that somebody has to register a client, and with which callback', async () => {
    const outside = world();
    for (const [url, document] of outside.upstream.serverDocuments) {
      const silent = { ...document, registrationEndpoint: undefined };
      outside.upstream.serverDocuments.set(url, silent);
    }

    const [event] = await toldAtStart(outside, unconfigured);

    assert.ok(event?.type === 'upstream_failed', event?.type);
    assert.match(event.reason, /wants a client registered by hand/);
    assert.ok(event.reason.includes(callback), event.reason);
    assert.match(event.reason, /--upstream-client-id/);
  });

  it('tells nothing of the kind where there is a client', async () => {
    const outside = world();
    for (const [url, document] of outside.upstream.serverDocuments) {
      const silent = { ...document, registrationEndpoint: undefined };
      outside.upstream.serverDocuments.set(url, silent);
    }

    const [event] = await toldAtStart(outside);

    assert.equal(event?.type, 'upstream_found');
  });

  it('tells that the upstream cannot be found, and breaks nothing', async () => {
    const outside = world();
    outside.upstream.goDown();

    const [event] = await toldAtStart(outside);

    assert.ok(event?.type === 'upstream_failed', event?.type);
    assert.match(event.reason, /ECONNREFUSED/);
  });

  it('is not taken where the upstream has no authorization server', async () => {
    const outside = world();

    assert.deepEqual(await toldAtStart(outside, { auth: 'none' }), []);
    assert.deepEqual(outside.upstream.asked, []);
  });
});
