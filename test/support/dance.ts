import { createHash, randomBytes } from 'node:crypto';
import { type Dispatcher, request } from 'undici';

/** What a client holds at the end of a flow. */
export interface Dance {
  readonly clientId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Who signs in on screen 1. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token: string;
}

const redirectUri = 'http://127.0.0.1:33418/callback';

/**
 * Walks the whole flow against a gateway, as client and browser in one, and as quickly as that goes: registration, both screens, the
 * exchange. Screen 2 is not visited: the upstream is taken to say yes.
 */
export async function dance(
  base: string,
  credentials: Credentials,
  dispatcher?: Dispatcher,
): Promise<Dance> {
  const steps = new Steps(base, dispatcher);
  const clientId = await register(steps);
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const login = await steps.get(`/authorize?${query}`);
  const page = await steps.get(login.location);
  const screenTwo = await steps.post(
    '/login/callback',
    {
      flow: hidden(page.body, 'flow'),
      csrf: hidden(page.body, 'csrf'),
      decision: 'allow',
      ...credentials,
    },
    page.cookie,
  );
  const state = new URL(screenTwo.location).searchParams.get('state') ?? '';
  const back = await steps.get(`/upstream/callback?code=yes&state=${state}`, page.cookie);
  const code = new URL(back.location).searchParams.get('code') ?? '';
  const tokens = await steps.post('/token', {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirectUri,
    client_id: clientId,
  });
  return danceOf(clientId, tokens);
}

/** A refresh, by the client of a dance. */
export async function refresh(
  base: string,
  { clientId, refreshToken }: Dance,
  dispatcher?: Dispatcher,
): Promise<Dance> {
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: clientId };
  return danceOf(clientId, await new Steps(base, dispatcher).post('/token', form));
}

function danceOf(clientId: string, answer: Answer): Dance {
  if (answer.status !== 200) throw new Error(`/token: ${answer.status} ${answer.body}`);
  const tokens = JSON.parse(answer.body) as TokenAnswer;
  return { clientId, accessToken: tokens.access_token, refreshToken: tokens.refresh_token };
}

async function register(steps: Steps): Promise<string> {
  const body = JSON.stringify({
    client_name: 'Dance',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
  });
  const answer = await steps.send(
    'POST',
    '/register',
    { 'content-type': 'application/json' },
    body,
  );
  return (JSON.parse(answer.body) as { readonly client_id: string }).client_id;
}

function hidden(page: string, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(page)?.[1] ?? '';
}

interface Answer {
  readonly status: number;
  readonly location: string;
  readonly cookie: string;
  readonly body: string;
}

class Steps {
  readonly #base: string;
  readonly #dispatcher: Dispatcher | undefined;

  constructor(base: string, dispatcher: Dispatcher | undefined) {
    this.#base = base;
    this.#dispatcher = dispatcher;
  }

  get(path: string, cookie = ''): Promise<Answer> {
    return this.send('GET', path, cookie === '' ? {} : { cookie });
  }

  post(path: string, form: Readonly<Record<string, string>>, cookie = ''): Promise<Answer> {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const headers = cookie === '' ? type : { ...type, cookie };
    return this.send('POST', path, headers, new URLSearchParams(form).toString());
  }

  async send(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer> {
    const url = new URL(path, this.#base);
    const answer = await request(url, {
      method,
      headers,
      ...(body !== undefined && { body }),
      ...(this.#dispatcher && { dispatcher: this.#dispatcher }),
    });
    const { location, 'set-cookie': cookies } = answer.headers;
    return {
      status: answer.statusCode,
      location: String(location ?? ''),
      cookie: String(cookies ?? '').split(';')[0] ?? '',
      body: await answer.body.text(),
    };
  }
}
