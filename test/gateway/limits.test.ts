import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { request } from 'undici';
import { chunkQueue } from '../../src/adapters/testing/chunk-queue.ts';
import { eventStreamAnswer, jsonAnswer } from '../../src/adapters/testing/mcp-answers.ts';
import { startStage } from './fake-stage.ts';
import { logIn, redirectUri, register, send } from './raw-client.ts';

const form = 'application/x-www-form-urlencoded';
const json = 'application/json';
const kib = 1024;

const bodies: readonly (readonly [path: string, type: string, longest: number])[] = [
  ['/login/callback', form, 16 * kib],
  ['/authorize', form, 64 * kib],
  ['/token', form, 128 * kib],
  ['/revoke', form, 128 * kib],
  ['/introspect', form, 128 * kib],
  ['/register', json, 128 * kib],
];
for (const [path, type, longest] of bodies) {
  test(`a body of ${path} may have ${longest} bytes and not one more`, async (t) => {
    const introspection = {
      introspectionClientId: 'rs',
      introspectionClientSecret: 'a secret of the resource server',
    };
    const { base } = await startStage(t, introspection);
    const post = (length: number) =>
      send(base + path, {
        method: 'POST',
        headers: { 'content-type': type },
        body: 'x='.padEnd(length, 'y'),
      });

    const fits = await post(longest);
    const tooLong = await post(longest + 1);

    assert.notEqual(fits.status, 413);
    assert.equal(tooLong.status, 413);
    assert.equal(tooLong.json().error, 'invalid_request');
    assert.equal(tooLong.headers.connection, 'close');
  });
}

test('a form has a hundred fields at most', async (t) => {
  const { base } = await startStage(t);
  const post = (fields: number) =>
    send(`${base}/token`, {
      method: 'POST',
      headers: { 'content-type': form },
      body: Array.from({ length: fields }, (_, index) => `f${index}=`).join('&'),
    });

  assert.doesNotMatch((await post(100)).text, /more than 100 fields/);
  const refused = await post(101);

  assert.equal(refused.status, 400);
  assert.match(refused.text, /more than 100 fields/);
});

test('a registration is nested no deeper than anything that belongs there', async (t) => {
  const { base } = await startStage(t);
  const post = (extra: string) =>
    send(`${base}/register`, {
      method: 'POST',
      headers: { 'content-type': json },
      body: `{"redirect_uris":["${redirectUri}"],"x":${extra}}`,
    });

  const deep = await post('['.repeat(16) + ']'.repeat(16));
  const brackets = await post(`"${'[{'.repeat(50)}\\"${'['.repeat(50)}"`);
  const flat = await post(`[${'[],'.repeat(50)}[]]`);

  assert.equal(deep.status, 400);
  assert.equal(deep.json().error, 'invalid_client_metadata');
  assert.equal(brackets.status, 201, brackets.text);
  assert.equal(flat.status, 201, flat.text);
});

test('headers of 60 KiB are read, and longer ones are 431', async (t) => {
  const { base, local } = await startStage(t);
  await register(base);
  const get = async (length: number) => {
    const socket = connect(Number(new URL(local).port), '127.0.0.1');
    socket.setEncoding('latin1');
    socket.on('error', () => {});
    const head = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n';
    socket.write(`${head}Authorization: Bearer ${'a'.repeat(length)}\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    socket.destroy();
    return String(answer).slice(9, 12);
  };

  assert.equal(await get(60 * kib), '200');
  assert.equal(await get(70 * kib), '431');
});

test('calls of one grant beyond its share are told to wait, and others go on', async (t) => {
  const { base, mcp } = await startStage(t, { callsPerGrant: 1 });
  const [{ tokens: one }, { tokens: two }] = [await logIn(base), await logIn(base)];
  const bearer = ({ access_token: token }: { readonly access_token: string }) => ({
    authorization: `Bearer ${token}`,
  });
  const events = chunkQueue();
  mcp.answerNext(eventStreamAnswer(events), jsonAnswer({ fine: true }));
  const stream = await request(`${base}/mcp`, { headers: bearer(one) });

  const refused = await send(`${base}/mcp`, { method: 'POST', headers: bearer(one), body: '{}' });
  const other = await send(`${base}/mcp`, { method: 'POST', headers: bearer(two), body: '{}' });
  const before = mcp.calls.length;
  events.end();
  await stream.body.dump();
  mcp.answerNext(jsonAnswer({ fine: true }));
  const after = await send(`${base}/mcp`, { method: 'POST', headers: bearer(one), body: '{}' });

  assert.equal(refused.status, 429);
  assert.equal(refused.json().error, 'too_many_requests');
  assert.match(refused.headers['retry-after'] ?? '', /^\d+$/);
  assert.equal(refused.headers['www-authenticate'], undefined, 'it need not authorize again');
  assert.equal(other.status, 200);
  assert.equal(before, 2, 'what was refused never reached the upstream');
  assert.equal(after.status, 200);
});

test('more calls than the gateway has room for are 503, and leave no place taken', async (t) => {
  const { base, mcp } = await startStage(t, { maxCalls: 1 });
  const { tokens } = await logIn(base);
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const call = () => send(`${base}/mcp`, { method: 'POST', headers, body: '{}' });
  const events = chunkQueue();
  mcp.answerNext(eventStreamAnswer(events));
  const stream = await request(`${base}/mcp`, { headers });

  const refused = await call();
  stream.body.destroy();
  await events.left;
  mcp.answerNext(jsonAnswer({}), jsonAnswer({}));

  assert.equal(refused.status, 503);
  assert.equal(refused.json().error, 'temporarily_unavailable');
  assert.deepEqual([(await call()).status, (await call()).status], [200, 200]);
});
