import assert from 'node:assert/strict';
import {
  type Answer,
  authorize,
  callMcp,
  exchangeForm,
  postToken,
  type Registered,
  refreshForm,
  register,
  send,
  type Tokens,
  tokensOf,
} from '../gateway/raw-client.ts';
import { initialize } from '../support/initialize.ts';
import type { ClientShape } from './client-shapes.ts';
import { type ClientStage, configuredSecret } from './client-stage.ts';

/** Goes the way of a client request by request: discovery, registration, sign-in, code, calls and refreshes. */
export async function walkEmulated(stage: ClientStage, shape: ClientShape): Promise<Registered> {
  await discover(stage, shape);
  const client = await registered(stage, shape);
  const tokens = await firstTokens(stage, shape, client);
  await call(stage, tokens);
  await refreshing[shape.habit](stage, shape, client, tokens);
  return client;
}

async function firstTokens(
  stage: ClientStage,
  shape: ClientShape,
  client: Registered,
): Promise<Tokens> {
  const code = await authorized(stage, shape, client, shape.redirectUri);
  const exchanged = await tokenRequest(stage, shape, client, {
    ...exchangeForm(code, client),
    redirect_uri: shape.redirectUri,
    ...resourceOf(stage, shape),
  });
  return tokensOf(exchanged);
}

/** From a call without a token to the metadata, as every client finds its way. */
async function discover({ base }: ClientStage, shape: ClientShape): Promise<void> {
  const stranger = await send(`${base}/mcp`, { method: 'POST', body: initialize });
  assert.equal(stranger.status, 401);
  const [, url = ''] =
    /resource_metadata="([^"]+)"/.exec(stranger.headers['www-authenticate'] ?? '') ?? [];
  const resource = (await send(url)).json();
  const [issuer] = resource.authorization_servers as string[];
  const server = (await send(`${issuer}/.well-known/oauth-authorization-server`)).json();
  assert.equal(server.issuer, issuer);
  assert.equal(server.client_id_metadata_document_supported, true);
  assert.ok((server.token_endpoint_auth_methods_supported as string[]).includes(shape.method));
  assert.deepEqual(server.code_challenge_methods_supported, ['S256']);
}

/** Who the client is from here on: by registration, by its document, or as it was told by hand. */
export async function registered({ base }: ClientStage, shape: ClientShape): Promise<Registered> {
  if (shape.by === 'document') return { client_id: shape.document ?? '' };
  if (shape.by === 'configuration') {
    const client = { client_id: 'typed-by-hand' };
    return shape.method === 'none' ? client : { ...client, client_secret: configuredSecret };
  }
  const { token_endpoint_auth_method = undefined } = shape.metadata;
  const client = await register(base, { token_endpoint_auth_method, ...shape.metadata });
  const hasSecret = shape.method !== 'none' && shape.method !== 'private_key_jwt';
  assert.equal(client.client_secret !== undefined, hasSecret);
  return client;
}

/** Both screens; the value is the code that the client is called back with, beside its state and `iss`. */
export async function authorized(
  stage: ClientStage,
  shape: ClientShape,
  client: Registered,
  redirectUri: string,
): Promise<string> {
  const callback = await authorize(stage.base, client, {
    redirect_uri: redirectUri,
    state: shape.state,
    scope: shape.scope,
    ...resourceOf(stage, shape),
  });
  assert.equal(callback.get('error'), null);
  // One without a value is as good as none (RFC 6749 §3.1).
  assert.equal(callback.get('state') ?? '', shape.state ?? '');
  assert.equal(callback.get('iss'), stage.base);
  return callback.get('code') ?? '';
}

function resourceOf({ base }: ClientStage, { resource }: ClientShape): Record<string, string> {
  if (resource === undefined) return {};
  return { resource: { exact: `${base}/mcp`, slash: `${base}/mcp/`, origin: base }[resource] };
}

/** A token request with what the client proves itself by. */
async function tokenRequest(
  { base, sign }: ClientStage,
  { method }: ClientShape,
  { client_id, client_secret = '' }: Registered,
  form: Readonly<Record<string, string>>,
): Promise<Answer> {
  switch (method) {
    case 'none':
      return postToken(base, form);
    case 'client_secret_post':
      return postToken(base, { ...form, client_secret });
    case 'client_secret_basic': {
      const { client_id: _, ...rest } = form;
      const credentials = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
      return postToken(base, rest, { authorization: `Basic ${credentials}` });
    }
    case 'private_key_jwt':
      return postToken(base, {
        ...form,
        client_assertion: await sign(client_id),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      });
  }
}

async function refreshed(
  stage: ClientStage,
  shape: ClientShape,
  client: Registered,
  tokens: Tokens,
): Promise<Tokens> {
  const answer = await tokenRequest(stage, shape, client, {
    ...refreshForm(tokens.refresh_token, client),
    ...(shape.refreshScope && { scope: shape.scope ?? 'read write' }),
    ...resourceOf(stage, shape),
  });
  return tokensOf(answer);
}

type Refreshing = (
  stage: ClientStage,
  shape: ClientShape,
  client: Registered,
  tokens: Tokens,
) => Promise<void>;

const refreshing: Readonly<Record<ClientShape['habit'], Refreshing>> = {
  when_refused: async (stage, shape, client, tokens) => {
    stage.clock.advance(tokens.expires_in + 61);
    assert.equal((await callMcp(stage.base, tokens)).status, 401);
    await call(stage, await refreshed(stage, shape, client, tokens));
  },
  authorizes_again: async (stage, shape, client, tokens) => {
    stage.clock.advance(tokens.expires_in + 61);
    assert.equal((await callMcp(stage.base, tokens)).status, 401);
    await call(stage, await firstTokens(stage, shape, client));
  },
  before_the_end: async (stage, shape, client, tokens) => {
    stage.clock.advance(tokens.expires_in - 300);
    const next = await refreshed(stage, shape, client, tokens);
    await call(stage, next);
    await call(stage, tokens); // a call that was on its way
    assert.ok(next.expires_in > 300, 'it would be back at once');
  },
  many_at_once: async (stage, shape, client, tokens) => {
    stage.clock.advance(tokens.expires_in + 61);
    const windows = await Promise.all(
      Array.from({ length: 6 }, () => refreshed(stage, shape, client, tokens)),
    );
    for (const each of windows) await call(stage, each);
    assert.equal(stage.as.tokenRequests.refresh_token, 1);
  },
  generations_old: async (stage, shape, client, tokens) => {
    let newest = tokens;
    for (let generation = 0; generation < 4; generation += 1) {
      stage.clock.advance(300);
      newest = await refreshed(stage, shape, client, newest);
      await call(stage, newest);
    }
    await call(stage, await refreshed(stage, shape, client, tokens));
    await call(stage, await refreshed(stage, shape, client, newest));
  },
};

/** A call that has to reach the MCP server. */
async function call(stage: ClientStage, tokens: Tokens): Promise<void> {
  const answer = await callMcp(stage.base, tokens);
  assert.equal(answer.status, 200, answer.text);
}
