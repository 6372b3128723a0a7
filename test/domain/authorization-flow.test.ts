import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Flow,
  type FlowEvent,
  type FlowRefusal,
  nextStage,
} from '../../src/domain/authorization-flow.ts';
import { newFlowId } from '../../src/domain/flow-secrets.ts';
import type { Subject } from '../../src/domain/grant.ts';
import { sha256 } from '../../src/domain/secret-hash.ts';
import { allowed, at, binding, bytes } from './sample-grant.ts';

const { clientId, redirectUri, challenge, resource } = allowed;
const started: Flow = {
  stage: 'started',
  id: newFlowId(bytes(16, 1)),
  request: {
    clientId,
    clientName: 'Claude Code',
    clientOrigin: 'registered',
    redirectUri,
    state: 's',
    issuer: 'http://localhost:8002',
    challenge,
    scope: undefined,
    resource,
    freshSignIn: false,
  },
  expiresAt: at(900),
};
const browser = sha256('the browser of the user');
const stranger = sha256('the browser of somebody else');
const alice = 'alice' as Subject;
const bob = 'bob' as Subject;

const open: FlowEvent = { type: 'opened', browser };
const reopen: FlowEvent = { type: 'reopened', browser };
const signIn: FlowEvent = { type: 'signed_in', browser, subject: alice };
const consent: FlowEvent = { type: 'consented', browser };
const deny: FlowEvent = { type: 'denied', browser };
const ask = { binding, again: false };
const askAgain = { binding: { ...binding, resource: undefined }, again: true };
const send: FlowEvent = { type: 'sent', ask };
const sendAgain: FlowEvent = { type: 'sent', ask: askAgain };
const comeBack: FlowEvent = { type: 'returned', browser };
const grant: FlowEvent = { type: 'granted' };
const fail: FlowEvent = { type: 'failed' };

function after(...events: readonly FlowEvent[]): Flow {
  return events.reduce((flow, event) => {
    const next = nextStage(flow, event, at(0));
    return next.ok ? next.value : assert.fail(`${event.type} in ${flow.stage}: ${next.failure}`);
  }, started);
}

const atSignIn = [open];
const atConsent = [open, signIn];
const upstream = [open, signIn, consent];
const sent = [open, signIn, consent, send];
const returned = [open, signIn, consent, comeBack];

const paths: readonly (readonly [string, readonly FlowEvent[], Flow['stage']])[] = [
  ['shows screen 1 to the browser that opens it', atSignIn, 'sign_in'],
  ['shows screen 1 again to the same browser', [...atSignIn, reopen, reopen], 'sign_in'],
  ['asks for consent after the sign-in', atConsent, 'consent'],
  ['stays at consent on a reload', [...atConsent, reopen], 'consent'],
  ['asks for consent again after another sign-in', [...atConsent, signIn], 'consent'],
  ['goes upstream after consent', upstream, 'upstream'],
  ['stays upstream where the user looks at screen 1 again', [...upstream, reopen], 'upstream'],
  ['asks for consent again where the user came back to sign in', [...upstream, signIn], 'consent'],
  ['comes back from upstream once', returned, 'returned'],
  ['is sent upstream once', [...upstream, send], 'upstream'],
  ['is sent upstream again after it came back', [...sent, comeBack, sendAgain], 'upstream'],
  ['comes back from upstream twice then', [...sent, comeBack, sendAgain, comeBack], 'returned'],
  ['ends with a code', [...returned, grant], 'finished'],
  ['ends where the user says no at once', [...atSignIn, deny], 'finished'],
  ['ends where the user says no after the sign-in', [...atConsent, deny], 'finished'],
  ['ends where the user comes back from upstream to say no', [...upstream, deny], 'finished'],
  ['ends where the upstream cannot be reached', [...upstream, fail], 'finished'],
  ["ends where the upstream's code is no good", [...returned, fail], 'finished'],
];
for (const [what, events, stage] of paths) {
  test(`a flow ${what}`, () => {
    assert.equal(after(...events).stage, stage);
  });
}

test('a flow holds what the next step needs: its browser, and who signed in last', () => {
  const flow = after(...sent, { ...signIn, subject: bob }, consent, send, comeBack);

  assert.deepEqual(flow, { ...started, stage: 'returned', browser, subject: bob, ask });
});

test('a finished flow has forgotten its browser and its user', () => {
  assert.deepEqual(after(...returned, grant), { ...started, stage: 'finished' });
});

test('a reload changes nothing, so that nothing is written', () => {
  const flow = after(...atConsent);

  const outcome = nextStage(flow, reopen, at(0));

  assert.ok(outcome.ok && outcome.value === flow, 'another outcome');
});

const refusals: readonly (readonly [string, readonly FlowEvent[], FlowEvent, FlowRefusal])[] = [
  ['a second opening, by the same browser', atSignIn, open, 'wrong_browser'],
  ['a second opening, by another', atSignIn, by(open), 'wrong_browser'],
  ['an opening after the sign-in', atConsent, open, 'wrong_browser'],
  ['a reload before anybody opened it', [], reopen, 'out_of_order'],
  ['a reload after the return', returned, reopen, 'out_of_order'],
  ['a sign-in before anybody opened it', [], signIn, 'out_of_order'],
  ['a sign-in after the return', returned, signIn, 'out_of_order'],
  ['consent before anybody opened it', [], consent, 'out_of_order'],
  ['consent before the sign-in', atSignIn, consent, 'out_of_order'],
  ['consent twice', upstream, consent, 'out_of_order'],
  ['consent after the return', returned, consent, 'out_of_order'],
  ['a no before anybody opened it', [], deny, 'out_of_order'],
  ['a no after the return', returned, deny, 'out_of_order'],
  ['a return before anybody opened it', [], comeBack, 'out_of_order'],
  ['a return before the sign-in', atSignIn, comeBack, 'out_of_order'],
  ['a return before consent', atConsent, comeBack, 'out_of_order'],
  [
    'a return after another sign-in but before its consent',
    [...upstream, signIn],
    comeBack,
    'out_of_order',
  ],
  ['to be sent upstream before consent', atConsent, send, 'out_of_order'],
  ['to be sent upstream twice', sent, send, 'out_of_order'],
  ['to be sent upstream again before it came back', sent, sendAgain, 'out_of_order'],
  [
    'to be sent upstream again as if it were the first time',
    [...sent, comeBack],
    send,
    'out_of_order',
  ],
  ['to be sent upstream again where it never was', returned, sendAgain, 'out_of_order'],
  [
    'to be sent upstream a third time',
    [...sent, comeBack, sendAgain, comeBack],
    sendAgain,
    'out_of_order',
  ],
  ['a second return', returned, comeBack, 'already_finished'],
  ['a grant before anybody opened it', [], grant, 'out_of_order'],
  ['a grant before the return', upstream, grant, 'out_of_order'],
  ['a failure before consent', atConsent, fail, 'out_of_order'],
  ['a failure before anybody opened it', [], fail, 'out_of_order'],
  ['a second grant', [...returned, grant], grant, 'already_finished'],
  ['a return after the end', [...returned, grant], comeBack, 'already_finished'],
  [
    'a return of another browser after the end',
    [...returned, grant],
    by(comeBack),
    'already_finished',
  ],
  ['a reload after a no', [...atSignIn, deny], reopen, 'already_finished'],
  ['a reload by another browser', atSignIn, by(reopen), 'wrong_browser'],
  ['a sign-in by another browser', atSignIn, by(signIn), 'wrong_browser'],
  ['consent by another browser', atConsent, by(consent), 'wrong_browser'],
  ['a no by another browser', atConsent, by(deny), 'wrong_browser'],
  ['a return by another browser', upstream, by(comeBack), 'wrong_browser'],
  ['a second return by another browser', returned, by(comeBack), 'wrong_browser'],
];
function by(event: FlowEvent): FlowEvent {
  return { ...event, browser: stranger } as FlowEvent;
}
for (const [what, events, event, refusal] of refusals) {
  test(`a flow refuses ${what}`, () => {
    assert.deepEqual(nextStage(after(...events), event, at(0)), { ok: false, failure: refusal });
  });
}

test('nothing moves a flow from its expiry second on, not even the owning browser', () => {
  for (const event of [reopen, signIn, consent, deny, comeBack, grant, fail, by(reopen)]) {
    assert.deepEqual(nextStage(after(...upstream), event, at(900)), {
      ok: false,
      failure: 'expired',
    });
  }
  assert.equal(nextStage(after(...upstream), comeBack, at(899)).ok, true);
});

// Whatever happens, in whatever order, by whomever and whenever.
const browsers = fc.constantFrom(browser, stranger, sha256('a third one'));
const events: fc.Arbitrary<FlowEvent> = fc.oneof(
  fc.record(
    {
      type: fc.constantFrom('opened', 'reopened', 'consented', 'denied', 'returned'),
      browser: browsers,
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constant('signed_in' as const),
      browser: browsers,
      subject: fc.constantFrom(alice, bob),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    { type: fc.constant('sent' as const), ask: fc.constantFrom(ask, askAgain) },
    { noNullPrototype: true },
  ),
  fc.record({ type: fc.constantFrom('granted', 'failed') }, { noNullPrototype: true }),
);
// Mostly the good path, so that long ways are walked, with anything in between.
const walks = fc
  .tuple(fc.array(events, { maxLength: 30 }), fc.array(fc.nat(6), { minLength: 1, maxLength: 30 }))
  .map(([noise, gaps]) => {
    const good = [open, signIn, consent, send, comeBack, grant];
    return good.flatMap((event, step) => [
      ...noise.slice(step * 6, step * 6 + (gaps[step % gaps.length] ?? 0)),
      event,
    ]);
  });
const sequences = fc.oneof(fc.array(events, { maxLength: 40 }), walks);

test('a code is given only after opening, sign-in, consent and return, in this order, by the one owning browser', () => {
  let granted = 0;
  fc.assert(
    fc.property(sequences, fc.array(fc.nat(1000)), (sequence, times) => {
      const taken: FlowEvent[] = [];
      let flow = after();
      for (const [index, event] of sequence.entries()) {
        const before = flow;
        const next = nextStage(flow, event, at(times[index] ?? 0));
        if (!next.ok) continue;
        flow = next.value;
        taken.push(event);
        assert.equal((times[index] ?? 0) < 900, true);
        assert.notEqual(before.stage, 'finished');
        if (event.type !== 'granted') continue;

        granted += 1;
        const owners = new Set(taken.map((each) => 'browser' in each && each.browser));
        owners.delete(false);
        assert.equal(owners.size, 1);
        const last = (type: FlowEvent['type']) => taken.findLastIndex((each) => each.type === type);
        assert.equal(taken.filter((each) => each.type === 'opened').length, 1);
        assert.equal(wentInCircles(taken), false);
        assert.equal(last('opened') < last('signed_in'), true);
        assert.equal(last('signed_in') < last('consented'), true);
        assert.equal(last('consented') < last('returned'), true);
        assert.equal(
          taken.some((each) => each.type === 'denied' || each.type === 'failed'),
          false,
        );
        // The grant is for whoever signed in last before the consent, and for nobody else.
        const signedIn = taken[last('signed_in')];
        assert.ok(before.stage === 'returned' && signedIn?.type === 'signed_in', 'another outcome');
        assert.equal(before.subject, signedIn.subject);
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(granted > 50, 'the sequences are too wild to say anything');
});

/** More than one return, but for the one after it was sent again. */
function wentInCircles(taken: readonly FlowEvent[]): boolean {
  const again = taken.filter((each) => each.type === 'sent' && each.ask.again).length;
  return taken.filter((each) => each.type === 'returned').length !== 1 + again;
}

test('no event changes whose flow it is, nor what the client asked for', () => {
  fc.assert(
    fc.property(sequences, (sequence) => {
      let flow = after();
      for (const event of sequence) {
        const next = nextStage(flow, event, at(0));
        if (!next.ok) continue;
        if ('browser' in flow && 'browser' in next.value) {
          assert.equal(next.value.browser, flow.browser);
        }
        flow = next.value;
        assert.equal(flow.request, started.request);
        assert.equal(flow.expiresAt, started.expiresAt);
      }
    }),
    { numRuns: 300 },
  );
});
