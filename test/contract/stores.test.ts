import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryStore } from '../../src/adapters/store/memory.ts';
import { recordsContract, standingClock } from '../../src/adapters/testing/testing.ts';
import type { Client } from '../../src/domain/client-registration.ts';
import { after, seconds } from '../../src/domain/lifetime.ts';
import { everyLimit } from '../support/every-limit.ts';

recordsContract('the memory store', ({ limit }) => {
  const clock = standingClock();
  const limits = everyLimit(limit);
  return { store: memoryStore(clock, limits), clock };
});

it('a memory store takes as many records as its bound says, and drops the ended ones on its way', async () => {
  const clock = standingClock();
  const { clients } = memoryStore(clock, { clients: 1000 });
  const write = (name: string, life: number) =>
    clients.write(name, {} as Client, undefined, after(clock.now(), seconds(life)));

  for (let index = 0; index < 1000; index += 1) {
    assert.equal((await write(`${index}`, 10 + (index % 2))).type, 'written');
  }
  assert.equal((await write('one too many', 10)).type, 'full');
  clock.advance(10);
  for (let index = 0; index < 500; index += 1) {
    assert.equal((await write(`later ${index}`, 100)).type, 'written');
  }
  assert.equal((await write('one too many', 10)).type, 'full');
});
