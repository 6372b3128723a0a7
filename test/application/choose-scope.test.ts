import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scopeChoice } from '../../src/application/choose-scope.ts';
import { upstream } from '../domain/sample-upstream.ts';

const { server } = upstream;

test('what nobody ever named is not asked for', () => {
  const { choose } = scopeChoice(undefined);

  assert.equal(choose('repo admin', server), 'repo');
});

test('what the resource demanded in the middle of its work may be asked for from then on', () => {
  const { choose, demanded } = scopeChoice(undefined);

  demanded('admin repo');

  assert.equal(choose('repo admin root', server), 'repo admin');
});

test('what the operator set beats that too', () => {
  const { choose, demanded } = scopeChoice('mail');

  demanded('admin');

  assert.equal(choose('admin', server), 'mail');
});

test('a resource that demands without end is not remembered without end', () => {
  const { choose, demanded } = scopeChoice(undefined);

  for (let each = 0; each < 300; each += 1) demanded(`s${each}`);

  assert.equal(choose('s199', server), 's199');
  assert.equal(choose('s200', server), 'repo');
});
