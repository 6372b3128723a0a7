import assert from 'node:assert/strict';
import type { KnownClient } from '../../src/application/find-client.ts';
import type { LoginScreen, OpeningBrowser } from '../../src/application/open-login.ts';
import type { Versioned } from '../../src/application/ports.ts';
import type { UpstreamReturn } from '../../src/application/return-from-upstream.ts';
import type { SignInForm } from '../../src/application/sign-in.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import type { FlowId } from '../../src/domain/authorization-flow.ts';
import type { AuthorizationParameters } from '../../src/domain/authorization-request.ts';
import type { Client } from '../../src/domain/client-registration.ts';
import type { LiveGrant } from '../../src/domain/grant.ts';
import type { TokenAnswer } from '../../src/domain/grant-rotation.ts';
import { epochSeconds } from '../../src/domain/lifetime.ts';
import { codeChallengeOf } from '../../src/domain/pkce.ts';
import { type GrantId, readPresentedToken } from '../../src/domain/token-pair.ts';
import { initialize } from '../support/initialize.ts';
import { heardAnswer } from './heard-answer.ts';
import { base, valueIn, type World } from './wired.ts';

export const redirectUri = 'http://127.0.0.1:9999/callback';
export const verifier = 'v'.repeat(43);
const bases = [base, base] as const;

/** A registered public client, as /token finds it. */
export async function aClient(gateway: UseCases, outside: World): Promise<Versioned<Client>> {
  const { client } = valueIn(
    await gateway.register({
      redirectUris: [redirectUri],
      tokenEndpointAuthMethod: 'none',
      grantTypes: undefined,
      responseTypes: undefined,
      clientName: 'Test Client',
      keys: undefined,
    }),
  );
  return storedClient(outside, client.id);
}

export async function storedClient(outside: World, id: string): Promise<Versioned<Client>> {
  const stored = await outside.store.clients.read(id);
  assert.ok(stored);
  return stored;
}

export function parameters(
  changed: Partial<AuthorizationParameters> = {},
): AuthorizationParameters {
  return {
    responseType: 'code',
    redirectUri,
    state: 'client state',
    scope: undefined,
    resource: undefined,
    codeChallenge: codeChallengeOf(verifier),
    codeChallengeMethod: 'S256',
    prompt: undefined,
    repeated: [],
    ...changed,
  };
}

/** A browser that comes to screen 1: for the first time and unknown, unless told. */
export function aBrowser(
  flow: FlowId | undefined,
  changed: Partial<OpeningBrowser> = {},
): OpeningBrowser {
  return { flow, cookie: undefined, session: undefined, ...changed };
}

/** A flow with screen 1 open in a browser. */
export async function openedFlow(
  gateway: UseCases,
  client: KnownClient,
  changed: Partial<AuthorizationParameters> = {},
): Promise<LoginScreen> {
  const id = valueIn(await gateway.begin(client.value.id, parameters(changed), bases));
  return valueIn(await gateway.openLogin(aBrowser(id)));
}

export function form(screen: LoginScreen, changed: Partial<SignInForm> = {}): SignInForm {
  return {
    flow: screen.flow.id,
    cookie: screen.cookie,
    csrf: screen.csrf,
    decision: 'allow',
    username: 'alice',
    password: 'wonderland',
    session: undefined,
    from: '192.0.2.1',
    ...changed,
  };
}

/** The URL of screen 2 after a sign-in. */
export async function upstreamUrl(gateway: UseCases, screen: LoginScreen): Promise<string> {
  const outcome = valueIn(await gateway.submitSignIn(form(screen)));
  assert.equal(outcome.type, 'upstream', JSON.stringify(outcome));
  return outcome.type === 'upstream' ? outcome.url : '';
}

/** What the browser brings from the upstream's callback URL. */
export function returned(url: string, screen: LoginScreen): UpstreamReturn {
  const query = new URL(url).searchParams;
  const read = (name: string) => query.get(name) ?? undefined;
  return {
    state: read('state'),
    cookie: screen.cookie,
    code: read('code'),
    error: read('error'),
    errorDescription: read('error_description'),
    issuer: read('iss'),
  };
}

/** Both screens; the value is the gateway's code. */
export async function aCode(
  gateway: UseCases,
  outside: World,
  client: KnownClient,
  changed: Partial<AuthorizationParameters> = {},
): Promise<string> {
  const screen = await openedFlow(gateway, client, changed);
  const url = outside.upstream.approve(await upstreamUrl(gateway, screen));
  const outcome = valueIn(await gateway.returnFromUpstream(returned(url, screen)));
  assert.equal(outcome.type, 'code', JSON.stringify(outcome));
  return outcome.type === 'code' ? outcome.code : '';
}

export function exchangeOf(code: string) {
  return { code, redirectUri, verifier, resource: undefined, bases };
}

export function refreshOf(refreshToken: string) {
  return { refreshToken, resource: undefined, bases };
}

export interface Granted {
  readonly client: Versioned<Client>;
  readonly tokens: TokenAnswer;
  readonly grant: GrantId;
}

/** The whole dance: a client with its first pair. */
export async function aGrant(
  gateway: UseCases,
  outside: World,
  changed: Partial<AuthorizationParameters> = {},
): Promise<Granted> {
  const client = await aClient(gateway, outside);
  const code = await aCode(gateway, outside, client, changed);
  const tokens = valueIn(await gateway.exchange(client, exchangeOf(code)));
  return { client, tokens, grant: grantOf(tokens.accessToken) };
}

export function grantOf(token: string): GrantId {
  const presented = readPresentedToken(token);
  assert.ok(presented);
  return presented.gateway.grant;
}

/** The two halves of a pair. */
export function halvesOf(token: string): { gateway: string; upstream: string | undefined } {
  const presented = readPresentedToken(token);
  assert.ok(presented);
  return { gateway: presented.gateway.secret, upstream: presented.upstream };
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: string;
  /** Whether the body comes as a stream, and is kept for a second try. */
  readonly stream?: 'kept' | 'gone';
}

/** Calls /mcp, and hears the answer out. */
export function call(gateway: UseCases, bearer: string, options: CallOptions = {}) {
  const heard = heardAnswer();
  const { method = 'POST', body, stream } = options;
  const bytes = body === undefined ? undefined : Buffer.from(body);
  const exchange = gateway.relay(
    bearer,
    {
      method,
      query: '',
      headers: [
        'Content-Type',
        'application/json',
        'Accept',
        'application/json, text/event-stream',
      ],
      body: stream && bytes ? streamed(bytes) : bytes,
      bodyAgain: () => (stream === 'gone' ? undefined : bytes),
    },
    heard,
  );
  return { heard, exchange };
}

async function* streamed(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Whether a token opens /mcp. */
export async function opensMcp(gateway: UseCases, bearer: string): Promise<boolean> {
  const { heard } = call(gateway, bearer, { body: initialize });
  await heard.ended;
  return heard.status === 200;
}

/** Another writer of a grant: writes what is there once more. */
export function touching(outside: World): (key: string) => Promise<void> {
  return async (key) => {
    const { grants } = outside.store.quiet;
    const stored = await grants.read(key);
    if (stored === undefined) return;
    await grants.write(key, stored.value, stored.version, farAway);
  };
}

/** Changes a live grant as no use case would. */
export async function tamper(
  outside: World,
  id: GrantId,
  change: (grant: LiveGrant) => LiveGrant,
): Promise<void> {
  const stored = await outside.store.grants.read(id);
  assert.ok(stored?.value.state === 'live');
  const changed = change(stored.value);
  await outside.store.quiet.grants.write(id, changed, stored.version, farAway);
}

const farAway = epochSeconds(4_000_000_000);
