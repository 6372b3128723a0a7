import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuthorizationServerTraits } from '../../src/adapters/testing/testing.ts';
import type { UpstreamResourceServer, Versioned } from '../../src/application/ports.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import type { Client } from '../../src/domain/client-registration.ts';
import type { Grant, TokenPolicy } from '../../src/domain/grant.ts';
import type { TokenAnswer } from '../../src/domain/grant-rotation.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import { initialize } from '../support/initialize.ts';
import {
  aClient,
  aCode,
  aGrant,
  call,
  exchangeOf,
  grantOf,
  halvesOf,
  opensMcp,
  refreshOf,
} from './dance.ts';
import { type Death, mortalPorts } from './mortal-ports.ts';
import { type WiredOptions, type World, wired, world } from './wired.ts';

// A process is killed at each step of what it does, before and after the step's effect; then another takes over, on what is in the store.

type Answer = Awaited<ReturnType<UseCases['refresh']>>;

/** A client before its next request. */
interface Scene {
  readonly outside: World;
  readonly options: WiredOptions;
  readonly client: Versioned<Client>;
  /** A token or code of its grant. */
  readonly token: string;
  /** What it asks for next: tokens, or a call (an answer then means that it was served). */
  readonly ask: (gateway: UseCases) => Promise<Answer | 'served' | 'challenged' | 'later'>;
}

/** What became of one death. */
interface Aftermath extends Scene {
  /** The step, and whether its effect came to be. */
  readonly at: string;
  /** The record as the dead process left it. */
  readonly left: Grant;
  /** Another process on the same store. */
  readonly survivor: UseCases;
}

/** Kills the process of a scene at each of its steps in turn, and lets `then` look at what is left. The steps, in their order. */
async function killedAtEveryStep(
  prepare: () => Promise<Scene>,
  then: (aftermath: Aftermath) => Promise<void>,
): Promise<readonly string[]> {
  const places: string[] = [];
  for (let step = 0; ; step += 1) {
    for (const after of [false, true]) {
      const at = await killedAt(prepare, { step, after }, then);
      if (at === undefined) return places;
      places.push(at);
    }
  }
}

/** Where it died; `undefined` where it came to its end before. */
async function killedAt(
  prepare: () => Promise<Scene>,
  death: Death,
  then: (aftermath: Aftermath) => Promise<void>,
): Promise<string | undefined> {
  const scene = await prepare();
  const { outside, options, token } = scene;
  const crossings: Crossing[] = [];
  const resourceServer = observed(scene, crossings);
  const { ports, steps, died } = mortalPorts({ ...outside.ports, resourceServer }, death);
  const asked = scene.ask(wired(outside, { ...options, ports }));
  const isDead = await Promise.race([died.then(() => true), asked.then(() => false)]);
  if (!isDead) return undefined;
  const at = `${steps.at(-1)}${death.after ? ', done' : ''}`;
  const survivor = wired(outside, { ...options, ports: { resourceServer } });
  await then({ ...scene, at, left: await recordOf(outside, token), survivor });
  for (const { token: used, record } of crossings) assertCommitted(await record, used);
  return at;
}

async function recordOf(outside: World, token: string): Promise<Grant> {
  const stored = await outside.store.quiet.grants.read(grantOf(token));
  return stored?.value ?? assert.fail('the grant is gone');
}

/** A token on its way to the MCP server, and the record at that moment. */
interface Crossing {
  readonly token: string;
  readonly record: Promise<Grant>;
}

/** No token reaches the MCP server before it is committed: the record is read at the moment of the call. */
function observed({ outside, token: known }: Scene, crossings: Crossing[]): UpstreamResourceServer {
  return {
    forward: (asked, token, sink) => {
      crossings.push({ token, record: recordOf(outside, known) });
      return outside.mcp.forward(asked, token, sink);
    },
    close: () => outside.mcp.close(),
  };
}

function assertCommitted(grant: Grant, token: string): void {
  const isKnown = grant.state === 'live' && grant.upstream.accessHash === sha256(token);
  assert.ok(isKnown, 'a token was used that is not in the store');
}

/** Asks until the answer is another than to come back, as a client does; nobody is told so for more than a minute. */
async function insisting(outside: World, ask: () => ReturnType<Scene['ask']>) {
  const deadline = outside.clock.now() + 60;
  while (outside.clock.now() < deadline) {
    const answer = await ask();
    const isLater =
      typeof answer === 'string'
        ? answer === 'later'
        : !answer.ok && answer.failure.error === 'temporarily_unavailable';
    if (!isLater) return answer;
    outside.clock.advance(5);
  }
  return assert.fail('told to come back for more than a minute');
}

/** A client goes on after a death: it has a working pair, or gets one with what it has. False: it was told to authorize again, and could. */
async function goesOn(aftermath: Aftermath): Promise<boolean> {
  const { outside, client, ask, survivor } = aftermath;
  const answer = await insisting(outside, () => ask(survivor));
  if (answer === 'served') return true;
  if (typeof answer === 'string' || !answer.ok) {
    await assertAuthorizesAgain(aftermath);
    return false;
  }
  await assertWorks(aftermath, answer.value);
  const next = await insisting(outside, () =>
    survivor.refresh(client, refreshOf(answer.value.refreshToken)),
  );
  assert.ok(typeof next !== 'string' && next.ok, 'the pair cannot be refreshed');
  await assertWorks(aftermath, next.value);
  return true;
}

async function assertWorks(
  { outside, survivor, token }: Aftermath,
  pair: TokenAnswer,
): Promise<void> {
  const { upstream } = halvesOf(pair.accessToken);
  if (upstream !== undefined) assertCommitted(await recordOf(outside, token), upstream);
  assert.ok(await opensMcp(survivor, pair.accessToken), 'the pair does not work');
}

async function assertAuthorizesAgain({ outside, options, client }: Scene): Promise<void> {
  const gateway = wired(outside, options);
  const code = await aCode(gateway, outside, client);
  const answer = await gateway.exchange(client, exchangeOf(code));
  assert.ok(answer.ok && (await opensMcp(gateway, answer.value.accessToken)), 'nor another way in');
}

interface SceneOptions {
  readonly traits?: Partial<AuthorizationServerTraits>;
  readonly policy?: Partial<TokenPolicy>;
}

/** A client with a code. */
async function withCode({ traits = {}, policy = {} }: SceneOptions, wait = 0): Promise<Scene> {
  const outside = world({ traits });
  const options = { policy };
  const gateway = wired(outside, options);
  const client = await aClient(gateway, outside);
  const code = await aCode(gateway, outside, client);
  outside.clock.advance(wait);
  return {
    outside,
    options,
    client,
    token: code,
    ask: (by) => by.exchange(client, exchangeOf(code)),
  };
}

type Ask = (
  by: UseCases,
  client: Versioned<Client>,
  tokens: TokenAnswer,
) => ReturnType<Scene['ask']>;

interface PairOptions extends SceneOptions {
  readonly ask: Ask;
  /** What happened before; the value is the tokens that the client has then. */
  readonly before?: (
    outside: World,
    by: UseCases,
    client: Versioned<Client>,
    tokens: TokenAnswer,
  ) => Promise<TokenAnswer>;
}

/** A client with a pair. */
async function withPair({ traits = {}, policy = {}, ask, before }: PairOptions): Promise<Scene> {
  const outside = world({ traits });
  const options = { policy };
  const gateway = wired(outside, options);
  const { client, tokens: first } = await aGrant(gateway, outside);
  const tokens = (await before?.(outside, gateway, client, first)) ?? first;
  const { accessToken: token } = tokens;
  return { outside, options, client, token, ask: (by) => ask(by, client, tokens) };
}

const refreshing = (by: UseCases, client: Versioned<Client>, { refreshToken }: TokenAnswer) =>
  by.refresh(client, refreshOf(refreshToken));

/** A call, and a refresh where it is not served. */
async function calling(by: UseCases, client: Versioned<Client>, tokens: TokenAnswer) {
  const { heard } = call(by, tokens.accessToken, { body: initialize });
  const { type } = await heard.ended;
  if (heard.status === 200) return 'served' as const;
  return type === 'unavailable' ? ('later' as const) : refreshing(by, client, tokens);
}

/** What the upstream answered to a refresh was not committed, and it takes none of its refresh tokens twice. */
function isLostUpstream({ left, outside }: Aftermath): boolean {
  const isAsked = outside.upstream.tokenRequests.refresh_token === 1;
  const isCommitted = left.state === 'live' && left.upstream.version > 1;
  return isAsked && !isCommitted && outside.upstream.traits.refreshTokens === 'rotating';
}

/** The code is used up, and its answer was heard by nobody. */
function isLostCode({ left }: Aftermath): boolean {
  return left.state === 'live' && left.code?.usedAt !== undefined;
}

const rotating = { refreshTokens: 'rotating' } as const;
const kept = { refreshTokens: 'kept' } as const;
const none = { refreshTokens: 'none', expiresIn: 'absent' } as const;
const longCode = { codeTtl: seconds(300) };

/** The time at which the upstream's tokens of this life are over. */
const whenSpent: PairOptions['before'] = async (outside, _, __, tokens) => {
  outside.clock.advance(120);
  return tokens;
};

/** The client has refreshed, and never got the answer. */
const whenLost: PairOptions['before'] = async (outside, by, client, tokens) => {
  await refreshing(by, client, tokens);
  outside.clock.advance(60);
  return tokens;
};

/** The upstream refuses all access tokens that it gave so far. */
const whenDropped: PairOptions['before'] = async (outside, _, __, tokens) => {
  outside.upstream.dropAccessTokens();
  return tokens;
};

const spent = { accessTtl: 120 };
const strict = { refreshGrace: seconds(0) };
const usual = { ask: refreshing, traits: rotating };

/** What is asked for, and when a client that dies over it has to authorize again; all else it gets with what it has. */
const scenes: readonly (readonly [
  name: string,
  prepare: () => Promise<Scene>,
  isOver: (aftermath: Aftermath) => boolean,
])[] = [
  ['the exchange of a code', () => withCode({}), isLostCode],
  [
    'an exchange that renews the upstream’s tokens first',
    () => withCode({ traits: { ...rotating, accessTtl: 30 }, policy: longCode }, 29),
    (aftermath) => isLostCode(aftermath) || isLostUpstream(aftermath),
  ],
  [
    'such an exchange, where the upstream takes its old token again',
    () => withCode({ traits: { ...kept, accessTtl: 30 }, policy: longCode }, 29),
    isLostCode,
  ],
  ['a refresh', () => withPair(usual), isLostUpstream],
  [
    'a refresh, where the upstream takes its old token again',
    () => withPair({ ...usual, traits: kept }),
    nobody,
  ],
  [
    'a refresh without an upstream refresh token',
    () => withPair({ ...usual, traits: none }),
    nobody,
  ],
  [
    'a refresh with opaque tokens',
    () => withPair({ ...usual, policy: { format: 'opaque' } }),
    isLostUpstream,
  ],
  [
    'a refresh under strict rotation, which no lost answer outlives',
    () => withPair({ ...usual, traits: kept, policy: strict }),
    ({ left }) => left.state === 'live' && left.generation === 2,
  ],
  ['a refresh whose first answer was lost', () => withPair({ ...usual, before: whenLost }), nobody],
  [
    'such a refresh, when the newest pair is over too',
    () =>
      withPair({
        ...usual,
        traits: { ...kept, ...spent },
        before: async (...scene) => {
          await whenLost(...scene);
          return whenSpent(...scene);
        },
      }),
    nobody,
  ],
  [
    'a call that renews the upstream’s tokens',
    () => withPair({ ask: calling, traits: { ...rotating, ...spent }, before: whenSpent }),
    isLostUpstream,
  ],
  [
    'such a call, where the upstream takes its old token again',
    () => withPair({ ask: calling, traits: { ...kept, ...spent }, before: whenSpent }),
    nobody,
  ],
  [
    'a call whose token the upstream refuses',
    () => withPair({ ask: calling, traits: rotating, before: whenDropped }),
    isLostUpstream,
  ],
];

function nobody(): boolean {
  return false;
}

describe('a process that is killed at any step of', () => {
  for (const [name, prepare, isOver] of scenes) {
    it(`${name}: its client goes on, or authorizes again where nothing else is left`, async () => {
      let mustAuthorize = 0;
      const places = await killedAtEveryStep(prepare, async (aftermath) => {
        const expected = isOver(aftermath);
        mustAuthorize += Number(expected);
        assert.equal(await goesOn(aftermath), !expected, `killed at: ${aftermath.at}`);
      });

      assert.ok(places.length >= 4, `killed only at: ${places.join('; ')}`);
      assert.equal(mustAuthorize > 0, isOver !== nobody, 'an exception that is never made');
    });
  }
});

/** Ends a grant with one of its tokens in hand. */
const endings: readonly (readonly [name: string, prepare: () => Promise<Scene>])[] = [
  ['a revocation', () => withPair({ ask: revoking })],
  ['a revocation by a token that is over', () => withPair({ ask: revoking, before: whenLost })],
  [
    'a replay',
    () =>
      withPair({
        ask: refreshing,
        policy: strict,
        before: async (_, by, client, tokens) => {
          await refreshing(by, client, tokens);
          return tokens;
        },
      }),
  ],
  ['a second use of a code', () => withUsedCode()],
];

const revoking: Ask = async (by, client, { refreshToken }) => {
  await by.revoke(client.value, refreshToken);
  return 'challenged';
};

async function withUsedCode(): Promise<Scene> {
  const scene = await withCode({});
  const answer = await scene.ask(wired(scene.outside));
  assert.ok(typeof answer !== 'string' && answer.ok, 'no pair');
  return { ...scene, token: answer.value.accessToken };
}

describe('a process that is killed at any step of', () => {
  for (const [name, prepare] of endings) {
    it(`${name}: the grant ends, and the upstream hears of it all the same`, async () => {
      const ends = { before: 0, after: 0 };
      await killedAtEveryStep(prepare, async ({ outside, token, ask, at, left, survivor }) => {
        const isEnded = left.state === 'ended';
        ends[isEnded ? 'after' : 'before'] += 1;
        // What has ended has ended, though nobody asks again.
        if (!isEnded) await ask(survivor);

        void survivor.revocations.takeUp();
        await outside.clock.sleep(60_000);
        survivor.revocations.stop();

        assert.equal(await opensMcp(survivor, token), false, `killed at: ${at}`);
        const upstream = halvesOf(token).upstream ?? '';
        assert.equal(outside.upstream.access(upstream), undefined, `alive there, killed at: ${at}`);
        const record = await recordOf(outside, token);
        assert.ok(record.state === 'ended' && !record.revocation, 'the order is still there');
      });
      assert.ok(ends.before > 0 && ends.after > 0, 'not killed on both sides of the end');
    });
  }
});
