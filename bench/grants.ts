import { randomBytes } from 'node:crypto';
import { memoryStore } from '../src/adapters/store/memory.ts';
import { systemClock } from '../src/adapters/system/system-clock.ts';
import { systemRandom } from '../src/adapters/system/system-random.ts';
import { authorizeMcpCall } from '../src/application/authorize-mcp-call.ts';
import { beginAuthorization } from '../src/application/begin-authorization.ts';
import { flowCrowd } from '../src/application/flow-crowd.ts';
import { registerClientUseCase } from '../src/application/register-client.ts';
import { newFlowId } from '../src/domain/flow-secrets.ts';
import { type Allowed, issueGrant, withUsedCode } from '../src/domain/grant-code.ts';
import { dataKey, type GatewayKeys } from '../src/domain/grant-keys.ts';
import { moveGeneration, newestPair } from '../src/domain/grant-rotation.ts';
import { type EpochSeconds, seconds } from '../src/domain/lifetime.ts';
import { success } from '../src/domain/result.ts';
import { sealingKey } from '../src/domain/sealing.ts';
import { grantOfFlow, tokenSecret, type UpstreamToken } from '../src/domain/token-pair.ts';

// What a live grant, an abandoned flow and a registration take in the memory store, and what looking a grant up costs among few and among many. Run by
// itself, with --expose-gc.

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
  const grant = moveGeneration(
    { grant: withUsedCode(issued, now), key },
    tokens,
    keys,
    policy,
    now,
  );
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

type BenchStore = ReturnType<typeof memoryStore>;

/** Bytes that each takes of so many that are made, with all that the gateway keeps beside the record. */
async function memoryPer(
  count: number,
  maker: (store: BenchStore) => (index: number) => Promise<unknown>,
): Promise<number> {
  const store = memoryStore(systemClock);
  const make = maker(store);
  await make(-1);
  const before = heap();
  for (let index = 0; index < count; index += 1) await make(index);
  const taken = heap() - before;
  await make(count); // whatever it keeps is still in use
  await store.close();
  return Math.round(taken / count);
}

/** With its code, which is remembered for an hour after its use, and as it is for the rest of its life. */
const freshGrants = (store: BenchStore) => () => {
  const { grant } = liveGrant();
  return store.grants.write(grant.id, grant, undefined, end);
};
const grants = (store: BenchStore) => () => {
  const grant = { ...liveGrant().grant, code: undefined };
  return store.grants.write(grant.id, grant, undefined, end);
};

const redirectUris = ['http://127.0.0.1:33418/callback'];
const unread = { emit: () => {} };
const metadata = {
  redirectUris,
  tokenEndpointAuthMethod: 'none',
  grantTypes: ['authorization_code', 'refresh_token'],
  responseTypes: ['code'],
  clientName: 'A client',
  keys: undefined,
};

function registrations(store: BenchStore) {
  const ports = { clock: systemClock, random: systemRandom, store, events: unread };
  const settings = { open: true, perMinute: 1_000_000 };
  const register = registerClientUseCase(ports, settings, () => undefined);
  return () => register({ ...metadata, clientName: randomBytes(10).toString('hex') });
}

/** As a usual client asks. */
const request = () => ({
  responseType: 'code',
  redirectUri: redirectUris[0],
  state: randomBytes(16).toString('base64url'),
  scope: 'mcp',
  resource: undefined,
  codeChallenge: randomBytes(32).toString('base64url'),
  codeChallengeMethod: 'S256',
  prompt: undefined,
  repeated: [],
});

/** Logins that somebody begins and leaves, each address some of them. */
function flows(store: BenchStore) {
  const ports = { clock: systemClock, random: systemRandom, store, events: unread };
  const note = flowCrowd(ports, { perSender: 500, total: 1_000_000 });
  const find = async (id: string) => success(await store.clients.read(id));
  const begin = beginAuthorization(ports, find, seconds(900), note);
  const register = registrations(store);
  let client: string | undefined;
  return async (index: number) => {
    const registered = client === undefined ? await register() : undefined;
    if (registered?.ok) client = registered.value.client.id;
    const address = `192.0.2.${index % 100}`;
    const begun = await begin(
      client,
      request(),
      ['http://localhost:8002', 'http://localhost:8002'],
      address,
    );
    if (!begun.ok) throw new Error('No flow was begun.');
  };
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

const perGrant = await memoryPer(20_000, grants);
const perFreshGrant = await memoryPer(20_000, freshGrants);
const perFlow = await memoryPer(5000, flows);
const perRegistration = await memoryPer(10_000, registrations);
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
      'memory per live grant (bytes)': perGrant,
      'memory per live grant in its first hour (bytes)': perFreshGrant,
      'memory per abandoned flow (bytes)': perFlow,
      'memory per registration (bytes)': perRegistration,
      'look-up among 1,000 (µs)': Number(amongFew.toFixed(2)),
      'look-up among 1,000,000 (µs)': Number(amongMany.toFixed(2)),
      ratio: Number((amongMany / amongFew).toFixed(2)),
    },
  ]),
);
