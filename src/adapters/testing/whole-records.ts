import type { RecordKind, RecordOf, UpstreamRegistration } from '../../application/ports.ts';
import type { Flow, UpstreamAsk } from '../../domain/authorization-flow.ts';
import type { ClientRequest } from '../../domain/authorization-request.ts';
import type { KeySource } from '../../domain/client-keys.ts';
import {
  type Client,
  type ClientOrigin,
  clientId,
  type TokenEndpointAuthMethod,
} from '../../domain/client-registration.ts';
import { newFlowId } from '../../domain/flow-secrets.ts';
import {
  type EndedGrant,
  type EndReason,
  type Grant,
  type LiveGrant,
  subject,
} from '../../domain/grant.ts';
import { epochSeconds } from '../../domain/lifetime.ts';
import { codeChallengeOf } from '../../domain/pkce.ts';
import { type RedirectUri, redirectUri } from '../../domain/redirect-uri.ts';
import { seal, sealingKey } from '../../domain/sealing.ts';
import { sha256 } from '../../domain/secret-hash.ts';
import { grantOfFlow } from '../../domain/token-pair.ts';
import { type UpstreamAuthMethod, upstreamAuthMethods } from '../../domain/upstream-client.ts';
import { countingRandom } from './counting-random.ts';

/** A value with every member that its type has, down to the last: a fixture of this type does not compile while one is forgotten. */
export type Whole<Type> = Type extends string | number | boolean
  ? Type
  : Type extends readonly (infer Item)[]
    ? readonly [Whole<Item>, ...Whole<Item>[]]
    : { readonly [Member in keyof Type]-?: Whole<NonNullable<Type[Member]>> };

/** Records of each kind: in every form, with every word that a member can be, and with every member there. */
export type WholeRecords = {
  readonly [Kind in RecordKind]: readonly RecordOf<Kind>[];
};

/** Another name, other records. */
export function wholeRecords(name: string): WholeRecords {
  return {
    flows: Object.values(flows(name)),
    clients: clients(name),
    grants: grants(name),
    registrations: upstreamAuthMethods.map((method) => registration(name, method)),
    assertions: [{ purpose: sha256(name) } satisfies Whole<WholeRecords['assertions'][number]>],
    stepUps: [
      {
        demanded: [name, odd],
        grant: grantOfFlow(newFlowId(countingRandom(name).bytes(16))),
        until: now,
      } satisfies Whole<WholeRecords['stepUps'][number]>,
    ],
  };
}

const now = epochSeconds(1_767_225_600);
const odd = 'a "name"\\with\u0000\neverything <ü> € 😀';

function uri(): RedirectUri {
  const checked = redirectUri('http://127.0.0.1:9999/callback?own=1');
  if (!checked.ok) throw new Error(checked.failure);
  return checked.value;
}

function flows(name: string): { [Stage in Flow['stage']]: Whole<Extract<Flow, { stage: Stage }>> } {
  const base = {
    id: newFlowId(countingRandom(name).bytes(16)),
    request: request(name),
    expiresAt: now,
  };
  const owned = { ...base, browser: sha256(name), subject: subject(odd) };
  const ask: Whole<UpstreamAsk> = {
    binding: { server: 'https://as.example', clientId: odd, resource: odd, scope: odd },
    again: true,
  };
  return {
    started: { ...base, stage: 'started' },
    sign_in: { ...base, browser: sha256(name), stage: 'sign_in' },
    consent: { ...owned, stage: 'consent' },
    upstream: { ...owned, stage: 'upstream', ask },
    returned: { ...owned, stage: 'returned', ask },
    finished: { ...base, stage: 'finished' },
  };
}

function request(name: string): Whole<ClientRequest> {
  return {
    redirectUri: uri(),
    state: odd,
    issuer: 'http://localhost:8002',
    clientId: clientId(name),
    clientName: odd,
    clientOrigin: 'document',
    challenge: codeChallengeOf('v'.repeat(43)),
    scope: odd,
    resource: 'http://localhost:8002/mcp',
    freshSignIn: true,
  };
}

function clients(name: string): readonly Client[] {
  const client: Whole<Client> = {
    id: clientId(name),
    name: odd,
    origin: 'registered',
    redirectUris: [uri(), uri()],
    method: 'private_key_jwt',
    secretHash: sha256(name),
    keys: { source: keySources.inline, required: true },
    registeredAt: now,
    usedAt: now,
  };
  return [
    client,
    { ...client, keys: { source: keySources.url, required: false } },
    ...words(origins).map((origin) => ({ ...client, origin })),
    ...words(methods).map((method) => ({ ...client, method })),
  ];
}

const keySources: { [Type in KeySource['type']]: Whole<Extract<KeySource, { type: Type }>> } = {
  inline: { type: 'inline', keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AA' }, { kty: 'RSA' }] },
  url: { type: 'url', url: 'https://client.example/jwks' },
};

function grants(name: string): readonly Grant[] {
  const live = liveGrant(name);
  const { id, clientId: client, subject: who } = live;
  const whole: Whole<EndedGrant> = {
    state: 'ended',
    id,
    clientId: client,
    subject: who,
    endedAt: now,
    reason: 'revoked',
    revocation: live.upstream.sealed,
  };
  return [live, whole, ...words(reasons).map((reason) => ({ ...whole, reason }))];
}

function liveGrant(name: string): Whole<LiveGrant> {
  const random = countingRandom(name);
  const wrap = seal(sealingKey(random.bytes(32)), random.bytes(12), name, name);
  const hash = sha256(name);
  const entry = { hash, wrap, generation: 2, expiresAt: now };
  return {
    state: 'live',
    id: grantOfFlow(newFlowId(random.bytes(16))),
    clientId: clientId(name),
    subject: subject(odd),
    resource: 'http://localhost:8002/mcp',
    scope: odd,
    issuedAt: now,
    generation: 2,
    presented: 1,
    code: {
      hash,
      wrap,
      terms: { redirectUri: uri(), challenge: request(name).challenge, expiresAt: now },
      usedAt: now,
    },
    access: [entry, { ...entry, generation: 1 }],
    refresh: [{ ...entry, accessEndsAt: now }],
    upstream: {
      version: 3,
      sealed: wrap,
      accessHash: hash,
      issuedAt: now,
      expiresAt: now,
      renewable: true,
      refused: true,
      refusedAt: now,
      hopeless: true,
    },
    halves: [{ version: 3, access: hash, refresh: hash }],
    claim: { owner: odd, until: now },
  };
}

function registration(name: string, method: UpstreamAuthMethod): Whole<UpstreamRegistration> {
  const random = countingRandom(name);
  return {
    server: 'https://as.upstream.example',
    clientId: odd,
    clientSecret: seal(sealingKey(random.bytes(32)), random.bytes(12), name, name),
    secretExpiresAt: now,
    method,
  };
}

// As records, so that a word that a union gains does not compile until it is here.
const origins: Readonly<Record<ClientOrigin, true>> = {
  registered: true,
  document: true,
  configured: true,
};
const methods: Readonly<Record<TokenEndpointAuthMethod, true>> = {
  none: true,
  client_secret_basic: true,
  client_secret_post: true,
  private_key_jwt: true,
};
const reasons: Readonly<Record<EndReason, true>> = {
  code_replayed: true,
  refresh_replayed: true,
  revoked: true,
  upstream_refused: true,
  upstream_changed: true,
};

function words<Word extends string>(all: Readonly<Record<Word, true>>): readonly Word[] {
  return Object.keys(all) as Word[];
}
