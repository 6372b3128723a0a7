import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  flowId,
  flowOfState,
  flowSecrets,
  isSameSecret,
  newFlowId,
} from '../../src/domain/flow-secrets.ts';
import { codeChallengeOf, provesChallenge } from '../../src/domain/pkce.ts';
import { bytes } from './sample-grant.ts';

const id = newFlowId(bytes(16, 0xff));
const other = newFlowId(bytes(16, 1));

test("a flow's secrets follow from its name and its browser's cookie alone", () => {
  assert.deepEqual(flowSecrets(id, 'cookie'), flowSecrets(id, 'cookie'));
});

test('another cookie or another flow has other secrets, and none of them is another', () => {
  const all = [
    flowSecrets(id, 'cookie'),
    flowSecrets(id, 'cookie2'),
    flowSecrets(other, 'cookie'),
  ].flatMap(({ csrf, verifier, state }) => [csrf, verifier, state.slice(23)]);

  assert.equal(new Set(all).size, 9);
});

test('no secret shows the cookie that it was derived from', () => {
  assert.equal(JSON.stringify(flowSecrets(id, 'cookie-secret')).includes('cookie-secret'), false);
});

test('the verifier is one of RFC 7636', () => {
  const { verifier } = flowSecrets(id, 'cookie');

  assert.equal(provesChallenge(verifier, codeChallengeOf(verifier)), true);
});

test("the state names its flow, and is proven only with that flow's own cookie", () => {
  const { state } = flowSecrets(id, 'cookie');

  assert.equal(flowOfState(state), id);
  assert.equal(isSameSecret(state, flowSecrets(id, 'cookie').state), true);
  assert.equal(isSameSecret(state, flowSecrets(id, 'cookie2').state), false);
});

test('a secret that did not come is not the same, even as an empty one', () => {
  assert.equal(isSameSecret(undefined, ''), false);
  assert.equal(isSameSecret('', flowSecrets(id, 'cookie').csrf), false);
});

const states: readonly (readonly [string, string | undefined])[] = [
  ['is missing', undefined],
  ['is empty', ''],
  ['is a dot', '.'],
  ['has too short a name', `${id.slice(1)}.proof`],
  ['has too long a name', `${id}A.proof`],
  ['begins with a dot', `.${id}`],
  ['has a line break behind the name', `${id}\n.proof`],
  ['has a name in another alphabet', `${'+'.repeat(22)}.proof`],
  ['has the name of an object member', '__proto__.proof'],
];
for (const [what, state] of states) {
  test(`a state that ${what} names no flow`, () => {
    assert.equal(flowOfState(state), undefined);
  });
}

test('a name has exactly the form of those that are given', () => {
  assert.equal(flowId(id), id);
  for (const text of [undefined, '', `${id}=`, `${id}\n`, id.slice(1)]) {
    assert.equal(flowId(text), undefined);
  }
});
