import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startHttpAuthorizationServer } from '../../src/adapters/testing/http-authorization-server.ts';
import { startHttpResourceServer } from '../../src/adapters/testing/http-resource-server.ts';
import { credentials } from '../gateway/gateway-setup.ts';
import {
  callMcp,
  logIn,
  postToken,
  type Registered,
  refreshForm,
  send,
  type Tokens,
  tokensOf,
} from '../gateway/raw-client.ts';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway-process.ts';
import { startRoundRobin } from '../support/round-robin.ts';

// node --import tsx test/soak/kill-gateway.ts [rounds]: kills the gateway with its store on disk at random moments under sign-ins, refreshes, calls
// and revocations, and looks after each restart whether every token that was given out works, and no token that was revoked does.

const rounds = Number(process.argv[2] ?? 50);
const workers = 4;
/** So many grants are looked at after each restart: the newest. */
const most = 60;

/** A login, and what its client knows of it. A revocation that nobody confirmed may have happened or not: `unknown`. */
interface Login {
  readonly client: Registered;
  tokens: Tokens;
  state: 'live' | 'revoked' | 'unknown';
  isBusy: boolean;
}

const folder = mkdtempSync(join(tmpdir(), 'mcp-oauth-gateway-soak-'));
// It takes its refresh tokens again: one that is rotated and then lost with the process is an end that nobody can prevent.
const as = await startHttpAuthorizationServer({
  traits: { autoApprove: true, refreshTokens: 'kept' },
});
const mcp = await startHttpResourceServer({ issuer: as.issuer, access: as.access });
// What clients see of the gateway stays the same over its restarts.
const front = await startRoundRobin();
const base = front.origin;
const logins: Login[] = [];
const done = { dance: 0, refresh: 0, call: 0, revoke: 0 };

function startGateway() {
  return startGatewayProcess(
    { MCP_GATEWAY_USERNAME: credentials.username, MCP_GATEWAY_PASSWORD: credentials.password },
    `--upstream-rs=${mcp.url}`,
    `--public-url=${base}`,
    `--store=${join(folder, 'store.mdb')}`,
    '--registrations-per-minute=100000',
    // What the killed one had claimed is free again after a few seconds.
    '--upstream-timeout=1',
  );
}

async function call({ tokens }: Login): Promise<number> {
  return (await callMcp(base, tokens)).status;
}

async function refresh(login: Login): Promise<number> {
  const answer = await postToken(base, refreshForm(login.tokens.refresh_token, login.client));
  if (answer.status === 200) login.tokens = tokensOf(answer);
  return answer.status;
}

async function revoke(login: Login): Promise<void> {
  login.state = 'unknown';
  const form = { token: login.tokens.refresh_token, client_id: login.client.client_id };
  const { status } = await send(`${base}/revoke`, { method: 'POST', body: form });
  if (status === 200) login.state = 'revoked';
}

/** Whether an answer is one of a gateway that is there; a login that is good is never refused. */
function isServed(status: number): boolean {
  assert.ok([200, 502, 503].includes(status), `refused with ${status}`);
  return status < 500;
}

async function dance(): Promise<void> {
  const { client, tokens } = await logIn(base);
  logins.push({ client, tokens, state: 'live', isBusy: false });
  done.dance += 1;
}

async function use(login: Login): Promise<void> {
  const drawn = Math.random();
  if (drawn < 0.05) {
    await revoke(login);
    done.revoke += 1;
  } else if (drawn < 0.6) {
    if (isServed(await refresh(login))) done.refresh += 1;
  } else if (isServed(await call(login))) {
    done.call += 1;
  }
}

/** Does one thing after the other until the gateway is killed. */
async function work(isKilled: () => boolean, told: () => void): Promise<void> {
  while (!isKilled()) {
    const idle = logins.filter(({ state, isBusy }) => state === 'live' && !isBusy);
    const login = idle[Math.floor(Math.random() * idle.length)];
    if (login === undefined || Math.random() < 0.15) {
      // A dance that is cut off leaves nothing that anybody was told.
      await dance().catch((error: unknown) => assert.ok(isKilled(), String(error)));
    } else {
      login.isBusy = true;
      await use(login);
      login.isBusy = false;
    }
    told();
  }
}

/** The status, once it is no longer "come back": a claim of the killed gateway runs out by itself. */
async function settled(ask: () => Promise<number>): Promise<number> {
  for (;;) {
    const status = await ask();
    if (status !== 503) return status;
    await wait(200);
  }
}

async function assertKept(): Promise<void> {
  for (const login of logins) {
    if (login.state === 'unknown') continue;
    const [ofCall, ofRefresh] = login.state === 'live' ? [200, 200] : [401, 400];
    assert.equal(await settled(() => call(login)), ofCall, `a call, ${login.state}`);
    assert.equal(await settled(() => refresh(login)), ofRefresh, `a refresh, ${login.state}`);
  }
}

/** Kills it when so many things have been done, in the middle of the next. */
async function killedUnderLoad(gateway: GatewayProcess, deeds: number): Promise<void> {
  let left = deeds;
  let killed: Promise<void> | undefined;
  const told = () => {
    left -= 1;
    if (left <= 0) killed ??= gateway.kill();
  };
  await Promise.all(Array.from({ length: workers }, () => work(() => killed !== undefined, told)));
  await killed;
}

try {
  let gateway = await startGateway();
  for (let round = 1; round <= rounds; round += 1) {
    front.backends.splice(0, 1, gateway.origin);
    await killedUnderLoad(gateway, 1 + Math.floor(Math.random() * 60));

    gateway = await startGateway();
    front.backends.splice(0, 1, gateway.origin);
    logins.splice(0, Math.max(0, logins.length - most));
    await assertKept();
    const live = logins.filter(({ state }) => state === 'live').length;
    const revoked = logins.filter(({ state }) => state === 'revoked').length;
    console.log(`${round}/${rounds}: ${live} live, ${revoked} revoked, as they should be`);
  }
  await gateway.stop();
  console.log(JSON.stringify(done));
} finally {
  await Promise.all([front.close(), mcp.close(), as.close()]);
  rmSync(folder, { recursive: true });
}
