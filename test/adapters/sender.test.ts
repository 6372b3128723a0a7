import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { senderOf } from '../../src/adapters/http/sender.ts';

const senders: readonly (readonly [string | undefined, string])[] = [
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::1', '2001:db8:1:2'],
  ['2001:db8::1', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  [undefined, ''],
];

for (const [remoteAddress, sender] of senders) {
  test(`limits count ${remoteAddress} as ${sender || 'nobody in particular'}`, () => {
    assert.equal(senderOf({ socket: { remoteAddress } } as IncomingMessage), sender);
  });
}
