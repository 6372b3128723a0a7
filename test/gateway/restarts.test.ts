import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startHttpAuthorizationServer } from '../../src/adapters/testing/http-authorization-server.ts';
import { startHttpResourceServer } from '../../src/adapters/testing/http-resource-server.ts';
import { recordedEvents } from '../../src/adapters/testing/recorded-events.ts';
import { createGateway } from '../../src/main.ts';
import { eventually } from '../support/eventually.ts';
import { HonestClient } from '../support/honest-client.ts';
import { freePort } from '../support/redis-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { credentials } from './gateway-setup.ts';

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
  const events = recordedEvents();
  const start = async () => {
    const options = { ...credentials, port, upstreamRs: mcp.url, store, keyFile };
    const gateway = createGateway(options, { events });
    await gateway.listen();
    return gateway;
  };
  return { as, keyFile, events, start, base: `http://localhost:${port}` };
}

function writeKeys(path: string, ...keys: readonly string[]): void {
  writeFileSync(path, `${keys.join('\n')}\n`, { mode: 0o600 });
}

const newKey = () => randomBytes(32).toString('base64url');

test('what is to be revoked at the upstream is revoked after a restart, where the upstream was away before', async (t) => {
  const { as, events, start, base } = await startHouse(t);
  const first = await start();
  const client = await HonestClient.logIn(base);
  as.misbehave({ type: 'status', status: 503 }, '/revoke');
  assert.ok(await client.revoke(), 'the client need not wait for the upstream');
  await eventually(
    async () => events.of('upstream_failed').length,
    (tries) => tries > 0,
  );
  await first.close();
  assert.deepEqual(as.revocations, []);

  as.behave();
  const second = await start();
  await eventually(
    async () => events.of('upstream_revoked').length,
    (times) => times > 0,
  );

  assert.equal(as.revocations.length, 2);
  assert.equal(as.registrations, 1);
  await client.check();
  await second.close();
});

test('a new gateway key is put before the old one, and nobody notices', async (t) => {
  const { as, keyFile, start, base } = await startHouse(t);
  const [old, next] = [newKey(), newKey()];
  writeKeys(keyFile, old);
  const first = await start();
  const client = await HonestClient.logIn(base);
  const idle = await HonestClient.logIn(base);
  await first.close();

  writeKeys(keyFile, next, old);
  const second = await start();
  await client.check();
  await second.close();
  writeKeys(keyFile, next);
  const third = await start();

  assert.ok(await client.refresh(), 'it was refreshed under the new key');
  assert.ok(await client.call(), 'it is served');
  // Whoever did not come while both were read has to authorize again.
  await assert.rejects(idle.refresh(), /invalid_grant/);
  assert.ok(await HonestClient.logIn(base), 'it can');
  assert.ok(as.registrations <= 2, `${as.registrations} registrations`);
  await third.close();
});

test('a store that was written with another key is not started with', async (t) => {
  const { keyFile, start } = await startHouse(t);
  writeKeys(keyFile, newKey());
  await (await start()).close();

  writeKeys(keyFile, newKey());

  await assert.rejects(start(), /was written with another gateway key/);
});
