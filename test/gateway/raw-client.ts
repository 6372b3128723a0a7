import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { request } from 'undici';
import { z } from 'zod';
import { initialize } from '../support/initialize.ts';
import { Browser, type Page } from '../support/real/browser-driver.ts';
import { credentials } from './gateway-setup.ts';

/** An answer as it came: no redirect is followed. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; repeated ones joined. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly setCookies: readonly string[];
  readonly text: string;
  /** The body as a JSON object; throws where it is none. */
  json(): Record<string, unknown>;
}

/** What may be sent. */
export interface Sent {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  /** `host` too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A string as it is; a record as a form. */
  readonly body?: string | Readonly<Record<string, string>>;
}

const jsonObject = z.record(z.string(), z.unknown());

/** Sends one request and reads its answer. */
export async function send(url: string, sent: Sent = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = sent;
  const isForm = typeof body === 'object';
  const answer = await request(url, {
    method,
    headers: {
      ...(isForm && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...headers,
    },
    body: isForm ? new URLSearchParams(body).toString() : (body ?? null),
  });
  const text = await answer.body.text();
  return {
    status: answer.statusCode,
    headers: Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name, value?.toString()]),
    ),
    setCookies: [answer.headers['set-cookie'] ?? []].flat(),
    text,
    json: () => jsonObject.parse(JSON.parse(text)),
  };
}

/** Where the clients of these tests want to be called back: nobody listens there. */
export const redirectUri = 'http://127.0.0.1:33418/callback';

/** The client's PKCE pair. */
export const verifier = 'a-code-verifier-of-at-least-43-characters-in-length';
export const challenge = createHash('sha256').update(verifier).digest('base64url');

const registration = z.object({ client_id: z.string(), client_secret: z.string().optional() });

/** A registered client. */
export type Registered = z.infer<typeof registration>;

/** Registers a client, a public one unless told. */
export async function register(
  base: string,
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<Registered> {
  const answer = await send(`${base}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'none',
      ...metadata,
    }),
  });
  assert.equal(answer.status, 201, answer.text);
  return registration.parse(answer.json());
}

/** An authorization request in good order; `undefined` leaves a parameter out. */
export function authorizationUrl(
  base: string,
  client: Registered,
  changes: Readonly<Record<string, string | undefined>> = {},
): string {
  const parameters = {
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: redirectUri,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...changes,
  };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.append(name, value);
  }
  return `${base}/authorize?${query}`;
}

/** Answers screen 1, which this page shows. */
export function answerScreenOne(
  browser: Browser,
  page: Page,
  decision: 'allow' | 'deny' = 'allow',
  typed: Readonly<Record<string, string>> = credentials,
): Promise<Page> {
  const [form] = page.forms;
  assert.ok(form, `no form on ${page.url} (status ${page.status})`);
  return browser.submit(form, typed, { name: 'decision', value: decision });
}

/** Goes through both screens (the upstream approves by itself), and returns what the client is called back with. */
export async function authorize(
  base: string,
  client: Registered,
  changes: Readonly<Record<string, string | undefined>> = {},
): Promise<URLSearchParams> {
  const browser = new Browser(changes.redirect_uri ?? redirectUri);
  const page = await browser.visit(authorizationUrl(base, client, changes));
  const end = await answerScreenOne(browser, page);
  assert.ok(end.callback, `The browser stayed at ${end.url} with status ${end.status}`);
  return end.callback;
}

/** POST /token with this form; a public client's id is added unless the form or a header says who it is. */
export function postToken(
  base: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return send(`${base}/token`, { method: 'POST', headers, body: form });
}

/** The form that exchanges a code. */
export function exchangeForm(code: string, client: Registered): Record<string, string> {
  return {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    client_id: client.client_id,
  };
}

/** The form that refreshes. */
export function refreshForm(refreshToken: string, client: Registered): Record<string, string> {
  return {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: client.client_id,
  };
}

const tokenResponse = z.object({
  access_token: z.string(),
  refresh_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.number(),
});

/** A pair of token pairs. */
export type Tokens = z.infer<typeof tokenResponse>;

/** The tokens of a successful answer of /token. */
export function tokensOf(answer: Answer): Tokens {
  assert.equal(answer.status, 200, answer.text);
  return tokenResponse.parse(answer.json());
}

/** A client that has gone the whole way. */
export async function logIn(
  base: string,
): Promise<{ readonly client: Registered; readonly tokens: Tokens }> {
  const client = await register(base);
  const code = (await authorize(base, client)).get('code') ?? '';
  return { client, tokens: tokensOf(await postToken(base, exchangeForm(code, client))) };
}

/** The two halves of a pair. */
export function halvesOf(pair: string): readonly [gateway: string, upstream: string] {
  const text = Buffer.from(pair, 'base64url').toString();
  const colon = text.indexOf(':');
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/** A pair made of two halves. */
export function pairOf(gateway: string, upstream: string): string {
  return Buffer.from(`${gateway}:${upstream}`).toString('base64url');
}

/** A call to /mcp: the first message of a session. */
export function callMcp(base: string, { access_token: token }: Pick<Tokens, 'access_token'>) {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  return send(`${base}/mcp`, { method: 'POST', headers, body: initialize });
}
