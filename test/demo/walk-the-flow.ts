import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { decodeTokenPair } from '../../src/domain/token-pair.ts';
import { Browser } from '../support/real/browser-driver.ts';

/** Who signs in at the gateway. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
}

const redirectUri = 'http://127.0.0.1:33418/callback';

/**
 * Walks the whole flow without a browser window, as a client and its user would, and tells each step as it is done: discovery,
 * registration, both screens, the exchange, a tool call, a refresh, and another call. Throws at the first step that fails.
 */
export async function walkTheFlow(
  mcpUrl: string,
  credentials: Credentials,
  done: (step: string) => void,
): Promise<void> {
  const server = await discover(mcpUrl, done);
  const client = await postJson<{ client_id: string }>(server.registration_endpoint ?? '', {
    client_name: 'Demo check',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
  });
  done(`registered as client ${client.client_id}`);
  const verifier = randomBytes(32).toString('base64url');
  const code = await authorize(server, client.client_id, verifier, credentials, done);
  const first = await requestTokens(server, {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
    client_id: client.client_id,
  });
  assert.ok(decodeTokenPair(first.access_token), 'the access token is a token pair');
  done(`exchanged the code for a token pair that lives ${first.expires_in} seconds`);
  done(`called a tool: echo says ${JSON.stringify(await callEcho(mcpUrl, first, 'hello'))}`);
  const second = await requestTokens(server, {
    grant_type: 'refresh_token',
    refresh_token: first.refresh_token,
    client_id: client.client_id,
  });
  assert.notEqual(second.access_token, first.access_token);
  done('refreshed the token pair');
  done(
    `called the tool again: echo says ${JSON.stringify(await callEcho(mcpUrl, second, 'again'))}`,
  );
}

type Metadata = Readonly<Record<string, string>>;

async function discover(mcpUrl: string, done: (step: string) => void): Promise<Metadata> {
  const refused = await fetch(mcpUrl, { method: 'POST' });
  assert.equal(refused.status, 401);
  const challenge = refused.headers.get('www-authenticate') ?? '';
  const metadataUrl = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? '';
  done(`a call without a token is challenged: ${challenge}`);
  const resource = await getJson<{ authorization_servers: [string] }>(metadataUrl);
  const [issuer] = resource.authorization_servers;
  const server = await getJson<Metadata>(`${issuer}/.well-known/oauth-authorization-server`);
  done(`found the authorization server ${server.issuer}`);
  return server;
}

async function authorize(
  server: Metadata,
  clientId: string,
  verifier: string,
  credentials: Credentials,
  done: (step: string) => void,
): Promise<string> {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    state: 'a state of the client',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const browser = new Browser(redirectUri);
  const screenOne = await browser.visit(`${server.authorization_endpoint}?${query}`);
  const [signIn] = screenOne.forms;
  assert.ok(signIn, `screen 1 is a form (status ${screenOne.status} at ${screenOne.url})`);
  const allow = { name: 'decision', value: 'allow' };
  const screenTwo = await browser.submit(signIn, { ...credentials }, allow);
  done('signed in on screen 1 and allowed the client');
  const [consent] = screenTwo.forms;
  assert.ok(consent, `screen 2 is a form (status ${screenTwo.status} at ${screenTwo.url})`);
  const back = await browser.submit(consent, {}, 'Allow');
  assert.equal(back.callback?.get('state'), 'a state of the client');
  assert.equal(back.callback?.get('iss'), server.issuer);
  done('said yes on screen 2, and came back with a code, state and iss');
  return back.callback?.get('code') ?? '';
}

async function requestTokens(
  server: Metadata,
  form: Readonly<Record<string, string>>,
): Promise<Tokens> {
  const answer = await fetch(server.token_endpoint ?? '', {
    method: 'POST',
    body: new URLSearchParams(form),
  });
  const body = await answer.text();
  assert.equal(answer.status, 200, body);
  return JSON.parse(body) as Tokens;
}

/** Opens an MCP session, calls the tool, and ends the session. */
async function callEcho(mcpUrl: string, tokens: Tokens, text: string): Promise<string> {
  const headers = {
    Authorization: `Bearer ${tokens.access_token}`,
    Accept: 'application/json, text/event-stream',
    'Content-Type': 'application/json',
  };
  const post = (message: object, session: Readonly<Record<string, string>> = {}) =>
    fetch(mcpUrl, {
      method: 'POST',
      headers: { ...headers, ...session },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
  const clientInfo = { name: 'demo-check', version: '1' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  const opened = await post({ id: 1, method: 'initialize', params });
  assert.equal(opened.status, 200, await opened.text());
  const session = { 'Mcp-Session-Id': opened.headers.get('mcp-session-id') ?? '' };
  await post({ method: 'notifications/initialized' }, session);
  const call = { name: 'echo', arguments: { text } };
  const answer = await post({ id: 2, method: 'tools/call', params: call }, session);
  const body = await answer.text();
  assert.equal(answer.status, 200, body);
  await fetch(mcpUrl, { method: 'DELETE', headers: { ...headers, ...session } });
  return /"text":"([^"]*)"/.exec(body)?.[1] ?? '';
}

async function getJson<Body>(url: string): Promise<Body> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, `${url} answers`);
  return (await answer.json()) as Body;
}

async function postJson<Body>(url: string, body: unknown): Promise<Body> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${url} answers`);
  return (await answer.json()) as Body;
}
