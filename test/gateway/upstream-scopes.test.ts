import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSdkMcpServer } from '../support/real/mcp-upstream.ts';
import { signingInUser, startChain } from './gateway-setup.ts';
import {
  authorizationUrl,
  exchangeForm,
  postToken,
  redirectUri,
  register,
  tokensOf,
} from './raw-client.ts';

for (const [what, scope] of [
  ['a scope that its MCP server asked for in the middle of its work', 'mcp files'],
  ['openid, which only the authorization server lists', 'openid mcp'],
] as const) {
  test(`the registration at a strict upstream is wide enough for ${what}`, async (t) => {
    const upstream = { scopes: ['mcp', 'files'] };
    const { as, gateway } = await startChain(t, startSdkMcpServer, {}, upstream);
    const client = await register(gateway.url);
    const asked = new URL(authorizationUrl(gateway.url, client, { scope }));

    const answer = await signingInUser(redirectUri)(asked);

    assert.equal(answer.get('error_description'), null);
    const code = answer.get('code') ?? '';
    tokensOf(await postToken(gateway.url, exchangeForm(code, client)));
    assert.ok(as.authorizationRequests[0]?.get('scope')?.startsWith(scope), 'it was asked for');
  });
}
