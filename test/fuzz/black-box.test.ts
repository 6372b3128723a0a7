import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Stage, startStage } from '../gateway/fake-stage.ts';
import { credentials } from '../gateway/gateway-setup.ts';
import {
  exchangeForm,
  logIn,
  type Registered,
  redirectUri,
  refreshForm,
  send,
  type Tokens,
} from '../gateway/raw-client.ts';
import { rawLogin } from '../gateway/raw-login.ts';

// Another run: FUZZ_SEED=… FUZZ_RUNS=… node --import tsx --test test/fuzz/black-box.test.ts
const { env } = process;
const seed = Number(env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(env.FUZZ_RUNS ?? 600);

/** A request in good order. */
function request(line: string, headers: readonly string[], body = ''): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return [`${line} HTTP/1.1`, 'Host: localhost', ...headers, ...length, '', body].join('\r\n');
}

const form = 'Content-Type: application/x-www-form-urlencoded';
const json = 'Content-Type: application/json';

/** Valid requests of every endpoint, with what a real session has in its hands. */
function validRequests(
  client: Registered,
  tokens: Tokens,
  login: { readonly flow: string; readonly cookie: string },
): readonly string[] {
  const bearer = `Authorization: Bearer ${tokens.access_token}`;
  const asForm = (fields: Readonly<Record<string, string>>) => String(new URLSearchParams(fields));
  const authorize = asForm({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: redirectUri,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  });
  const signIn = asForm({ flow: login.flow, csrf: 'x', decision: 'allow', ...credentials });
  const rpc = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  return [
    request('POST /mcp', [bearer, json, 'Accept: application/json, text/event-stream'], rpc),
    request('POST /mcp', [bearer, json, 'Transfer-Encoding: chunked'], '').replace(
      /$/,
      `${rpc.length.toString(16)}\r\n${rpc}\r\n0\r\n\r\n`,
    ),
    request('DELETE /mcp', [bearer]),
    request('GET /mcp', []),
    request(`GET /authorize?${authorize}`, ['Accept: text/html']),
    request('POST /authorize', [form], authorize),
    request(`GET /login?flow=${login.flow}`, [`Cookie: ${login.cookie}`, 'Accept: text/html']),
    request('POST /login/callback', [form, `Cookie: ${login.cookie}`], signIn),
    request('GET /upstream/callback?code=x&state=y', [`Cookie: ${login.cookie}`]),
    request('POST /token', [form], asForm(refreshForm(tokens.refresh_token, client))),
    request('POST /token', [form], asForm(exchangeForm('code', client))),
    request('POST /revoke', [form], asForm({ token: 'x', client_id: client.client_id })),
    request('POST /register', [json], JSON.stringify({ redirect_uris: [redirectUri] })),
    request('GET /.well-known/oauth-authorization-server', ['Origin: http://localhost']),
    request('GET /.well-known/oauth-protected-resource/mcp', []),
    request('OPTIONS /mcp', ['Origin: http://localhost', 'Access-Control-Request-Method: POST']),
    request('GET /', ['X-Forwarded-For: 1.1.1.1', 'Forwarded: for="[::1]:4711"']),
    request('GET /readyz', []),
  ];
}

/** One change to the bytes of a request. */
const mutation: fc.Arbitrary<(text: string) => string> = fc.oneof(
  place((text, at, junk) => text.slice(0, at) + junk + text.slice(at)),
  place((text, at, junk) => text.slice(0, at) + junk + text.slice(at + junk.length)),
  place((text, at) => text.slice(0, at)),
  place((text, at) => text.slice(0, at) + text.slice(at + 1)),
  place((text, at) => text.slice(0, at) + text.slice(at - 30) + text.slice(at)),
  header('Content-Length: 5'),
  header('Content-Length: 4294967296'),
  header('Transfer-Encoding: chunked'),
  header('Transfer-Encoding: chunked, identity'),
  header('Transfer-Encoding : chunked'),
  header('Expect: 100-continue'),
  header('Expect: something'),
  header('Upgrade: websocket\r\nConnection: Upgrade'),
  header('Authorization: Basic OjpbXQ=='),
  header('Host: other.example'),
  header(`X-Long: ${'a'.repeat(70_000)}`),
  header(' folded: line'),
  fc.constant((text: string) => text + text),
  fc.constant((text: string) => text.replace('HTTP/1.1', 'HTTP/1.0')),
  fc.constant((text: string) => text.replace('HTTP/1.1', 'HTTP/9.9')),
  fc.constant((text: string) => text.replaceAll('\r\n', '\n')),
  fc.constant((text: string) => text.replace(/ \//, ' http://user:pass@other.example/')),
  fc.constant((text: string) => text.replace(/ \/[^ ]*/, ' *')),
  fc.constant((text: string) => text.replace(/ \/[^ ]*/, ' //evil.example/..%2f%00')),
  fc.constant((text: string) => text.replace(/=/g, '=%ff%00')),
  fc.constant((text: string) => text.replace(/[{[]/g, '[[[[')),
);

function place(change: (text: string, at: number, junk: string) => string) {
  const junk = fc.oneof(
    fc.string({ maxLength: 20 }),
    fc.constantFrom('\0', '\r\n', '\r\n\r\n', '%', '\u00ff', '{', '"', ';', '%0d%0a', '\ud800'),
  );
  return fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), junk).map(
    ([part, text]) =>
      (whole: string) =>
        change(whole, Math.floor(part * whole.length), text),
  );
}

function header(line: string) {
  return fc.constant((text: string) => text.replace('\r\n', `\r\n${line}\r\n`));
}

/** How the sender behaves once it has sent. */
const manner = fc.constantFrom('wait', 'wait', 'wait', 'abort', 'half close');

const attack = fc.record({
  which: fc.nat(),
  mutations: fc.array(mutation, { minLength: 1, maxLength: 4 }),
  follow: fc.boolean(),
  manner,
});

/** Sends bytes and reads what comes back; one that is not answered at once is left. */
function exchange(port: number, bytes: string, how: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    const bound = setTimeout(() => socket.destroy(), how === 'wait' ? 250 : 50);
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      heard += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(bound);
      resolve(heard);
    });
    socket.write(bytes, 'latin1', () => {
      if (how === 'abort') socket.destroy();
      if (how === 'half close') socket.end();
    });
  });
}

function judge(answer: string, sent: string, { local }: Stage, secrets: readonly string[]): void {
  const context = `seed ${seed}\n${sent.slice(0, 2000)}\n----\n${answer.slice(0, 2000)}`;
  for (const [, status] of answer.matchAll(/(?:^|\n)HTTP\/1\.1 (\d{3}) /g)) {
    const isFine = Number(status) < 500 || ['502', '503', '504'].includes(status ?? '');
    assert.equal(isFine, true, `status ${status}: ${context}`);
  }
  assert.doesNotMatch(
    answer,
    /\n\s+at \w|node:internal|\.[cm]?[jt]s:\d|\/src\/|node_modules/,
    context,
  );
  for (const secret of secrets) assert.equal(answer.includes(secret), false, context);
  assert.notEqual(local, '');
}

test(`whatever is sent, nothing breaks and nothing leaks (seed ${seed}, ${runs} runs)`, {
  timeout: 300_000,
}, async (t) => {
  const many = 1_000_000;
  const limits = {
    authorizationsPerMinute: many,
    tokenRequestsPerMinute: many,
    registrationsPerMinute: many,
  };
  const stage = await startStage(t, limits);
  const { client, tokens } = await logIn(stage.base);
  const login = await rawLogin(stage, client);
  const valid = validRequests(client, tokens, login);
  const port = Number(new URL(stage.local).port);
  const secrets = [tokens.access_token, tokens.refresh_token, credentials.password];

  const attacks = fc.sample(attack, { seed, numRuns: runs });
  const lanes = Array.from({ length: 16 }, async (_, lane) => {
    for (let index = lane; index < attacks.length; index += 16) {
      const each = attacks[index];
      if (each === undefined) return;
      const whole = valid[each.which % valid.length] ?? '';
      const changed = each.mutations.reduce((text, change) => change(text), whole);
      const sent = each.follow ? changed + (valid.at(-1) ?? '') : changed;
      judge(await exchange(port, sent, each.manner), sent, stage, secrets);
    }
  });
  await Promise.all(lanes);

  const mistakes = stage.events.of('internal_error');
  assert.deepEqual(mistakes, [], `seed ${seed}`);
  const after = await send(`${stage.local}/readyz`);
  assert.equal(after.json().status, 'ready');
  // Whoever was left alone in the middle keeps nothing open: a stop has nobody to wait for.
  await stage.gateway.close();
});
