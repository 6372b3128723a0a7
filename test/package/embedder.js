// An embedder's own test, as it would stand in its own repository: a sign-in and a gateway of its own against the fake upstream.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError, createGateway } from 'mcp-oauth-gateway';
import {
  signInContract,
  standingClock,
  startHttpAuthorizationServer,
  startHttpResourceServer,
} from 'mcp-oauth-gateway/testing';

const directory = new Map([['ada', 'lovelace']]);
const ownSignIn = {
  verify: async (username, password) =>
    directory.get(username) === password ? username : undefined,
};

signInContract('a directory of our own', () => ({
  signIn: ownSignIn,
  username: 'ada',
  password: 'lovelace',
}));

test('the gateway runs in front of the fake upstream, with a clock that stands still', async () => {
  const authorizationServer = await startHttpAuthorizationServer();
  const upstream = await startHttpResourceServer({
    issuer: authorizationServer.issuer,
    access: (token) => authorizationServer.access(token),
  });
  const ports = { signIn: ownSignIn, clock: standingClock(1_800_000_000) };
  const gateway = createGateway({ port: 0, upstreamRs: upstream.url }, ports);
  await gateway.listen();

  const answer = await fetch(`${gateway.url}/mcp`, { method: 'POST' });

  assert.equal(answer.status, 401);
  assert.match(answer.headers.get('www-authenticate'), /resource_metadata=/);
  await gateway.close();
  await upstream.close();
  await authorizationServer.close();
});

test('a bad configuration is one typed error', () => {
  assert.throws(() => createGateway({ upstreamRs: 'no url' }), ConfigurationError);
});
