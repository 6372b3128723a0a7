import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import { metrics } from '../../src/adapters/metrics/metrics.ts';
import { chunkQueue } from '../../src/adapters/testing/chunk-queue.ts';
import { eventStreamAnswer, jsonAnswer } from '../../src/adapters/testing/mcp-answers.ts';
import { createGateway, type GatewayOptions } from '../../src/main.ts';
import { startStage } from '../gateway/fake-stage.ts';
import { credentials } from '../gateway/gateway-setup.ts';
import {
  exchangeForm,
  logIn,
  postToken,
  refreshForm,
  register,
  send,
  tokensOf,
} from '../gateway/raw-client.ts';
import { codeOf, rawLogin } from '../gateway/raw-login.ts';

/** A gateway that counts. */
async function counted(t: TestContext, options: Partial<GatewayOptions> = {}) {
  const stage = await startStage(t);
  const gateway = createGateway(
    {
      port: 0,
      ...credentials,
      upstreamRs: stage.mcp.url,
      metricsAddress: '127.0.0.1:0',
      ...options,
    },
    { clock: stage.clock, events: stage.events },
  );
  const { metricsUrl = '' } = await gateway.listen();
  t.after(() => gateway.close());
  const read = async () => (await send(metricsUrl)).text;
  /** The value of a line; `undefined` where there is none. */
  const value = async (name: string) => {
    const line = (await read()).split('\n').find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  };
  return { ...stage, gateway, base: gateway.url, metricsUrl, read, value };
}

test('logins, tokens, registrations and requests are counted as they end', async (t) => {
  const stage = await counted(t);
  const { base, value, mcp } = stage;
  const client = await register(base);
  await rawLogin(stage, client, { typed: { ...credentials, password: 'wrong' } });
  const { back } = await rawLogin(stage, client);
  const tokens = tokensOf(await postToken(base, exchangeForm(codeOf(await back()), client)));
  const refreshed = () => postToken(base, refreshForm(tokens.refresh_token, client));
  tokensOf(await refreshed());
  tokensOf(await refreshed());
  await postToken(base, refreshForm('nonsense', client));
  await send(`${base}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"redirect_uris":["javascript:x"]}',
  });
  mcp.answerNext(jsonAnswer({}));
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  await send(`${base}/mcp`, { method: 'POST', headers, body: '{}' });

  const expected: Readonly<Record<string, number>> = {
    'logins_total{result="ok",reason=""}': 1,
    'logins_total{result="refused",reason="wrong_password"}': 1,
    'token_requests_total{grant="authorization_code",result="ok",error=""}': 1,
    'token_requests_total{grant="refresh_token",result="ok",error=""}': 2,
    'token_requests_total{grant="refresh_token",result="refused",error="invalid_grant"}': 1,
    refresh_grace_total: 1,
    'registrations_total{result="ok"}': 1,
    'registrations_total{result="refused"}': 1,
    'requests_total{route="/mcp",code="200"}': 1,
    'request_duration_seconds_count{route="/mcp"}': 1,
    upstream_duration_seconds_count: 1,
    requests_in_flight: 0,
    open_streams: 0,
  };
  for (const [name, count] of Object.entries(expected)) {
    assert.equal(await value(`mcp_gateway_${name}`), count, name);
  }
  assert.match(await stage.read(), /^mcp_gateway_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
});

test('streams that are open are told, and their length is no duration of a request', async (t) => {
  const { base, mcp, value } = await counted(t);
  const { tokens } = await logIn(base);
  const events = chunkQueue();
  mcp.answerNext(eventStreamAnswer(events));
  const { body } = await request(`${base}/mcp`, {
    headers: { authorization: `Bearer ${tokens.access_token}`, accept: 'text/event-stream' },
  });

  assert.equal(await value('mcp_gateway_open_streams'), 1);
  assert.equal(await value('mcp_gateway_requests_in_flight'), 1);
  events.end();
  await body.dump();

  assert.equal(await value('mcp_gateway_request_duration_seconds_count{route="/mcp"}'), undefined);
});

test('no label is a stranger’s to make more of', async (t) => {
  const { base, read, gateway } = await counted(t);
  const { client } = await logIn(base);
  await send(`${base}/nothing/here`);
  await send(`${base}/token`, {
    method: 'POST',
    body: { grant_type: 'x'.repeat(20), client_id: 'y' },
  });

  const text = await read();

  assert.match(text, /requests_total\{route="none",code="404"\} 1/);
  assert.match(text, /token_requests_total\{grant="other"/);
  for (const word of [client.client_id, credentials.username, 'xxxx', 'nothing/here']) {
    assert.equal(text.includes(word), false, word);
  }
  await gateway.close();
});

test('the figures are at their own address alone, and gone with the gateway', async (t) => {
  const { base, metricsUrl, gateway } = await counted(t);

  assert.equal((await send(`${base}/metrics`)).status, 404);
  assert.equal((await send(new URL('/', metricsUrl).href)).status, 404);
  assert.equal((await send(metricsUrl, { method: 'POST' })).status, 405);
  const answer = await send(metricsUrl);
  assert.match(answer.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(answer.text, /^process_cpu_seconds_total /m);
  await gateway.close();

  await assert.rejects(send(metricsUrl));
});

test('an address that is taken stops the start with the setting’s name, and leaves nothing open', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const gateway = createGateway({
    port: 0,
    upstreamRs: 'http://127.0.0.1:1/mcp',
    metricsAddress: `127.0.0.1:${port}`,
  });

  await assert.rejects(gateway.listen(), /metricsAddress: It cannot be listened on .*EADDRINUSE/);
  await gateway.close();
});

test('a port that is taken closes the figures again', async (t) => {
  const { mcp } = await startStage(t);
  const { port } = new URL(mcp.url);
  const options = { upstreamRs: mcp.url, port: Number(port), metricsAddress: '127.0.0.1:0' };

  const gateway = createGateway(options);

  await assert.rejects(gateway.listen(), { code: 'EADDRINUSE' });
  // Nothing keeps the process alive: the test would not end.
  await gateway.close();
});

test('two gateways in one process count apart', async () => {
  const activity = () => ({ requests: 0, streams: 0 });
  const [one, two] = [metrics('1.0.0', activity), metrics('1.0.0', activity)];

  one.emit({ type: 'authorization_denied', flow: 'f' as never, by: 'user' });

  assert.match(await one.text(), /logins_total\{result="denied",reason="user"\} 1/);
  assert.doesNotMatch(await two.text(), /denied/);
});
