import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientShapes, traps } from './client-shapes.ts';
import { nameOf, verifiedClients, verify } from './verified-clients.ts';

for (const shape of clientShapes) {
  test(`connects, calls and refreshes: ${nameOf(shape)}`, (t) => verify(t, shape));
}

test('docs/clients.md says of every client what was verified here', () => {
  const { actual, expected } = verifiedClients();

  assert.equal(actual, expected, 'run: node --import tsx test/clients/verified-clients.ts');
});

test('every trap is one that some client falls into', () => {
  const met = new Set(clientShapes.flatMap((shape) => shape.traps));

  assert.deepEqual([...met].sort(), Object.keys(traps).sort());
});
