import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judgeAccess, withPresented } from '../../src/domain/grant-access.ts';
import { halfSecret, placeholderHalf, sealKeyOf } from '../../src/domain/grant-keys.ts';
import {
  bindNewest,
  isPairNearlySpent,
  judgeRefresh,
  moveGeneration,
  type TokenAnswer,
} from '../../src/domain/grant-rotation.ts';
import { isUpstreamNearlySpent } from '../../src/domain/grant-upstream.ts';
import { announcedEnd } from '../../src/domain/lifetime.ts';
import { type PresentedToken, readPresentedToken } from '../../src/domain/token-pair.ts';
import {
  accessOnly,
  answerOf,
  at,
  codeSecret,
  day,
  exchanged,
  type Held,
  holds,
  hour,
  key,
  keys,
  minute,
  policy,
  renewed,
  strict,
  tokensOfVersion,
} from './sample-grant.ts';

/** A grant in the course of time, as /token and /mcp use it; the upstream's next tokens live for `life`. */
interface World {
  held: Held;
  now: number;
  life: number | undefined;
}

function presented(text: string): PresentedToken {
  return readPresentedToken(text) ?? assert.fail('not a token');
}

function judge({ held, now }: World, refreshToken: string, rules = policy) {
  return judgeRefresh(held.grant, presented(refreshToken), rules, at(now), false);
}

/** New upstream tokens, where the upstream gave a refresh token. */
function renew(world: World): void {
  const { version, renewable } = world.held.grant.upstream;
  if (!renewable) return;
  const tokens = {
    ...tokensOfVersion(version + 1),
    expiresAt: announcedEnd(world.life, at(world.now)),
  };
  world.held = renewed(world.held, tokens, world.now);
}

/** What /token does with a refresh token; `undefined` where it is no good. */
function refresh(world: World, refreshToken: string, rules = policy): TokenAnswer | undefined {
  const verdict = judge(world, refreshToken, rules);
  if (verdict.type === 'refuse' || verdict.type === 'replay') return undefined;
  const now = at(world.now);
  note(world, verdict.entry.generation);
  const { grant } = world.held;
  const spent = isPairNearlySpent(grant, rules, now) || isUpstreamNearlySpent(grant, now);
  if (verdict.type === 'current' || spent) {
    renew(world);
    const next = moveGeneration(world.held, world.held.tokens, keys, rules, now);
    world.held = { ...world.held, grant: next };
  } else {
    world.held = { ...world.held, grant: bindNewest(world.held, world.held.tokens) };
  }
  return answerOf(world.held, world.now, rules);
}

/** A half of this generation has come back. */
function note(world: World, generation: number): void {
  world.held = { ...world.held, grant: withPresented(world.held.grant, generation) };
}

/** What /mcp does with an access token. */
function call(world: World, accessToken: string): boolean {
  const verdict = judgeAccess(world.held.grant, presented(accessToken), policy, at(world.now));
  if (verdict.type === 'refuse') return false;
  note(world, verdict.entry.generation);
  return true;
}

const lives = fc.constantFrom(undefined, 30, minute, 10 * minute, hour, 8 * hour);
const firstTokens = fc.constantFrom(tokensOfVersion(1), accessOnly, {
  ...tokensOfVersion(1),
  expiresAt: at(10 * minute),
});

const acts = fc.oneof(
  fc.record({ type: fc.constant('refresh' as const), which: fc.nat(40) }),
  fc.record({ type: fc.constant('refreshNewest' as const) }),
  fc.record({ type: fc.constant('call' as const), which: fc.nat(40) }),
  fc.record({ type: fc.constant('renew' as const), life: lives }),
  fc.record({
    type: fc.constant('wait' as const),
    time: fc.constantFrom(1, minute, hour, day, 12 * day),
  }),
);
type Act = typeof acts extends fc.Arbitrary<infer Value> ? Value : never;

function act(world: World, out: TokenAnswer[], each: Act, rules: typeof policy): void {
  const any = (which: number) => out[which % out.length];
  switch (each.type) {
    case 'wait':
      world.now += each.time;
      return;
    case 'renew':
      world.life = each.life;
      renew(world);
      return;
    case 'call':
      call(world, any(each.which)?.accessToken ?? '');
      return;
    case 'refresh':
    case 'refreshNewest': {
      const answer = each.type === 'refresh' ? any(each.which) : out.at(-1);
      const next = refresh(world, answer?.refreshToken ?? '', rules);
      if (next !== undefined) out.push(next);
    }
  }
}

const decline = ['current', 'superseded', 'replay', 'refuse'];

for (const [name, rules] of [
  ['with grace', policy],
  ['under strict rotation', strict],
] as const) {
  test(`whatever is presented in whatever order ${name}, there is one lineage, and what has lost its force never regains it`, () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        firstTokens,
        fc.array(acts, { minLength: 10, maxLength: 40 }),
        (tokens, sequence) => {
          const world: World = { held: exchanged(tokens), now: 0, life: undefined };
          const out = [answerOf(world.held)];
          const ranks: number[] = [];

          for (const each of sequence) {
            act(world, out, each, rules);

            const current = new Set<number>();
            for (const [index, { refreshToken }] of out.entries()) {
              const verdict = judge(world, refreshToken, rules);
              const rank = decline.indexOf(verdict.type);
              assert.ok(rank >= (ranks[index] ?? 0), 'a token has come back to force');
              ranks[index] = rank;
              seen.add(verdict.type);
              if (verdict.type === 'current') current.add(verdict.entry.generation);
            }
            assert.equal(current.size <= 1, true);
            assert.equal(
              [...current].every((generation) => generation === world.held.grant.generation),
              true,
            );
          }
        },
      ),
      { numRuns: 60 },
    );
    assert.equal(seen.has('replay'), true, 'the sequences are too tame to say anything');
  });
}

/** Everything that a thief of the record must not find in it. */
function secretsOf({ held }: World, out: readonly TokenAnswer[]): readonly string[] {
  const raw = [key, sealKeyOf(key)].map((each) => Buffer.from(each));
  const generations = Array.from({ length: held.grant.generation + 2 }, (_, each) => each);
  return [
    ...[codeSecret, placeholderHalf(key), 'upstream-access-', 'upstream-refresh-'],
    ...raw.flatMap((each) => [each.toString('base64url'), each.toString('hex')]),
    ...generations.map((each) => halfSecret(key, 'access', each)),
    ...generations.map((each) => halfSecret(key, 'refresh', each)),
    ...out.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]),
  ];
}

test('no secret of any generation or version stands in the record, and the record does not grow', () => {
  fc.assert(
    fc.property(firstTokens, fc.array(acts, { maxLength: 60 }), (tokens, sequence) => {
      const world: World = { held: exchanged(tokens), now: 0, life: undefined };
      const out = [answerOf(world.held)];

      for (const each of sequence) act(world, out, each, policy);

      const { grant } = world.held;
      assert.deepEqual(
        secretsOf(world, out).filter((secret) => holds(grant, secret)),
        [],
      );
      for (const list of [grant.access, grant.refresh, grant.halves])
        assert.equal(list.length <= 64, true);
    }),
    { numRuns: 60 },
  );
});

/** A window of a client: it holds the last pair it got, and comes back before the grace behind its announced end is over. */
interface Window {
  pair: TokenAnswer;
  due: number;
}

function windowOf(pair: TokenAnswer, now: number): Window {
  return { pair, due: now + pair.expiresIn + policy.refreshGrace - 1 };
}

function comeBack(world: World, windows: Window[], index: number, lost: boolean): void {
  const window = windows[index] ?? assert.fail();
  const answer = refresh(world, window.pair.refreshToken);
  assert.ok(answer, `window ${index} is logged out at ${world.now}`);
  assert.equal(judge(world, answer.refreshToken).type, 'current');
  if (!lost) windows[index] = windowOf(answer, world.now);
}

/** Time passes until then; whoever is due meanwhile comes back. */
function letPass(world: World, windows: Window[], until: number): void {
  for (;;) {
    const first = Math.min(...windows.map(({ due }) => due));
    if (first > until) break;
    world.now = Math.max(world.now, first);
    comeBack(
      world,
      windows,
      windows.findIndex(({ due }) => due === first),
      false,
    );
  }
  world.now = until;
}

test('no window of a client is logged out that comes back at its announced end and the grace, whatever the others do', () => {
  const step = fc.record({
    who: fc.nat(3),
    gap: fc.constantFrom(0, 1, minute, 9 * minute, 40 * minute, 90 * minute, 3 * hour),
    lost: fc.boolean(),
    calls: fc.boolean(),
    renews: fc.boolean(),
    life: lives,
  });
  fc.assert(
    fc.property(firstTokens, fc.array(step, { maxLength: 25 }), (tokens, steps) => {
      const world: World = { held: exchanged(tokens), now: 0, life: undefined };
      const windows = Array.from({ length: 4 }, () => windowOf(answerOf(world.held), 0));

      for (const { who, gap, lost, calls, renews, life } of steps) {
        world.life = life;
        letPass(world, windows, world.now + gap);
        if (renews) renew(world);
        if (calls) call(world, windows[who]?.pair.accessToken ?? '');
        comeBack(world, windows, who, lost);
      }
    }),
    { numRuns: 150 },
  );
});

const lostAnswers = fc.array(fc.constantFrom(1, minute, hour, 2 * hour, day), { maxLength: 8 });

test('a client whose answers are lost again and again may ask again whenever it wakes', () => {
  fc.assert(
    fc.property(firstTokens, lostAnswers, (tokens, sleeps) => {
      const world: World = { held: exchanged(tokens), now: 0, life: undefined };
      const only = answerOf(world.held);

      for (const sleep of sleeps) {
        world.now += sleep;
        assert.ok(refresh(world, only.refreshToken), 'logged out without cause');
      }
    }),
  );
});
