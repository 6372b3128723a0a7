import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { memoryStore } from '../../src/adapters/store/memory.ts';
import { chunkQueue } from '../../src/adapters/testing/chunk-queue.ts';
import { eventStreamAnswer, jsonAnswer } from '../../src/adapters/testing/mcp-answers.ts';
import { StoreUnavailable } from '../../src/application/ports.ts';
import { type Stage, startStage } from './fake-stage.ts';
import { movableClock } from './gateway-setup.ts';
import { logIn, send } from './raw-client.ts';

/** A store that can be made to go away. */
function shakyStore() {
  const store = memoryStore(movableClock());
  let trouble: Error | undefined;
  const probe = async () => {
    if (trouble !== undefined) throw trouble;
  };
  return { store: { ...store, probe }, fail: (error: Error | undefined) => (trouble = error) };
}

/** A call that has begun, and is not answered yet. */
async function runningCall({ local, mcp }: Stage, token: string, method: 'GET' | 'POST' = 'POST') {
  const events = chunkQueue();
  mcp.answerNext(eventStreamAnswer(events));
  const sent = request(`${local}/mcp`, { method, headers: { authorization: `Bearer ${token}` } });
  sent.end(method === 'POST' ? '{}' : undefined);
  const [answer] = await once(sent, 'response');
  answer.setEncoding('utf8');
  return { events, answer };
}

for (const path of ['/healthz', '/health', '/ping']) {
  test(`${path} says that the process lives, whatever the store does`, async (t) => {
    const { store, fail } = shakyStore();
    const { local } = await startStage(t, {}, {}, { store });
    fail(new StoreUnavailable('away'));

    const answer = await send(local + path);

    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json(), { status: 'alive' });
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.equal((await send(local + path, { method: 'HEAD' })).status, 200);
    assert.equal((await send(local + path, { method: 'POST' })).status, 405);
  });
}

for (const path of ['/readyz', '/ready']) {
  test(`${path} follows the store`, async (t) => {
    const { store, fail } = shakyStore();
    const { local } = await startStage(t, {}, {}, { store });

    const before = await send(local + path);
    fail(new StoreUnavailable('redis://secret@10.0.0.1'));
    const away = await send(local + path);
    fail(undefined);
    const after = await send(local + path);

    assert.deepEqual([before.status, away.status, after.status], [200, 503, 200]);
    assert.deepEqual(before.json(), { status: 'ready', store: 'reachable', upstream: 'unknown' });
    assert.deepEqual(away.json(), {
      status: 'not_ready',
      store: 'unreachable',
      upstream: 'unknown',
    });
  });
}

test('a probe that fails for another reason is not ready, and its reason is told to the operator', async (t) => {
  const { store, fail } = shakyStore();
  const { local, events } = await startStage(t, {}, {}, { store });
  fail(new TypeError('a mistake'));

  const answer = await send(`${local}/readyz`);

  assert.equal(answer.status, 503);
  assert.doesNotMatch(answer.text, /mistake/);
  assert.match(events.of('internal_error')[0]?.reason ?? '', /a mistake/);
});

test('/readyz tells how the upstream is, and is ready all the same', async (t) => {
  const { local, base, mcp } = await startStage(t);
  const { tokens } = await logIn(base);
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const call = () => send(`${base}/mcp`, { method: 'POST', headers, body: '{}' });
  const upstream = async () => {
    const answer = await send(`${local}/readyz`);
    assert.equal(answer.status, 200);
    return answer.json().upstream;
  };

  mcp.answerNext(jsonAnswer({}));
  await call();
  assert.equal(await upstream(), 'reachable');
  await mcp.close();
  assert.equal((await call()).status, 502);

  assert.equal(await upstream(), 'unreachable');
});

test('who asks for health is not in the log, and needs no name that the gateway knows', async (t) => {
  const stage = await startStage(t, { publicUrl: 'https://mcp.example.com', password: 'own' });

  for (const path of ['/healthz', '/readyz']) {
    await send(stage.local + path, { headers: { host: 'gateway:8002' } });
  }
  await stage.gateway.close();

  assert.deepEqual(stage.events.all, []);
});

test('health is asked for below a path too', async (t) => {
  const { local } = await startStage(t, { publicUrl: 'http://localhost:1/github' });

  assert.equal((await send(`${local}/github/healthz`)).status, 200);
  assert.equal((await send(`${local}/readyz`)).status, 200);
});

test('a gateway that stops is not ready, opens no new stream, and takes no connection', async (t) => {
  const stage = await startStage(t);
  const { tokens } = await logIn(stage.base);
  // In a server of somebody else, which goes on taking connections.
  const server = await aroundHandler(t, stage);
  const call = await runningCall(stage, tokens.access_token);
  const stream = await runningCall(stage, tokens.access_token, 'GET');

  const streamEnded = once(stream.answer.resume(), 'end');
  const closing = stage.gateway.close();
  const ready = await send(`${server}/readyz`);
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const late = chunkQueue();
  stage.mcp.answerNext(eventStreamAnswer(late));
  const lateStream = await send(`${server}/mcp`, { headers });
  await assert.rejects(send(`${stage.local}/healthz`), { code: 'ECONNREFUSED' });
  await streamEnded;
  const heard = Promise.all([once(call.answer, 'data'), once(call.answer, 'end'), closing]);
  call.events.push('data: the result\n\n');
  call.events.end();
  const [[text]] = await heard;

  assert.equal(ready.status, 503);
  assert.equal(ready.json().status, 'draining');
  assert.equal(ready.headers.connection, 'close');
  assert.equal(lateStream.status, 503);
  assert.equal(stream.answer.complete, true);
  assert.equal(text, 'data: the result\n\n');
  assert.equal(call.answer.complete, true);
});

async function aroundHandler(t: TestContext, { gateway }: Stage): Promise<string> {
  const server = createServer(gateway.handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a call that goes on for longer than the time of a stop is broken off, so that it does not look complete', async (t) => {
  const stage = await startStage(t, { shutdownTimeout: 0 });
  const { tokens } = await logIn(stage.base);
  const { answer, events } = await runningCall(stage, tokens.access_token);

  const broken = once(answer.resume(), 'error');
  await stage.gateway.close();

  assert.equal((await broken)[0].code, 'ECONNRESET');
  await events.left;
});
