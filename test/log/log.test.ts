import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openLog } from '../../src/adapters/log/log.ts';
import { textLine } from '../../src/adapters/log/text-lines.ts';
import type { GatewayEvent } from '../../src/application/events.ts';
import type { FlowId } from '../../src/domain/authorization-flow.ts';
import type { ClientId } from '../../src/domain/client-registration.ts';
import type { Subject } from '../../src/domain/grant.ts';
import type { GrantId } from '../../src/domain/token-pair.ts';

const signedIn: GatewayEvent = {
  type: 'signed_in',
  flow: 'flow-1' as FlowId,
  client: 'client-1' as ClientId,
  name: 'An "editor"\nlevel=error forged=1',
  subject: 'ada' as Subject,
};
const answered = {
  type: 'request_answered',
  request: 'ab-1',
  method: 'POST',
  route: '/token',
  status: 200,
  bytes: 512,
  duration: 12.345,
  upstreamDuration: undefined,
  grantType: undefined,
  address: '192.0.2.1',
  flow: undefined,
  error: undefined,
  aborted: false,
} as const;

function written(
  format: 'text' | 'json',
  level: 'debug' | 'info' | 'warn' | 'silent',
  ...events: GatewayEvent[]
): string[] {
  const lines: string[] = [];
  const log = openLog({ format, level, write: (line) => lines.push(line) });
  for (const event of events) log.emit(event);
  return lines;
}

describe('a log', () => {
  test('has one JSON object a line, with a time, a level, words and short names', () => {
    const [line = '', more] = written('json', 'info', signedIn);

    const { time, ...rest } = JSON.parse(line);
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, {
      level: 'info',
      msg: 'signed in',
      stream: 'auth',
      flow: 'flow-1',
      client: 'client-1',
      client_name: 'An "editor"\nlevel=error forged=1',
      subject: 'ada',
    });
    assert.equal(more, undefined);
    assert.ok(line.endsWith('}\n') && !line.trimEnd().includes('\n'));
  });

  test('as text cannot be forged by what a client calls itself', () => {
    const [line = ''] = written('text', 'info', signedIn);

    assert.equal(
      line.replace(/^\S+ /, ''),
      'info  signed in flow=flow-1 client=client-1 client_name="An \\"editor\\"\\nlevel=error forged=1" subject=ada\n',
    );
  });

  test('tells a request with its route, bytes and milliseconds', () => {
    const [line = ''] = written('text', 'info', answered);

    assert.equal(
      line.replace(/^\S+ /, ''),
      'info  request request_id=ab-1 method=POST route=/token status=200 bytes=512 ms=12.3 address=192.0.2.1 aborted=false\n',
    );
  });

  test('tells a grant under the name of its flow, and a replay as a warning', () => {
    const ended = {
      type: 'grant_ended',
      grant: 'flow-1' as GrantId,
      client: 'client-1' as ClientId,
      subject: 'ada' as Subject,
    } as const;

    const [revoked = '', replayed = ''] = written(
      'json',
      'info',
      { ...ended, reason: 'revoked' },
      { ...ended, reason: 'refresh_replayed' },
    );

    assert.deepEqual([JSON.parse(revoked).level, JSON.parse(replayed).level], ['info', 'warn']);
    assert.equal(JSON.parse(replayed).flow, 'flow-1');
  });

  test('leaves out what is below its level', () => {
    assert.deepEqual(written('json', 'warn', signedIn, answered), []);
    assert.equal(written('json', 'warn', { ...answered, status: 503 }).length, 1);
    assert.deepEqual(written('json', 'silent', { type: 'internal_error', reason: 'x' }), []);
  });

  test('does not let one text fill the disk', () => {
    const [line = ''] = written('json', 'info', {
      type: 'internal_error',
      reason: 'x'.repeat(1e6),
    });

    assert.ok(line.length < 2200);
  });
});

test('text keeps what terminals would take for orders out of the line', () => {
  const json = JSON.stringify({
    time: 't',
    level: 'info',
    msg: 'm',
    name: 'a\u001b[2J\u009b\u2028',
  });

  assert.equal(textLine(json), 't info  m name="a\\u001b[2J\\u009b\\u2028"\n');
});
