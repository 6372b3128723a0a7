import assert from 'node:assert/strict';
import { test } from 'node:test';
import { senderOf } from '../../src/adapters/http/sender.ts';

const senders: readonly (readonly [address: string | undefined, sender: string])[] = [
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::1', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  [undefined, ''],
];

for (const [address, sender] of senders) {
  test(`limits count ${address} as ${sender || 'nobody in particular'}`, () => {
    assert.equal(senderOf(address), sender);
  });
}
