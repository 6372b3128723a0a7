import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { parseSetCookie } from 'cookie';
import { flowCookies } from '../../src/adapters/http/flow-cookie.ts';
import { standingClock } from '../../src/adapters/testing/standing-clock.ts';
import { flowId } from '../../src/domain/flow-secrets.ts';

const secret = 's'.repeat(43);
const now = 1_767_225_600;

function flow(number: number) {
  return flowId(String(number).padStart(22, 'f')) ?? assert.fail();
}

function carrying(...cookies: readonly string[]): IncomingMessage {
  return { headers: { cookie: cookies.join('; ') } } as unknown as IncomingMessage;
}

function cookiesAt(url: string) {
  return flowCookies(() => url, 900, standingClock(now));
}

const http = cookiesAt('http://localhost:8002');

test('on http the cookie is for this host alone, out of reach of scripts, and as short as a flow', () => {
  const lines = http.give(carrying(), flow(1), secret);

  assert.deepEqual(lines, [
    `mcp-flow-${flow(1)}=${secret}.${now}; Max-Age=900; Path=/; HttpOnly; SameSite=Lax`,
  ]);
});

test('on https it is Secure and has the prefix that no other host can plant', () => {
  const https = cookiesAt('https://gateway.example');

  assert.deepEqual(https.give(carrying(), flow(1), secret), [
    `__Host-mcp-flow-${flow(1)}=${secret}.${now}; Max-Age=900; Path=/; HttpOnly; Secure; SameSite=Lax`,
  ]);
  assert.equal(https.read(carrying(`mcp-flow-${flow(1)}=${secret}.${now}`), flow(1)), undefined);
});

test('the end of a flow takes its cookie away by the same name, path and attributes', () => {
  assert.deepEqual(http.clear(flow(1)), [
    `mcp-flow-${flow(1)}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax`,
  ]);
});

test('what was given is read again, for its flow and no other', () => {
  const request = carrying('other=1', `mcp-flow-${flow(1)}=${secret}.${now}`);

  assert.equal(http.read(request, flow(1)), secret);
  assert.equal(http.read(request, flow(2)), undefined);
  assert.equal(http.read(request, undefined), undefined);
  assert.equal(http.read(carrying(), flow(1)), undefined);
});

for (const value of [
  '',
  secret,
  `${secret}.`,
  `${secret}x.1`,
  `${secret}.1.2`,
  `${'é'.repeat(43)}.1`,
]) {
  test(`a value of the form "${value.replace(secret, 'SECRET')}" is none of ours`, () => {
    assert.equal(http.read(carrying(`mcp-flow-${flow(1)}=${value}`), flow(1)), undefined);
  });
}

/** Names of the cookies that a browser with this many flows loses when it opens another. */
function cleared(count: number, opened: number): readonly (string | undefined)[] {
  const held = Array.from(
    { length: count },
    (_, age) =>
      // The browser sends them in an order that says nothing about their age.
      `mcp-flow-${flow((age * 7) % count)}=${secret}.${now - count + ((age * 7) % count)}`,
  );
  const [given, ...rest] = http.give(carrying('theme=dark', ...held), flow(opened), secret);
  assert.ok(given?.startsWith(`mcp-flow-${flow(opened)}=${secret}`));
  return rest.map((line) => {
    const { name, value, maxAge } = parseSetCookie(line);
    assert.deepEqual([value, maxAge], ['', 0]);
    return name;
  });
}

test('twenty flows fit; the twenty-first makes the oldest go, whatever order they come in', () => {
  assert.deepEqual(cleared(19, 99), []);
  assert.deepEqual(cleared(20, 99), [`mcp-flow-${flow(0)}`]);
  assert.deepEqual(
    cleared(25, 99),
    [0, 1, 2, 3, 4, 5].map((age) => `mcp-flow-${flow(age)}`),
  );
});

test('a flow that is opened again costs no other its cookie', () => {
  assert.deepEqual(cleared(20, 3), []);
});

test('a cookie that somebody else made up in our name goes before any of ours', () => {
  const held = Array.from({ length: 19 }, (_, age) => `mcp-flow-${flow(age)}=${secret}.${now}`);

  const lines = http.give(carrying(...held, 'mcp-flow-x=made-up'), flow(99), secret);

  assert.deepEqual(
    lines.slice(1).map((line) => parseSetCookie(line).name),
    ['mcp-flow-x'],
  );
});
