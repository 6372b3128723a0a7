import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Browser } from '../support/real/browser-driver.ts';

/** Who signs in at the gateways of these runs. */
export const credentials = { username: 'gateway_user', password: 'gateway_pass' } as const;

const registration = z.object({ client_id: z.string(), client_secret: z.string().optional() });

/** A client that the gateway has registered. */
export type RegisteredClient = z.infer<typeof registration>;

/** Registers a client (RFC 7591). */
export async function register(
  gateway: string,
  redirectUri: string,
  method: string,
): Promise<RegisteredClient> {
  const answer = await fetch(`${gateway}/register`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Conformance suite',
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: method,
    }),
  });
  return registration.parse(await answer.json());
}

/** Opens the authorization URL, signs in and allows the client; the upstream says yes by itself. Gives back the callback URL. */
export async function signIn(authorizationUrl: string, redirectUri: string): Promise<string> {
  const browser = new Browser(redirectUri);
  const screen = await browser.visit(authorizationUrl);
  const [form] = screen.forms;
  if (form === undefined) throw new Error(`No form, but status ${screen.status}: ${screen.body}`);
  const allow = { name: 'decision', value: 'allow' };
  const page = await browser.submit(form, credentials, allow);
  if (page.callback === undefined) throw new Error(`Stopped at ${page.url}: ${page.body}`);
  return page.url;
}

/** The whole dance of a public client, for a run that needs no more than an access token. */
export async function accessToken(gateway: string): Promise<string> {
  const redirectUri = 'http://127.0.0.1:33418/callback';
  const { client_id } = await register(gateway, redirectUri, 'none');
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const callback = new URL(await signIn(`${gateway}/authorize?${query}`, redirectUri));
  const answer = await fetch(`${gateway}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
      client_id,
    }),
  });
  return z.object({ access_token: z.string() }).parse(await answer.json()).access_token;
}
