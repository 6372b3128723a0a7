import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { challengeAnswer } from '../../src/adapters/testing/testing.ts';
import { StoreUnavailable } from '../../src/application/ports.ts';
import { type StepUps, stepUps } from '../../src/application/step-ups.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import { subject } from '../../src/domain/grant.ts';
import { noStepUp } from '../../src/domain/scope.ts';
import { initialize } from '../support/initialize.ts';
import { aClient, aGrant, call, form, openedFlow, opensMcp, tamper } from './dance.ts';
import { valueIn, wired, world } from './wired.ts';

const demand = (scope: string) => `Bearer error="insufficient_scope", scope="${scope}"`;
const alice = subject('alice');

/** A client of alice's with `read`, and a gateway beside the one it came through. */
async function granted() {
  const outside = world();
  const gateway = wired(outside);
  const { client, tokens, grant } = await aGrant(gateway, outside, { scope: 'read' });
  return { outside, gateway, beside: wired(outside), client, tokens, grant };
}

type Granted = Awaited<ReturnType<typeof granted>>;

/** The upstream says that scope is missing; what the client hears. */
async function demanded({ outside, gateway, tokens }: Granted, scope: string) {
  outside.mcp.answerNext(challengeAnswer(demand(scope), 403));
  const { heard } = call(gateway, tokens.accessToken, { body: initialize });
  await heard.ended;
  return heard;
}

/** What the upstream is asked for on behalf of a client that asks for this. */
async function askedFor(
  gateway: UseCases,
  client: Granted['client'],
  scope: string | undefined,
  user: { username: string; password: string } = { username: 'alice', password: 'wonderland' },
) {
  const screen = await openedFlow(gateway, client, { scope });
  const outcome = valueIn(await gateway.submitSignIn(form(screen, user)));
  assert.ok(outcome.type === 'upstream');
  return new URL(outcome.url).searchParams.get('scope');
}

describe('a demand for more scope', () => {
  it('reaches the client in the upstream’s own words', async () => {
    const { status, upstreamChallenge } = await demanded(await granted(), 'admin');

    assert.equal(status, 403);
    assert.equal(upstreamChallenge, demand('admin'));
  });

  for (const [scope, asked] of [
    ['admin', 'read admin'],
    ['read admin', 'read admin'],
    ['unheard-of', 'read write admin'],
  ] as const) {
    it(`leads to an authorization for all of it on any instance, though no metadata lists it and the client asks for ${scope}`, async () => {
      const before = await granted();
      await demanded(before, 'admin');

      assert.equal(await askedFor(before.beside, before.client, scope), asked);
    });
  }

  it('makes nothing known that was not demanded, and nothing to other clients', async () => {
    const before = await granted();
    await demanded(before, 'admin');
    const other = await aClient(before.gateway, before.outside);

    assert.equal(await askedFor(before.gateway, before.client, 'root admin'), 'read admin');
    assert.equal(await askedFor(before.gateway, before.client, 'write'), 'write');
    assert.equal(await askedFor(before.gateway, other, 'write admin'), 'write');
  });

  it('asks in the name of another user for nothing that this one granted', async () => {
    const before = await granted();
    await demanded(before, 'admin');
    const bob = { username: 'bob', password: 'builder' };

    assert.equal(await askedFor(before.gateway, before.client, 'admin', bob), 'admin');
    assert.equal(await askedFor(before.gateway, before.client, undefined, bob), 'read write');
  });

  it('is shown on screen 1: what is missing to everybody, what was granted to who granted it', async () => {
    const before = await granted();
    await demanded(before, 'admin');
    const { flow } = await openedFlow(before.gateway, before.client, { scope: 'admin' });

    assert.equal(await before.gateway.scopeToShow(flow, undefined), 'admin');
    assert.equal(await before.gateway.scopeToShow(flow, alice), 'read admin');
    const left = await openedFlow(before.gateway, before.client, { scope: 'unheard-of' });
    assert.equal(await before.gateway.scopeToShow(left.flow, undefined), 'read write admin');
  });

  it('brings nothing back that was taken from the client meanwhile', async () => {
    const before = await granted();
    await demanded(before, 'admin');
    await before.gateway.revoke(before.client.value, before.tokens.refreshToken);

    assert.equal(await askedFor(before.gateway, before.client, 'admin'), 'admin');
  });

  it('is forgotten after an hour', async () => {
    const before = await granted();
    await demanded(before, 'admin');
    before.outside.clock.advance(3600);

    assert.equal(await askedFor(before.gateway, before.client, 'write admin'), 'write');
  });

  it('is left alone where it demands nothing', async () => {
    const outside = world();
    const gateway = wired(outside);
    const { tokens, grant } = await aGrant(gateway, outside, { scope: 'read' });
    await tamper(outside, grant, (each) => ({ ...each, scope: undefined }));
    const challenges = [
      ['Bearer', 403],
      ['Bearer error="insufficient_scope"', 403],
      ['Basic realm="x"', 403],
      [demand('write'), 400],
    ] as const;
    outside.mcp.answerNext(...challenges.map(([each, status]) => challengeAnswer(each, status)));

    for (const [challenge] of challenges) {
      const { heard } = call(gateway, tokens.accessToken, { body: initialize });
      await heard.ended;
      assert.equal(heard.upstreamChallenge, challenge);
    }
    assert.ok(await opensMcp(gateway, tokens.accessToken));
  });
});

/** The memory alone, over the store of a gateway with one grant. */
async function memory(): Promise<Granted & { kept: StepUps; demandsOfAlice(): Promise<unknown> }> {
  const before = await granted();
  const kept = stepUps(before.outside.ports);
  return { ...before, kept, demandsOfAlice: () => kept.of(before.client.value.id, alice) };
}

describe('what is remembered of a demand', () => {
  it('adds to what is known, each scope once', async () => {
    const { kept, grant, demandsOfAlice } = await memory();

    await kept.demanded(grant, 'admin');
    await kept.demanded(grant, 'write admin');

    assert.deepEqual(await demandsOfAlice(), {
      named: ['admin', 'write'],
      demanded: ['admin', 'write'],
      granted: ['read'],
    });
  });

  it('is written once while it stays the same, and again before it ends', async () => {
    const { kept, grant, outside, demandsOfAlice } = await memory();
    const writes: string[] = [];
    const count = async (key: string) => writes.push(key);
    outside.store.beforeWrite('stepUps', count, 100);

    await kept.demanded(grant, 'admin');
    await kept.demanded(grant, 'admin');
    assert.equal(writes.length, 2);
    outside.clock.advance(1801);
    await kept.demanded(grant, 'admin');
    assert.equal(writes.length, 4);
    outside.clock.advance(1801);

    assert.deepEqual(await demandsOfAlice(), {
      named: ['admin'],
      demanded: ['admin'],
      granted: ['read'],
    });
  });

  it('is of a measure: what is longer is not kept, and too much together is the newest alone', async () => {
    const { kept, grant, demandsOfAlice } = await memory();
    const long = `a${'b'.repeat(3000)}`;

    await kept.demanded(grant, `${long}${long}`);
    assert.deepEqual(await demandsOfAlice(), noStepUp);
    await kept.demanded(grant, long);
    await kept.demanded(grant, `${long}c`);

    assert.deepEqual(await demandsOfAlice(), {
      named: [`${long}c`],
      demanded: [`${long}c`],
      granted: ['read'],
    });
  });

  it('loses nothing to another instance that remembers at the same time', async () => {
    const { kept, grant, outside, demandsOfAlice } = await memory();
    const rival = stepUps({ ...outside.ports, store: outside.store.quiet });
    outside.store.beforeWrite('stepUps', () => rival.demanded(grant, 'write'));

    await kept.demanded(grant, 'admin');

    assert.deepEqual(await demandsOfAlice(), {
      named: ['write', 'admin'],
      demanded: ['write', 'admin'],
      granted: ['read'],
    });
  });

  it('is given up where other instances are always faster', async () => {
    const { kept, grant, outside } = await memory();
    const rival = stepUps({ ...outside.ports, store: outside.store.quiet });
    let count = 0;
    const faster = async () => {
      count += 1;
      await rival.demanded(grant, `s${count}`);
    };
    outside.store.beforeWrite('stepUps', faster, 100);

    await kept.demanded(grant, 'admin');

    assert.equal(count, 6);
  });

  it('is nothing where the grant is over', async () => {
    const { kept, gateway, client, tokens, grant, demandsOfAlice } = await memory();
    await gateway.revoke(client.value, tokens.refreshToken);

    await kept.demanded(grant, 'admin');

    assert.deepEqual(await demandsOfAlice(), noStepUp);
  });

  it('may be missing: a store that is away is the operator’s affair, and the client has its answer', async () => {
    const { kept, grant, outside } = await memory();
    const away = async () => {
      throw new StoreUnavailable('away');
    };
    outside.store.beforeWrite('stepUps', away);

    await kept.demanded(grant, 'admin');

    const reasons = outside.events.of('internal_error').map(({ reason }) => reason);
    assert.deepEqual(reasons, ['step-up not kept: StoreUnavailable: away']);
  });
});
