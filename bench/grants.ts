import { randomBytes } from 'node:crypto';
import { memoryStore } from '../src/adapters/store/memory.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { authorizeMcpCall } from '../src/application/authorize-mcp-call.ts';
import { newFlowId } from '../src/domain/flow-secrets.ts';
import { type Allowed, issueGrant } from '../src/domain/grant-code.ts';
import { dataKey, type GatewayKeys } from '../src/domain/grant-keys.ts';
import { moveGeneration, newestPair } from '../src/domain/grant-rotation.ts';
import { type EpochSeconds, seconds } from '../src/domain/lifetime.ts';
import { sealingKey } from '../src/domain/sealing.ts';
import { grantOfFlow, tokenSecret, type UpstreamToken } from '../src/domain/token-pair.ts';

// What a live grant takes in the memory store, and what looking one up costs among few and among many. Run by itself, with --expose-gc.

const keys: GatewayKeys = { current: sealingKey(randomBytes(32)), previous: [] };
const policy = {
  accessTtl: seconds(3600),
  refreshTtl: seconds(30 * 86_400),
  grantTtl: seconds(0),
  codeTtl: seconds(60),
  refreshGrace: seconds(600),
  clockSkew: seconds(60),
  format: 'pair',
} as const;
const now = systemClock.now();
const end = (now + 3600) as EpochSeconds;

/** A grant as it is after its code was exchanged, and the access token of its first pair. */
function liveGrant() {
  const token = (name: string) =>
    `${name}-${randomBytes(24).toString('base64url')}` as UpstreamToken;
  const tokens = {
    access: token('access'),
    refresh: token('refresh'),
    expiresAt: end,
    scope: undefined,
    binding: undefined,
  };
  const allowed = {
    id: grantOfFlow(newFlowId(randomBytes(16))),
    clientId: randomBytes(16).toString('base64url'),
    subject: 'user',
    resource: 'http://localhost:8002/mcp',
    redirectUri: 'http://127.0.0.1:33418/callback',
    challenge: randomBytes(32).toString('base64url'),
  } as Allowed;
  const key = dataKey(randomBytes(32));
  const secrets = { key, code: tokenSecret(randomBytes(32)), nonce: randomBytes(12) };
  const issued = issueGrant(allowed, tokens, secrets, keys, policy, now);
  const code = issued.code && { ...issued.code, usedAt: now };
  const grant = moveGeneration({ grant: { ...issued, code }, key }, tokens, keys, policy, now);
  const presented = { ...grant, presented: 1 };
  return { grant: presented, token: newestPair({ grant, key }, tokens, policy, now).accessToken };
}

function heap(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function authorizeFrom(store: ReturnType<typeof memoryStore>) {
  return authorizeMcpCall({
    ports: { clock: systemClock, store, events: { emit: () => {} } },
    renew: () => Promise.reject(new Error('Nothing is spent here.')),
    upstream: { doubt: () => {} },
    keys,
    policy,
    resource: () => 'http://localhost:8002/mcp',
  });
}

async function memoryPerGrant(count: number): Promise<number> {
  const store = memoryStore(systemClock);
  const before = heap();
  for (let index = 0; index < count; index += 1) {
    const { grant } = liveGrant();
    await store.grants.write(grant.id, grant, undefined, end);
  }
  const taken = heap() - before;
  await store.close();
  return taken / count;
}

type Authorize = ReturnType<typeof authorizeFrom>;

/** Microseconds of CPU for one look-up, in the best of some rounds over all tokens. */
async function lookUp({ authorize }: Authorize, tokens: readonly string[]): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 200; round += 1) {
    const start = process.cpuUsage();
    for (let time = 0; time < 5; time += 1) {
      for (const token of tokens) {
        const { type } = await authorize(token);
        if (type !== 'authorized') throw new Error(type);
      }
    }
    const { user, system } = process.cpuUsage(start);
    fastest = Math.min(fastest, (user + system) / 5 / tokens.length);
  }
  return fastest;
}

const perGrant = await memoryPerGrant(20_000);
const [few, many] = [1000, 1_000_000];
const store = memoryStore(systemClock);
const tokens: string[] = [];
for (let index = 0; index < few; index += 1) {
  const { grant, token } = liveGrant();
  tokens.push(token);
  await store.grants.write(grant.id, grant, undefined, end);
}
const access = authorizeFrom(store);
const amongFew = await lookUp(access, tokens);
const { grant: sample } = liveGrant();
for (let index = few; index < many; index += 1) {
  const id = grantOfFlow(newFlowId(randomBytes(16)));
  await store.grants.write(id, { ...sample, id }, undefined, end);
}
const amongMany = await lookUp(access, tokens);
process.stdout.write(
  JSON.stringify([
    {
      'memory per live grant (bytes)': Math.round(perGrant),
      'look-up among 1,000 (µs)': Number(amongFew.toFixed(2)),
      'look-up among 1,000,000 (µs)': Number(amongMany.toFixed(2)),
      ratio: Number((amongMany / amongFew).toFixed(2)),
    },
  ]),
);
