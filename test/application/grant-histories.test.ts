import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StoreUnavailable, type Versioned } from '../../src/application/ports.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import type { Client } from '../../src/domain/client-registration.ts';
import type { TokenAnswer } from '../../src/domain/grant-rotation.ts';
import { call, exchangeOf, grantOf, halvesOf, refreshOf } from './dance.ts';
import { codeFor, Real, type Setting, settings, userOf } from './history-stage.ts';
import {
  type Circumstances,
  type Deed,
  type End,
  endingOf,
  GrantModel,
  type Issued,
  mayEnd,
  type Promised,
  type Span,
  standingOf,
} from './honest-clients.ts';
import { policy } from './wired.ts';

// Two clients, three processes on one store, one upstream that is in all kinds of trouble. What each client may rely on is written down in
// honest-clients.ts, by the documents and not by the code; whatever happens in whatever order, it holds.

function promisedBy({ grace, refreshTokens }: Setting): Promised {
  return {
    accessTtl: policy.accessTtl,
    refreshTtl: policy.refreshTtl,
    grace,
    skew: policy.clockSkew,
    codeMemory: 3600,
    renewable: refreshTokens !== 'none',
    rotating: refreshTokens === 'rotating',
  };
}

/** What is known of the whole. */
interface Model {
  readonly promised: Promised;
  readonly grants: GrantModel[];
  trouble: boolean;
}

type Outcome = { readonly end: End; readonly answer?: TokenAnswer };

function outcomeOf(result: Awaited<ReturnType<UseCases['refresh']>>): Outcome {
  if (result.ok) return { end: 'ok', answer: result.value };
  const { error } = result.failure;
  if (error === 'temporarily_unavailable') return { end: 'unavailable' };
  assert.equal(error, 'invalid_grant');
  return { end: 'no' };
}

async function calling(
  real: Real,
  process: number,
  { accessToken }: Issued,
  client: number,
): Promise<Outcome> {
  const { heard } = call(real.process(process), accessToken, { body: userOf(client) });
  const ended = await heard.ended;
  assert.deepEqual(real.mixedUp, [], 'a call was served with the tokens of another client');
  if (heard.status === 200) return { end: 'ok' };
  if (ended.type === 'crash' && ended.error instanceof StoreUnavailable) {
    return { end: 'unavailable' };
  }
  assert.ok(ended.type === 'challenge' || ended.type === 'unavailable', `${ended.type} on /mcp`);
  return { end: ended.type === 'challenge' ? 'no' : 'unavailable' };
}

/** A deed, and who does it where. */
interface Doing {
  readonly grant: GrantModel;
  readonly deed: Deed;
  readonly process: number;
  /** The answer does not reach the client. */
  readonly lost: boolean;
}

async function doing(real: Real, it: Doing): Promise<Outcome> {
  try {
    return await doingIt(real, it);
  } catch (error) {
    if (error instanceof StoreUnavailable) return { end: 'unavailable' };
    throw error;
  }
}

async function doingIt(real: Real, { grant, deed, process }: Doing): Promise<Outcome> {
  const gateway = real.process(process);
  const client = real.client(grant.client);
  switch (deed.type) {
    case 'refresh':
      return outcomeOf(await gateway.refresh(client, refreshOf(deed.with.refreshToken)));
    case 'call':
      return calling(real, process, deed.with, grant.client);
    case 'code':
      return outcomeOf(await gateway.exchange(client, exchangeOf(grant.code)));
    case 'revoke':
      await gateway.revoke(client.value, grant.issued.at(-1)?.refreshToken ?? '');
      return { end: 'ok' };
    case 'stranger':
      return meddling(gateway, real.client(1 - grant.client), grant);
  }
}

/** The other client presents everything that there is of this grant. */
async function meddling(
  gateway: UseCases,
  stranger: Versioned<Client>,
  grant: GrantModel,
): Promise<Outcome> {
  const { refreshToken, accessToken } = grant.issued.at(-1) ?? assert.fail('nothing issued');
  await gateway.revoke(stranger.value, refreshToken);
  await gateway.revoke(stranger.value, accessToken);
  const results = [
    await gateway.refresh(stranger, refreshOf(refreshToken)),
    await gateway.exchange(stranger, exchangeOf(grant.code)),
  ];
  const [first] = results.map(outcomeOf).filter(({ end }) => end !== 'no');
  return first ?? { end: 'no' };
}

/** What has been seen at all: histories that are too tame say nothing. */
const seen = new Map<string, number>();

function note(what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

/** Does several things at once, compares what came of them with what the clients may rely on, and learns from it. */
async function together(
  model: Model,
  real: Real,
  doings: readonly Doing[],
  loses: boolean,
  fails = false,
): Promise<void> {
  const from = real.now;
  const ended = endedGrants(real);
  const askedBefore = real.asked;
  real.loses = loses;
  real.fails = fails;
  const outcomes = await real.race(doings.map((each) => () => doing(real, each)));
  const isLost = loses && !real.loses;
  real.loses = false;
  const isFailed = fails && (await hasFailed(real));
  const when = { from, to: real.now };
  const grants = [...new Set(doings.map(({ grant }) => grant))];
  const isCalm =
    !model.trouble && !isLost && !isFailed && doings.every(({ deed }) => deed.type === 'refresh');
  if (isCalm) {
    assert.ok(real.asked - askedBefore <= grants.length, 'the upstream was asked more than once');
  }
  for (const grant of grants) {
    const mine = doings.flatMap((each, place) =>
      each.grant === grant ? [{ ...each, outcome: outcomes[place] ?? assert.fail() }] : [],
    );
    const deeds = mine.map(({ deed }) => deed);
    const circumstances = { when, trouble: model.trouble, loses: isLost, fails: isFailed, deeds };
    for (const each of mine) judge(model, circumstances, each);
    learnEnd(model, real, grant, circumstances, ended);
    for (const each of mine) learn(grant, when, each);
    if (
      isLost &&
      model.promised.rotating &&
      mine.some(({ outcome }) => outcome.end === 'unavailable')
    ) {
      grant.mood = 'doubtful';
    }
    assertOneLineage(grant, when);
  }
}

/** Whether the store was away; what it did not take it gets as soon as it is back. */
async function hasFailed(real: Real): Promise<boolean> {
  const isFailed = !real.fails;
  real.fails = false;
  if (!isFailed) return false;
  note('the store was away');
  await real.outside.clock.sleep(5000);
  return true;
}

type Done = Doing & { readonly outcome: Outcome };

function judge(model: Model, circumstances: Circumstances, { grant, deed, outcome }: Done): void {
  const allowed = mayEnd(grant, deed, circumstances, model.promised);
  const mood = grant.isOver ? 'over' : grant.mood;
  assert.ok(
    allowed.includes(outcome.end),
    `${deed.type} of a grant that is ${mood}: "${outcome.end}", and not ${allowed.join(' or ')}`,
  );
  note(`${deed.type} ${outcome.end}`);
  if (deed.type === 'refresh' && !grant.isOver) {
    const standing = standingOf(grant, deed.with, circumstances, model.promised);
    note(deed.with.generation < grant.newest ? `${standing}, superseded` : standing);
  }
}

/** Puts an answer under its generation. */
function learn(grant: GrantModel, when: Span, { deed, outcome, lost }: Done): void {
  if ('with' in deed) {
    const { generation } = deed.with;
    const { surely, perhaps } = grant.presented;
    grant.presented = {
      surely: outcome.end === 'ok' ? Math.max(surely, generation) : surely,
      perhaps: Math.max(perhaps, generation),
    };
  }
  if (deed.type === 'call' && outcome.end === 'ok') grant.isDropped = false;
  if (outcome.answer === undefined) return;
  const issued = issue(grant, when, outcome.answer);
  if (!lost) grant.held.push(issued);
}

function issue(grant: GrantModel, when: Span, answer: TokenAnswer): Issued {
  const { accessToken, refreshToken, expiresIn } = answer;
  const half = halvesOf(refreshToken).gateway;
  const known = grant.issued.find((each) => halvesOf(each.refreshToken).gateway === half);
  if (known === undefined) {
    grant.generations.push(when);
    grant.isDropped = false;
    grant.isMarked = false;
  }
  const generation = known?.generation ?? grant.newest;
  const issued = { accessToken, refreshToken, generation, ends: when.to + expiresIn };
  grant.issued.push(issued);
  return issued;
}

/** Whatever is answered at a time is the newest pair, of one and the same line. */
function assertOneLineage(grant: GrantModel, when: Span): void {
  const made = grant.generations.filter((each) => each === when).length;
  assert.ok(made <= 1, `${made} generations were made at once`);
}

function endedGrants(real: Real): ReadonlySet<string> {
  return new Set(real.outside.events.of('grant_ended').map(({ grant }) => grant));
}

/** A grant ends where the model says so, and for no other reason. */
function learnEnd(
  model: Model,
  real: Real,
  grant: GrantModel,
  circumstances: Circumstances,
  endedBefore: ReadonlySet<string>,
): void {
  const id = grantOf(grant.code);
  if (endedBefore.has(id)) return;
  const isEnded = endedGrants(real).has(id);
  const expected = endingOf(grant, circumstances, model.promised);
  if (isEnded) assert.notEqual(expected, 'no', 'a grant was ended without cause');
  else assert.notEqual(expected, 'surely', 'a grant that is over was not ended');
  if (isEnded) note(`ended: ${real.outside.events.of('grant_ended').at(-1)?.reason}`);
  grant.isOver = isEnded;
}

/** Looks at every token that was ever given out, without using it. */
async function assertTokens(model: Model, real: Real): Promise<void> {
  for (const grant of model.grants) {
    for (const token of grant.issued) await assertToken(model, real, grant, token);
  }
}

async function assertToken(
  { promised }: Model,
  real: Real,
  grant: GrantModel,
  token: Issued,
): Promise<void> {
  const refresh = await real.process(0).introspect(token.refreshToken);
  const access = await real.process(1).introspect(token.accessToken);
  const owner = real.client(grant.client).value.id;
  for (const each of [refresh, access]) assert.equal(each?.clientId ?? owner, owner);
  if (grant.isOver) assert.equal(refresh ?? access, undefined, 'alive after its end');
  if (grant.isOver || grant.mood !== 'fine') return;
  const when = { from: real.now, to: real.now };
  const quiet = { when, trouble: false, loses: false, deeds: [] };
  const standing = standingOf(grant, token, quiet, promised);
  if (standing === 'good') assert.equal(refresh?.kind, 'refresh', 'locked out');
  else if (standing !== 'either') assert.equal(refresh, undefined, standing);
}

/** When all is well again, every honest client gets on with the newest tokens it has. */
async function assertNobodyLockedOut(model: Model, real: Real): Promise<void> {
  model.trouble = false;
  real.outside.upstream.recover();
  for (const grant of model.grants) {
    const process = grant.held.length;
    const last = grant.held.at(-1);
    if (last === undefined) continue;
    const refreshing = { grant, process, lost: false };
    await together(model, real, [{ ...refreshing, deed: { type: 'refresh', with: last } }], false);
    const newest = grant.held.at(-1) ?? last;
    await together(model, real, [{ ...refreshing, deed: { type: 'call', with: newest } }], false);
    note(grant.held.at(-1) === last ? 'in the end: out' : 'in the end: in');
  }
}

type Command = fc.AsyncCommand<Model, Real>;

/** A command that leaves the tokens in order. */
function command(
  name: string,
  isReady: (model: Model) => boolean,
  run: (model: Model, real: Real) => Promise<void>,
): Command {
  return {
    check: isReady,
    run: async (model, real) => {
      await run(model, real);
      await assertTokens(model, real);
    },
    toString: () => name,
  };
}

const always = () => true;
const isUp = ({ trouble }: Model) => !trouble;
const isSomebodyIn = ({ grants }: Model) => grants.length > 0;

const login = fc
  .record({
    client: fc.nat(1),
    process: fc.nat(2),
    delay: fc.constantFrom(0, 0, 0, 30, 59, 60, 3600),
    twice: fc.constantFrom(false, false, false, true),
  })
  .map((drawn) =>
    command(`login(${JSON.stringify(drawn)})`, isUp, (model, real) => logIn(model, real, drawn)),
  );

interface LoginDrawn {
  readonly client: number;
  readonly process: number;
  readonly delay: number;
  readonly twice: boolean;
}

async function logIn(
  model: Model,
  real: Real,
  { client, process, delay, twice }: LoginDrawn,
): Promise<void> {
  const issuedAt = real.now;
  const code = await codeFor(real, client, process);
  real.outside.clock.advance(delay);
  const from = real.now;
  const places = twice ? [process, process + 1] : [process];
  const results = await real.race(
    places.map(
      (place) => () => real.process(place).exchange(real.client(client), exchangeOf(code)),
    ),
  );
  const when = { from, to: real.now };
  const answers = results.map(outcomeOf).flatMap(({ answer }) => answer ?? []);
  const isLate = when.from >= issuedAt + policy.codeTtl;
  assert.equal(answers.length, isLate ? 0 : 1, 'a code is good once, for its minute');
  const [answer] = answers;
  if (answer === undefined) return;
  const grant = new GrantModel(client, code, when);
  grant.held.push(issue(grant, when, answer));
  grant.isOver = endedGrants(real).has(grantOf(code));
  assert.equal(grant.isOver, twice, 'a second use of a code ends the grant, and nothing else does');
  model.grants.push(grant);
}

const deeds = fc.record({
  type: fc.constantFrom(
    ...(Array.from({ length: 14 }, () => 'refresh') as 'refresh'[]),
    ...(Array.from({ length: 6 }, () => 'call') as 'call'[]),
    ...(['stranger', 'revoke', 'code'] as const),
  ),
  grant: fc.nat(3),
  /** Whether one that is over will do. */
  isOver: fc.constantFrom(false, false, false, false, true),
  /** Counted from the newest token. */
  age: fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 5),
  process: fc.nat(2),
  lost: fc.constantFrom(false, false, true),
});
type DeedDrawn = typeof deeds extends fc.Arbitrary<infer Value> ? Value : never;

function doingOf({ grants }: Model, drawn: DeedDrawn): Doing {
  const { process, lost, type, age } = drawn;
  const live = grants.filter((grant) => grant.isOver === drawn.isOver);
  const from = live.length > 0 ? live : grants;
  const grant = from.at(-1 - (drawn.grant % from.length)) ?? assert.fail('no grant');
  const token = grant.held.at(-1 - (age % grant.held.length)) ?? assert.fail('no token');
  const deed: Deed = type === 'refresh' || type === 'call' ? { type, with: token } : { type };
  return { grant, deed, process, lost };
}

const batch = fc
  .record({
    drawn: fc.array(deeds, { minLength: 1, maxLength: 4 }),
    loses: fc.constantFrom(false, false, false, false, true),
    fails: fc.constantFrom(false, false, false, false, true),
  })
  .map(({ drawn, loses, fails }) =>
    command(`together(${JSON.stringify(drawn)}, ${loses}, ${fails})`, isSomebodyIn, (model, real) =>
      together(
        model,
        real,
        drawn.map((each) => doingOf(model, each)),
        loses,
        fails && !loses,
      ),
    ),
  );

/** One client alone, as it should be: it wakes, calls, and refreshes with its newest tokens. */
const round = fc.record({
  sleep: fc.constantFrom(0, 1, 119, 300, 3600, 3700, 86_400),
  does: fc.constantFrom<('call' | 'refresh')[][]>(['call', 'refresh'], ['refresh'], ['call']),
  lost: fc.constantFrom(false, true),
  process: fc.nat(2),
});
const asUsual = fc
  .record({ grant: fc.nat(3), rounds: fc.array(round, { minLength: 1, maxLength: 4 }) })
  .map(({ grant, rounds }) =>
    command(`asUsual(${grant}, ${JSON.stringify(rounds)})`, isSomebodyIn, (model, real) =>
      liveOn(model, real, grant, rounds),
    ),
  );
type Round = typeof round extends fc.Arbitrary<infer Value> ? Value : never;

async function liveOn(model: Model, real: Real, grant: number, rounds: readonly Round[]) {
  for (const { sleep, does, lost, process } of rounds) {
    real.outside.clock.advance(sleep);
    for (const type of does) {
      const drawn = { grant, process, lost, type, age: 0, isOver: false } as const;
      await together(model, real, [doingOf(model, drawn)], false);
    }
  }
}

const wait = fc
  .constantFrom(1, 60, 600, 601, 3600, 3660, 3661, 4200, 4201, 86_400, 12 * 86_400)
  .map((time) =>
    command(`wait(${time})`, always, async (_, real) => real.outside.clock.advance(time)),
  );

const trouble = fc
  .constantFrom('down', 'babble', 'invalid_client', 'invalid_request', 'over', 'over')
  .map((kind) =>
    command(`trouble(${kind})`, always, async (model, { outside: { upstream } }) => {
      upstream.recover();
      model.trouble = kind !== 'over';
      if (kind === 'down') upstream.goDown();
      else if (kind === 'babble') upstream.babble();
      else if (kind !== 'over') upstream.refuse(kind);
    }),
  );

/** Every upstream access token is refused, and renewed ones are not. */
const drop = fc.constant(
  command('drop()', isSomebodyIn, async (model, real) => {
    real.outside.upstream.dropAccessTokens();
    for (const grant of model.grants) {
      grant.isDropped = true;
      if (!model.promised.renewable) grant.mood = 'doubtful';
    }
  }),
);

/** The upstream's user takes everything back. */
const takenBack = fc.constant(
  command('takenBack()', isSomebodyIn, async (model, real) => {
    real.outside.upstream.revokeEverything();
    for (const grant of model.grants) grant.mood = 'dead';
  }),
);

/** The MCP server refuses a call with a good token, and perhaps the renewed one too. */
const refused = fc
  .record({
    grant: fc.nat(3),
    process: fc.nat(2),
    times: fc.constantFrom<(1 | 2)[]>(1, 1, 2),
  })
  .map(({ times, ...drawn }) =>
    command(
      `refused(${JSON.stringify({ times, ...drawn })})`,
      isSomebodyIn,
      async (model, real) => {
        const usual = { age: 0, isOver: false, lost: false } as const;
        await refuse(model, real, doingOf(model, { ...drawn, ...usual, type: 'call' }), times);
      },
    ),
  );

async function refuse(model: Model, real: Real, { grant, ...done }: Doing, times: 1 | 2) {
  if (done.deed.type !== 'call') return;
  const { trouble, promised } = model;
  const outcome = await refusing(real, times, done.process, done.deed.with, grant);
  const when = { from: real.now, to: real.now };
  const circumstances = { when, trouble, loses: false, deeds: [done.deed] };
  const isSound = mayEnd(grant, done.deed, circumstances, promised).join() === 'ok';
  if (isSound) assert.equal(outcome.end, endOfRefused(model, times));
  note(`refused ${times}: ${outcome.end}`);
  learn(grant, when, { grant, ...done, outcome });
  if (outcome.end === 'no') learnMark(model, real, grant);
  if (grant.mood !== 'fine') grant.isOver = endedGrants(real).has(grantOf(grant.code));
}

/** What is refused once is renewed, where that can be; what is refused twice is for /token to mend. */
function endOfRefused({ trouble, promised }: Model, times: 1 | 2): End {
  if (!promised.renewable) return 'no';
  if (trouble) return 'unavailable';
  return times === 1 ? 'ok' : 'no';
}

async function refusing(
  real: Real,
  times: number,
  process: number,
  token: Issued,
  grant: GrantModel,
): Promise<Outcome> {
  real.refusals = times;
  try {
    const [outcome] = await real.race([() => calling(real, process, token, grant.client)]);
    return outcome ?? assert.fail('no outcome');
  } finally {
    real.refusals = 0;
  }
}

/** A refused upstream token has to be replaced at /token; one after the other being refused, or none to be had, is the end of it. */
function learnMark({ promised }: Model, { now }: Real, grant: GrantModel): void {
  const isInARow = grant.marked !== undefined && now <= grant.marked + 300;
  if (!promised.renewable || isInARow) grant.mood = grant.mood === 'dead' ? 'dead' : 'doubtful';
  grant.marked = now;
  grant.isMarked = true;
}

/** HISTORIES=2000 for a long look by hand. */
const runs = Number(process.env.HISTORIES ?? 100);

/** What so many histories have to have come by. */
const notTame = [
  ...['refresh ok', 'refresh no', 'refresh unavailable', 'call ok', 'call no', 'code no'],
  'the store was away',
  ...['good, superseded', 'replay, superseded', 'in the end: in', 'stranger no'],
  ...[
    'ended: revoked',
    'ended: code_replayed',
    'ended: refresh_replayed',
    'ended: upstream_refused',
  ],
];

const usual = [login, batch, batch, batch, batch, asUsual, asUsual, wait, wait, trouble];
const rare = [drop, takenBack, refused];

test('whatever two clients, three processes and an upstream do in whatever order: one lineage, nothing alive after its end, no honest client locked out', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      settings,
      fc.commands([...usual, ...usual, ...usual, ...rare], { maxCommands: 40, size: 'max' }),
      async (turns, setting, commands) => {
        const real = await Real.start(turns, setting);
        const model: Model = { promised: promisedBy(setting), grants: [], trouble: false };
        await logIn(model, real, { client: 0, process: 0, delay: 0, twice: false });
        await logIn(model, real, { client: 1, process: 1, delay: 0, twice: false });
        await fc.asyncModelRun(() => ({ model, real }), commands);
        await assertNobodyLockedOut(model, real);
      },
    ),
    { numRuns: runs },
  );
  for (const what of notTame) assert.ok(seen.has(what), `the histories are too tame: no "${what}"`);
});
