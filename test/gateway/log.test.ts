import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLog } from '../../src/adapters/log/log.ts';
import { type Stage, startStage } from './fake-stage.ts';
import { credentials } from './gateway-setup.ts';
import {
  type Answer,
  authorizationUrl,
  exchangeForm,
  halvesOf,
  postToken,
  type Registered,
  refreshForm,
  register,
  send,
  tokensOf,
  verifier,
} from './raw-client.ts';
import { codeOf, rawLogin } from './raw-login.ts';

interface Logged extends Stage {
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** All that was written. */
  readonly text: () => string;
}

/** A stage whose gateway writes a log, at the most verbose level. */
async function startLogged(...[context, options, traits]: Parameters<typeof startStage>) {
  const lines: Record<string, unknown>[] = [];
  const written: string[] = [];
  const json = openLog({
    format: 'json',
    level: 'debug',
    write: (line) => {
      written.push(line);
      lines.push(JSON.parse(line));
    },
  });
  const text = openLog({ format: 'text', level: 'debug', write: (line) => written.push(line) });
  const events = {
    emit: (event: Parameters<typeof json.emit>[0]) => {
      json.emit(event);
      text.emit(event);
    },
  };
  const stage = await startStage(context, options, traits, { events });
  return { ...stage, lines, text: () => written.join('') } satisfies Logged;
}

/** Everything that must never be written. */
class Secrets {
  readonly #all = new Set<string>();

  keep(...texts: readonly (string | null | undefined)[]): void {
    for (const text of texts) if (text) this.#all.add(text);
  }

  /** What an answer gives away to its receiver: cookies, codes, states, tokens. */
  keepAnswer(answer: Answer): Answer {
    for (const line of answer.setCookies) {
      this.keep(/^[^=]+=([\w-]{20,})/.exec(line)?.[1]);
    }
    const { location } = answer.headers;
    const query = location ? new URL(location).searchParams : new URLSearchParams();
    this.keep(query.get('code'), query.get('state'), query.get('code_challenge'));
    this.keep(/name="csrf" value="([^"]+)"/.exec(answer.text)?.[1]);
    return answer;
  }

  keepTokens(...pairs: readonly string[]): void {
    for (const pair of pairs) this.keep(pair, ...halvesOf(pair));
  }

  foundIn(text: string): string[] {
    return [...this.#all].filter((secret) => text.includes(secret));
  }

  get size(): number {
    return this.#all.size;
  }
}

const html = { accept: 'text/html' };

/** One login; the secrets of each step are kept. */
function login(
  stage: Stage,
  client: Registered,
  secrets: Secrets,
  typed: Readonly<Record<string, string>> = credentials,
) {
  secrets.keep(typed.password);
  const heard = (answer: Answer) => {
    secrets.keepAnswer(answer);
  };
  return rawLogin(stage, client, { typed, heard, state: 'the-state-of-the-client' });
}

function mcpCall(base: string, token: string, query = ''): Promise<Answer> {
  return send(`${base}/mcp${query}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  });
}

test('whole sessions, with their failures, leave no secret in a log at its most verbose', async (t) => {
  const secrets = new Secrets();
  const stage = await startLogged(t, {
    introspectionClientId: 'rs',
    introspectionClientSecret: 'the-secret-of-introspection',
    session: 600,
  });
  const { base, as, mcp, clock } = stage;
  const client = await register(base, {
    client_name: 'Editor',
    token_endpoint_auth_method: 'client_secret_post',
  });
  const proof = { client_secret: client.client_secret ?? '' };
  secrets.keep(
    client.client_secret,
    'the-secret-of-introspection',
    'the-state-of-the-client',
    verifier,
  );

  const whole = await login(stage, client, secrets);
  const code = codeOf(await whole.back());
  const first = tokensOf(await postToken(base, { ...exchangeForm(code, client), ...proof }));
  secrets.keepTokens(first.access_token, first.refresh_token);
  await mcpCall(base, first.access_token);
  const next = tokensOf(
    await postToken(base, { ...refreshForm(first.refresh_token, client), ...proof }),
  );
  secrets.keepTokens(next.access_token, next.refresh_token);
  await mcpCall(base, next.access_token);
  await send(`${base}/introspect`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from('rs:the-secret-of-introspection').toString('base64')}`,
    },
    body: { token: next.access_token },
  });
  const expected: string[] = [];
  const failing = async (what: Promise<Answer>, error: string) => {
    secrets.keepAnswer(await what);
    expected.push(error);
  };

  await failing(
    Promise.resolve(
      (
        await login(stage, client, secrets, {
          username: 'my-pass-phrase',
          password: 'wrong-password',
        })
      ).signedIn,
    ),
    'wrong_password',
  );
  secrets.keep('my-pass-phrase');
  await failing(whole.back(), 'already_finished');
  await failing(mcpCall(base, 'not-a-token-at-all'), 'invalid_token');
  secrets.keep('not-a-token-at-all');
  await failing(
    mcpCall(base, next.access_token, `?access_token=${next.access_token}`),
    'invalid_request',
  );
  await failing(
    postToken(base, { ...exchangeForm('nonsense', client), client_secret: 'guessed-secret' }),
    'invalid_client',
  );
  secrets.keep('guessed-secret', 'w'.repeat(43));
  const foreign = await login(stage, client, secrets);
  await failing(
    send(as.approve(foreign.signedIn.headers.location ?? ''), { headers: html }),
    'wrong_browser',
  );
  as.misbehave({ type: 'status', status: 500 }, new URL(as.tokenEndpoint).pathname);
  await failing(foreign.back(), 'temporarily_unavailable');
  as.behave();
  const late = await login(stage, client, secrets);
  clock.advance(1000);
  await failing(late.back(), 'flow_expired');
  mcp.misbehave({ type: 'cut' });
  await failing(mcpCall(base, next.access_token), 'upstream_unavailable');
  mcp.behave();
  await failing(
    send(authorizationUrl(base, { client_id: 'stranger' }, { state: 'the-state-of-the-client' }), {
      headers: html,
    }),
    'unknown_client',
  );
  await postToken(base, { ...refreshForm(next.refresh_token, client), ...proof });
  clock.advance(3600 * 3);
  await failing(
    postToken(base, { ...refreshForm(first.refresh_token, client), ...proof }),
    'invalid_grant',
  );
  await failing(
    postToken(base, { ...exchangeForm(code, client), ...proof, code_verifier: 'w'.repeat(43) }),
    'invalid_grant',
  );
  await stage.gateway.close();

  const told = stage.lines.filter((line) => line.msg === 'request').map((line) => line.error);
  for (const error of expected) assert.ok(told.includes(error), `${error} in ${told}`);
  assert.ok(secrets.size > 30, String(secrets.size));
  assert.deepEqual(secrets.foundIn(stage.text()), []);
});

test('a login is told step by step under one id, with the client and the subject', async (t) => {
  const stage = await startLogged(t);
  const { base, lines } = stage;
  const client = await register(base, { client_name: 'Editor' });
  const { flow, back } = await login(stage, client, new Secrets());
  const code = codeOf(await back());
  const tokens = tokensOf(await postToken(base, exchangeForm(code, client)));
  await mcpCall(base, tokens.access_token);

  const steps = lines.filter((line) => line.stream === 'auth' && line.flow === flow);
  assert.deepEqual(
    steps.map(({ msg }) => msg),
    [
      'authorization started',
      'signed in',
      'sent upstream',
      'upstream returned',
      'code issued',
      'code exchanged',
      'tokens first used',
    ],
  );
  for (const msg of ['signed in', 'upstream returned', 'code issued']) {
    const step = steps.find((line) => line.msg === msg);
    assert.deepEqual([step?.client_name, step?.subject], ['Editor', credentials.username]);
  }
  assert.equal(lines.find(({ msg }) => msg === 'client registered')?.client, client.client_id);
});

test('an answer carries the id under which the log has its request', async (t) => {
  const { base, lines, gateway, local } = await startLogged(t);

  const page = await send(`${local}/login?flow=nonsense`, {
    headers: { ...html, 'x-request-id': 'chosen-by-a-stranger' },
  });
  const call = await mcpCall(base, 'nonsense');
  const missing = await send(`${base}/nothing?a=b`);
  await gateway.close();

  const id = page.headers['x-request-id'] ?? '';
  assert.match(id, /^[0-9a-f]{8}-\w+$/);
  assert.ok(page.text.includes(`Request <code>${id}</code>`));
  const line = lines.find((each) => each.request_id === id);
  assert.deepEqual([line?.route, line?.status, line?.error], ['/login', 404, 'flow_unknown']);
  const [second, third] = [call, missing].map((answer) =>
    lines.find((each) => each.request_id === answer.headers['x-request-id']),
  );
  assert.deepEqual([second?.route, second?.status, second?.error], ['/mcp', 401, 'invalid_token']);
  assert.deepEqual([third?.route, third?.status, third?.error], ['none', 404, 'not_found']);
  assert.ok(Number(second?.bytes) > 200);
});

test('a call is told with the time the upstream took', async (t) => {
  const stage = await startLogged(t);
  const { base, lines, gateway } = stage;
  const client = await register(base);
  const { back } = await login(stage, client, new Secrets());
  const tokens = tokensOf(await postToken(base, exchangeForm(codeOf(await back()), client)));
  await mcpCall(base, tokens.access_token);
  await gateway.close();

  const call = lines.find((line) => line.route === '/mcp');
  assert.ok(Number(call?.upstream_ms) > 0);
  assert.ok(Number(call?.ms) >= Number(call?.upstream_ms));
  assert.equal(call?.aborted, false);
});
