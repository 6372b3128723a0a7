import { createServer } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { createGateway } from '../../src/main.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';
import type { Check } from './checks.ts';
import { startPassThroughProxy } from './pass-through-proxy.ts';
import { credentials, register, signIn } from './sign-in.ts';
import { runSuite } from './suite.ts';
import type { Upstream } from './upstream.ts';

/** How the suite's client authenticates at /token. */
export const clientMethods = ['none', 'client_secret_basic', 'client_secret_post'] as const;

/** Runs the authorization server scenarios against a fresh gateway, with a user who signs in when the suite asks for one. */
export async function runAuthorizationScenarios(
  upstream: Upstream,
  revision: string,
  method: (typeof clientMethods)[number],
): Promise<readonly Check[]> {
  let port = 0;
  // The suite takes the first method it likes of those in the metadata, so it is shown one only.
  const proxy = await startPassThroughProxy(() => `http://127.0.0.1:${port}`, {
    rewrite: { path: '/.well-known/oauth-authorization-server', body: narrowedTo(method) },
  });
  const publicUrl = proxy.origin;
  const gateway = createGateway({ port: 0, ...credentials, publicUrl, upstreamRs: upstream.url });
  ({ port } = await gateway.listen());
  try {
    return await authorize(publicUrl, revision, method);
  } finally {
    await gateway.close();
    await proxy.close();
  }
}

async function authorize(
  issuer: string,
  revision: string,
  method: string,
): Promise<readonly Check[]> {
  const callbackPort = await freePort();
  const redirectUri = `http://127.0.0.1:${callbackPort}/callback`;
  const client = await register(issuer, redirectUri, method);
  const secret =
    client.client_secret === undefined ? [] : ['--client-secret', client.client_secret];
  const args = [
    ...['authorization', '--url', issuer, '--spec-version', revision],
    ...['--client-id', client.client_id, ...secret],
    ...['--resource', `${issuer}/mcp`, '--port', String(callbackPort)],
  ];
  return runSuite(args, {
    // The suite prints the authorization URL on a line of its own, and listens for what comes back.
    onLine: async (line) => {
      if (line.startsWith(`${issuer}/authorize?`)) await visit(await signIn(line, redirectUri));
    },
  });
}

/** On a busy machine the suite prints before it listens: a browser would be slower than that, so this one knocks until somebody opens. */
async function visit(url: string, knocks = 100): Promise<void> {
  try {
    await fetch(url);
  } catch (error) {
    if (knocks === 0) throw error;
    await wait(100);
    await visit(url, knocks - 1);
  }
}

function narrowedTo(method: string): (text: string) => string {
  return (text) =>
    JSON.stringify({ ...JSON.parse(text), token_endpoint_auth_methods_supported: [method] });
}

/** Free a moment ago; the suite wants to be told a port. */
async function freePort(): Promise<number> {
  const { origin, close } = await listenOnLoopback(createServer());
  await close();
  return Number(new URL(origin).port);
}
