import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startHttpAuthorizationServer } from '../../src/adapters/testing/http-authorization-server.ts';
import { startHttpResourceServer } from '../../src/adapters/testing/http-resource-server.ts';
import { createGateway } from '../../src/main.ts';
import { freePort } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { credentials } from './gateway-setup.ts';
import { logIn, postToken, refreshForm, send, tokensOf } from './raw-client.ts';

type LoggedIn = Awaited<ReturnType<typeof logIn>>;

const folder = temporaryFolder();
let files = 0;

/** An upstream, and gateways before it that follow one another: same port, same store on disk, the key file as it is then. */
async function startHouse(t: TestContext) {
  const as = await startHttpAuthorizationServer({ traits: { autoApprove: true } });
  t.after(as.close);
  const mcp = await startHttpResourceServer({ issuer: as.issuer, access: as.access });
  t.after(mcp.close);
  const port = await freePort();
  files += 1;
  const keyFile = join(folder, `${files}.key`);
  const store = join(folder, `${files}.mdb`);
  const start = async () => {
    const options = { ...credentials, port, upstreamRs: mcp.url, store, keyFile };
    const gateway = createGateway(options);
    await gateway.listen();
    return gateway;
  };
  return { as, keyFile, start, base: `http://localhost:${port}` };
}

function writeKeys(path: string, ...keys: readonly string[]): void {
  writeFileSync(path, `${keys.join('\n')}\n`, { mode: 0o600 });
}

const newKey = () => randomBytes(32).toString('base64url');

/** What a call and a refresh are answered, and the tokens to go on with. */
async function visit(base: string, { client, tokens }: LoggedIn) {
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  const call = await send(`${base}/mcp`, { method: 'POST', headers });
  const refresh = await postToken(base, refreshForm(tokens.refresh_token, client));
  return { call: call.status, refresh };
}

test('a new gateway key is put before the old one, and taken alone once everybody came, and nobody notices', async (t) => {
  const { as, keyFile, start, base } = await startHouse(t);
  const [old, next] = [newKey(), newKey()];
  writeKeys(keyFile, old);
  const first = await start();
  const login = await logIn(base);
  const idle = await logIn(base);
  await first.close();

  writeKeys(keyFile, next, old);
  const second = await start();
  const under = await visit(base, login);
  await second.close();
  writeKeys(keyFile, next);
  const third = await start();
  const after = await visit(base, { ...login, tokens: tokensOf(under.refresh) });
  const late = await visit(base, idle);
  await third.close();

  // 400: the MCP server was reached, and found no message.
  assert.deepEqual([under.call, after.call, after.refresh.status], [400, 400, 200]);
  assert.equal(as.registrations, 1);
  // Whoever did not come while both keys were read authorizes again.
  assert.equal(late.refresh.json().error, 'invalid_grant');
});

test('a store that was written with another key is not started with', async (t) => {
  const { keyFile, start } = await startHouse(t);
  writeKeys(keyFile, newKey());
  await (await start()).close();

  writeKeys(keyFile, newKey());

  await assert.rejects(start(), /was written with another gateway key/);
});
