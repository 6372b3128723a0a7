import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import type { LoadReport } from './mixed-load.ts';

/** Abuse of all kinds, from addresses of its own, until it is told to stop. Whatever is answered, it is never a failure of the gateway's. */
export async function abuse(
  base: string,
  username: string,
  isOver: () => boolean,
): Promise<LoadReport> {
  const report: LoadReport = { done: {}, faults: [] };
  const pool = new Pool(base, { connections: 8 });
  const attackers = Object.entries(attacks).map(async ([name, attack]) => {
    while (!isOver()) {
      const status = await attack({ base, pool, username }).catch(() => 'broken');
      const key = `${name} ${status}`;
      report.done[key] = (report.done[key] ?? 0) + 1;
      if (Number(status) >= 500) report.faults.push(`${name}: status ${status}`);
    }
  });
  await Promise.all(attackers);
  await pool.destroy();
  return report;
}

interface Target {
  readonly base: string;
  readonly pool: Pool;
  /** Somebody whose password is guessed. */
  readonly username: string;
}

/** Makes one attempt; what it was answered. */
type Attack = (target: Target) => Promise<number | string>;

interface Sent {
  readonly from: string;
  readonly body?: Readonly<Record<string, string>> | string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function send({ pool }: Target, path: string, { from, body, headers = {} }: Sent) {
  const options: Dispatcher.RequestOptions = {
    method: body === undefined ? 'GET' : 'POST',
    path,
    headers: {
      'x-forwarded-for': from,
      ...(typeof body === 'object' && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...headers,
    },
    body: typeof body === 'object' ? String(new URLSearchParams(body)) : (body ?? null),
  };
  const answer = await pool.request(options);
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

/** One of several addresses. */
const anywhere = () => `198.51.100.${Math.floor(Math.random() * 20)}`;
const redirect = 'http://127.0.0.1:33418/callback';
let client = '';

const attacks: Readonly<Record<string, Attack>> = {
  /** Registers without end. */
  registration: async (target) => {
    const body = JSON.stringify({
      client_name: randomBytes(20).toString('hex'),
      redirect_uris: [redirect],
      token_endpoint_auth_method: 'none',
    });
    const headers = { 'content-type': 'application/json' };
    const { status, text } = await send(target, '/register', { from: '192.0.2.1', body, headers });
    if (status === 201) client = (JSON.parse(text) as { client_id: string }).client_id;
    return status;
  },
  /** Begins logins and leaves them. */
  flow: async (target) => (await begin(target, anywhere())).status,
  /** Guesses the password of somebody who is signing in all the time, and of people that are not there. */
  guess: async (target) => {
    const from = anywhere();
    const { headers } = await begin(target, from);
    const location = String(headers.location ?? '');
    if (!location.includes('/login')) return 'no login';
    const page = await send(target, new URL(location).pathname + new URL(location).search, {
      from,
    });
    const value = (name: string) =>
      new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? '';
    const isKnown = Math.random() < 0.5;
    const body = {
      flow: value('flow'),
      csrf: value('csrf'),
      decision: 'allow',
      username: isKnown ? target.username : randomBytes(4).toString('hex'),
      password: 'a guess',
    };
    const cookie = String(page.headers['set-cookie'] ?? '').split(';')[0] ?? '';
    return (await send(target, '/login/callback', { from, body, headers: { cookie } })).status;
  },
  /** Tokens that are none. */
  token: async (target) => {
    const authorization = `Bearer ${randomBytes(60).toString('base64url')}`;
    const headers = { authorization };
    return (await send(target, '/mcp', { from: anywhere(), body: '{}', headers })).status;
  },
  refresh: async (target) => {
    const body = {
      grant_type: 'refresh_token',
      client_id: client || 'x',
      refresh_token: randomBytes(60).toString('base64url'),
    };
    return (await send(target, '/token', { from: '192.0.2.2', body })).status;
  },
  /** Bodies that are too long, and JSON that is too deep. */
  long: async (target) => {
    const body = { grant_type: 'x'.repeat(200_000) };
    return (await send(target, '/token', { from: anywhere(), body })).status;
  },
  deep: async (target) => {
    const headers = { 'content-type': 'application/json' };
    const body = Math.random() < 0.5 ? '['.repeat(100_000) : `"${'\\"'.repeat(60_000)}`;
    return (await send(target, '/register', { from: '192.0.2.3', body, headers })).status;
  },
  /** Requests that end in the middle. */
  cut: ({ base }) =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(base);
      const socket = connect(Number(port), hostname, () => {
        const head = `POST /token HTTP/1.1\r\nX-Forwarded-For: ${anywhere()}\r\nHost: x\r\nContent-Length: 100\r\n\r\ngrant_type=`;
        socket.write(head.slice(0, Math.floor(Math.random() * head.length)), () => {
          socket.destroy();
        });
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve('cut'));
    }),
};

function begin(target: Target, from: string) {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client || 'x',
    redirect_uri: redirect,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  });
  return send(target, `/authorize?${query}`, { from, headers: { accept: 'text/html' } });
}
