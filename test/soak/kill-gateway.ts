import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHttpAuthorizationServer } from '../../src/adapters/testing/http-authorization-server.ts';
import { startHttpResourceServer } from '../../src/adapters/testing/http-resource-server.ts';
import { startCommandLine } from '../support/command-line.ts';
import { HonestClient, LockedOut } from '../support/honest-client.ts';
import { freePort } from '../support/redis-server.ts';

// node --import tsx test/soak/kill-gateway.ts [rounds]: kills the gateway with its store on disk at random moments under a mixed load of logins,
// refreshes, calls and revocations. After each restart every acknowledged token works, and every revoked one does not.

const rounds = Number(process.argv[2] ?? 50);
const lanes = 6;
/** Clients that are checked after a kill, per lane: the newest. */
const remembered = 6;

const folder = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-kill-'));
// An upstream that drops the old token with its answer could lock out whoever's gateway dies between that answer and its commit.
const as = await startHttpAuthorizationServer({
  traits: { autoApprove: true, refreshTokens: 'kept' },
});
const mcp = await startHttpResourceServer({ issuer: as.issuer, access: as.access });
const port = await freePort();
const base = `http://127.0.0.1:${port}`;

/** One after the other, so that each knows what was acknowledged to it; the lanes run side by side. */
interface Lane {
  clients: readonly HonestClient[];
}

const counts = { logins: 0, refreshes: 0, calls: 0, revocations: 0, lost: 0 };

/** One random step; whether it was acknowledged. */
async function step(lane: Lane): Promise<boolean> {
  const living = lane.clients.filter(({ isRevoked }) => !isRevoked);
  const client = living[Math.floor(Math.random() * living.length)];
  const dice = Math.random();
  if (client === undefined || dice < 0.15) return logIn(lane);
  if (dice < 0.6) return counted('refreshes', await client.refresh());
  if (dice < 0.92) return counted('calls', await client.call());
  const isDone = counted('revocations', await client.revoke());
  // Nobody knows whether a revocation whose answer was lost took place.
  if (!isDone) lane.clients = lane.clients.filter((each) => each !== client);
  return isDone;
}

async function logIn(lane: Lane): Promise<boolean> {
  const client = await HonestClient.logIn(base).catch(() => undefined);
  if (client !== undefined) lane.clients = [...lane.clients, client].slice(-remembered);
  return counted('logins', client !== undefined);
}

function counted(what: keyof typeof counts, isDone: boolean): boolean {
  counts[isDone ? what : 'lost'] += 1;
  return isDone;
}

const all: readonly Lane[] = Array.from({ length: lanes }, () => ({ clients: [] }));
let gateway = start();
const began = performance.now();
try {
  for (let round = 1; round <= rounds; round += 1) {
    await gateway.base();
    await Promise.all(all.map(({ clients }) => Promise.all(clients.map((each) => each.check()))));
    await loadAndKill();
    gateway = start();
    const total = all.reduce((sum, { clients }) => sum + clients.length, 0);
    console.log(`${round}/${rounds}: ${total} clients to check; so far ${JSON.stringify(counts)}`);
  }
  await gateway.base();
  await Promise.all(all.map(({ clients }) => Promise.all(clients.map((each) => each.check()))));
  console.log(
    `Nobody was locked out, and nothing revoked works (${Math.round((performance.now() - began) / 1000)} s).`,
  );
} catch (error) {
  process.exitCode = 1;
  console.error(error instanceof LockedOut ? error.message : error);
  console.error(gateway.printed.err);
} finally {
  gateway.child.kill('SIGKILL');
  await gateway.ended;
  await Promise.all([as.close(), mcp.close()]);
  rmSync(folder, { recursive: true, force: true });
}

function start() {
  return startCommandLine(folder, [
    `--upstream-rs=${mcp.url}`,
    `--port=${port}`,
    `--store=${join(folder, 'store.mdb')}`,
    '--upstream-timeout=2',
    '--registrations-per-minute=10000',
  ]);
}

/** Kills after a random number of acknowledgements, and a little later than the last of them: in the middle of others. */
async function loadAndKill(): Promise<void> {
  let left = 1 + Math.floor(Math.random() * 80);
  let isKilled = false;
  const kill = () => {
    isKilled = true;
    gateway.child.kill('SIGKILL');
  };
  const acknowledged = () => {
    left -= 1;
    if (left === 0) setTimeout(kill, Math.random() * 30);
  };
  await Promise.all(
    all.map(async (lane) => {
      while (!isKilled) {
        if (await step(lane)) acknowledged();
      }
    }),
  );
  await gateway.ended;
}
