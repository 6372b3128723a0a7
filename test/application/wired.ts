import assert from 'node:assert/strict';
import { memoryStore } from '../../src/adapters/store/memory.ts';
import {
  type AuthorizationServerTraits,
  countingRandom,
  type FakeAuthorizationServer,
  type FakeClientDocuments,
  type FakeResourceServer,
  fakeAssertions,
  fakeAuthorizationServer,
  fakeClientDocuments,
  fakeResourceServer,
  fakeSignIn,
  type RecordedEvents,
  recordedEvents,
  type StandingClock,
  standingClock,
} from '../../src/adapters/testing/testing.ts';
import type { ClientSources } from '../../src/application/find-client.ts';
import type { FlowLimits } from '../../src/application/flow-crowd.ts';
import type { Ports, Random } from '../../src/application/ports.ts';
import type { RegistrationSettings } from '../../src/application/register-client.ts';
import type { UpstreamSettings } from '../../src/application/upstream-settings.ts';
import { type UseCases, useCases } from '../../src/application/use-cases.ts';
import type { TokenPolicy } from '../../src/domain/grant.ts';
import type { GatewayKeys } from '../../src/domain/grant-keys.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import type { Result } from '../../src/domain/result.ts';
import { sealingKey } from '../../src/domain/sealing.ts';
import { type ContestedStore, contestedStore } from './contested-store.ts';

export const base = 'http://localhost:8002';
export const callback = `${base}/upstream/callback`;
export const upstreamMcp = 'https://mcp.upstream.example/mcp';

export const policy: TokenPolicy = {
  accessTtl: seconds(3600),
  refreshTtl: seconds(30 * 86_400),
  grantTtl: seconds(0),
  codeTtl: seconds(60),
  refreshGrace: seconds(600),
  clockSkew: seconds(60),
  format: 'pair',
};

/** The operator named client and secret; the server is discovered. */
export const settings: UpstreamSettings = {
  resource: upstreamMcp,
  issuer: undefined,
  authorizationEndpoint: undefined,
  tokenEndpoint: undefined,
  clientId: 'gateway',
  clientSecret: 'gateway-secret',
  scope: undefined,
  auth: 'oauth',
  authMethod: undefined,
  publicKey: undefined,
  registration: 'auto',
  clientName: 'Gateway',
  resourceParameter: 'auto',
  authorizeParameters: {},
  tokenParameters: {},
  revocation: 'auto',
  plainHttp: false,
  limits: { call: seconds(10), discovery: seconds(20) },
};

/** The world outside one or several gateways. */
export interface World {
  readonly clock: StandingClock;
  readonly random: Random;
  readonly events: RecordedEvents;
  readonly store: ContestedStore;
  readonly upstream: FakeAuthorizationServer;
  readonly mcp: FakeResourceServer;
  readonly sites: FakeClientDocuments;
  readonly ports: Ports;
}

export interface WorldOptions {
  readonly traits?: Partial<AuthorizationServerTraits>;
  readonly limits?: Parameters<typeof memoryStore>[1];
}

export function world({ traits = {}, limits = {} }: WorldOptions = {}): World {
  const clock = standingClock(undefined, { flowing: true });
  const random = countingRandom();
  const events = recordedEvents();
  const store = contestedStore(memoryStore(clock, limits));
  const upstream = fakeAuthorizationServer({
    clock,
    random,
    traits,
    resource: upstreamMcp,
    clients: [
      { clientId: 'gateway', clientSecret: 'gateway-secret', redirectUris: [callback] },
      { clientId: 'public-gateway', clientSecret: undefined, redirectUris: [callback] },
    ],
  });
  const mcp = fakeResourceServer({ access: upstream.access, clock, random });
  const sites = fakeClientDocuments();
  const ports: Ports = {
    clock,
    random,
    store,
    signIn: fakeSignIn({ alice: 'wonderland', bob: 'builder' }),
    clientDocuments: sites,
    assertions: fakeAssertions,
    authorizationServer: upstream,
    resourceServer: mcp,
    events,
  };
  return { clock, random, events, store, upstream, mcp, sites, ports };
}

export function gatewayKeys(name = 'gateway key', ...previous: string[]): GatewayKeys {
  const key = (text: string) => sealingKey(countingRandom(text).bytes(32));
  return { current: key(name), previous: previous.map(key) };
}

export interface WiredOptions {
  readonly policy?: Partial<TokenPolicy>;
  readonly settings?: Partial<UpstreamSettings>;
  readonly keys?: GatewayKeys;
  readonly clients?: Partial<ClientSources>;
  readonly registration?: Partial<RegistrationSettings>;
  readonly flows?: Partial<FlowLimits>;
  /** Where clients reach it. */
  readonly base?: string;
  readonly publicUrl?: string | undefined;
  readonly sessionTtl?: number;
  readonly ports?: Partial<Ports>;
}

/** The use cases of one gateway process. */
export function wired(outside: World, options: WiredOptions = {}): UseCases {
  return useCases(
    { ...outside.ports, ...options.ports },
    {
      policy: { ...policy, ...options.policy },
      flowTtl: seconds(900),
      flows: { perSender: 500, total: 5000, ...options.flows },
      sessionTtl: seconds(options.sessionTtl ?? 0),
      upstream: { ...settings, ...options.settings },
      clients: {
        configured: new Map(),
        documents: { insecure: false, domains: undefined },
        ...options.clients,
      },
      registration: { open: true, perMinute: 120, ...options.registration },
      resource: () => `${options.base ?? base}/mcp`,
      callbackUrl: () => callback,
      publicUrl: options.publicUrl,
      keys: options.keys ?? gatewayKeys(),
    },
  );
}

/** The value of a rule that was satisfied. */
export function valueIn<Value, Failure>(result: Result<Value, Failure>): Value {
  assert.ok(result.ok, `not satisfied: ${JSON.stringify(result)}`);
  return result.value;
}

/** The failure of a rule that was not satisfied. */
export function failureIn<Value, Failure>(result: Result<Value, Failure>): Failure {
  assert.ok(!result.ok, 'satisfied');
  return result.failure;
}
