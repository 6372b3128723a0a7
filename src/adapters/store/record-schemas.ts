import { z } from 'zod';
import type { KeptStepUp, UpstreamRegistration, UsedAssertion } from '../../application/ports.ts';
import type { Flow, FlowId, UpstreamAsk } from '../../domain/authorization-flow.ts';
import type { ClientRequest } from '../../domain/authorization-request.ts';
import type { ClientKey, ClientKeys, KeySource } from '../../domain/client-keys.ts';
import type {
  Client,
  ClientId,
  ClientOrigin,
  TokenEndpointAuthMethod,
} from '../../domain/client-registration.ts';
import type {
  AccessEntry,
  BoundHalves,
  Claim,
  CodeEntry,
  CodeTerms,
  Grant,
  RefreshEntry,
  Subject,
  UpstreamState,
} from '../../domain/grant.ts';
import type { EpochSeconds } from '../../domain/lifetime.ts';
import type { CodeChallenge } from '../../domain/pkce.ts';
import type { RedirectUri } from '../../domain/redirect-uri.ts';
import type { Scope } from '../../domain/scope.ts';
import type { Sealed } from '../../domain/sealing.ts';
import type { Sha256 } from '../../domain/secret-hash.ts';
import type { GrantId } from '../../domain/token-pair.ts';
import { upstreamAuthMethods } from '../../domain/upstream-client.ts';
import type { UpstreamBinding } from '../../domain/upstream-request.ts';

// The types are the domain's; these schemas have to produce them, so that a member that a record gains does not compile until it is
// read back too. What stands in a store was checked when it was written: here it is only taken for what it was.

/**
 * Takes a schema for the whole of a type: it compiles only where every form that the type has is read, and every member comes back. Else a new
 * word in a union would compile, and be refused when it is read.
 */
function whole<Type>(): <Schema extends z.ZodType<Type>>(
  schema: Schema & ([Type] extends [z.output<Schema>] ? unknown : never),
) => z.ZodType<Type> {
  return (schema) => schema;
}

/** A branded text, as it was written. */
function text<Text extends string>(): z.ZodType<Text> {
  return z.custom<Text>((value) => typeof value === 'string');
}

const moment: z.ZodType<EpochSeconds> = z.custom<EpochSeconds>(Number.isInteger);
const count = z.int();
const sha256 = text<Sha256>();
const sealed = text<Sealed>();
const grantId = text<GrantId>();
const clientId = text<ClientId>();
const subject = text<Subject>();
const scope = text<Scope>();

/** A member that may be `undefined`: written as null, and missing in what was written before there was such a member. */
function maybe<Value>(schema: z.ZodType<Value>): z.ZodType<Value | undefined> {
  return schema.nullish().transform((value) => value ?? undefined);
}

const clientOrigin = whole<ClientOrigin>()(z.enum(['registered', 'document', 'configured']));

const clientRequest = whole<ClientRequest>()(
  z.object({
    redirectUri: text<RedirectUri>(),
    state: maybe(z.string()),
    issuer: z.string(),
    clientId,
    clientName: maybe(z.string()),
    clientOrigin,
    challenge: text<CodeChallenge>(),
    scope: maybe(scope),
    resource: z.string(),
    freshSignIn: z.boolean(),
  }),
);

const upstreamBinding = whole<UpstreamBinding>()(
  z.object({
    server: z.string(),
    clientId: z.string(),
    resource: maybe(z.string()),
    scope: maybe(scope),
  }),
);

const upstreamAsk = whole<UpstreamAsk>()(
  z.object({ binding: upstreamBinding, again: z.boolean() }),
);

const flowBase = { id: text<FlowId>(), request: clientRequest, expiresAt: moment };
const ownedFlow = { ...flowBase, browser: sha256 };

/** A flow at any of its stages. */
export const flowSchema: z.ZodType<Flow> = whole<Flow>()(
  z.discriminatedUnion('stage', [
    z.object({ stage: z.literal('started'), ...flowBase }),
    z.object({ stage: z.literal('sign_in'), ...ownedFlow }),
    z.object({ stage: z.literal('consent'), ...ownedFlow, subject }),
    z.object({ stage: z.literal('upstream'), ...ownedFlow, subject, ask: maybe(upstreamAsk) }),
    z.object({ stage: z.literal('returned'), ...ownedFlow, subject, ask: maybe(upstreamAsk) }),
    z.object({ stage: z.literal('finished'), ...flowBase }),
  ]),
);

const method = whole<TokenEndpointAuthMethod>()(
  z.enum(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']),
);

const clientKey = whole<ClientKey>()(z.record(z.string(), z.string()));

const keySource = whole<KeySource>()(
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('inline'), keys: z.array(clientKey).readonly() }),
    z.object({ type: z.literal('url'), url: z.string() }),
  ]),
);

const clientKeys = whole<ClientKeys>()(z.object({ source: keySource, required: z.boolean() }));

/** A registered client. */
export const clientSchema: z.ZodType<Client> = whole<Client>()(
  z.object({
    id: clientId,
    name: maybe(z.string()),
    origin: clientOrigin,
    redirectUris: z.array(text<RedirectUri>()).readonly(),
    method,
    secretHash: maybe(sha256),
    keys: maybe(clientKeys),
    registeredAt: moment,
    usedAt: maybe(moment),
  }),
);

const codeTerms = whole<CodeTerms>()(
  z.object({
    redirectUri: text<RedirectUri>(),
    challenge: text<CodeChallenge>(),
    expiresAt: moment,
  }),
);

const codeEntry = whole<CodeEntry>()(
  z.object({
    hash: sha256,
    wrap: sealed,
    terms: maybe(codeTerms),
    usedAt: maybe(moment),
  }),
);

const accessEntry = whole<AccessEntry>()(
  z.object({
    hash: sha256,
    wrap: sealed,
    generation: count,
    expiresAt: moment,
  }),
);

const refreshEntry = whole<RefreshEntry>()(
  z.object({
    hash: sha256,
    wrap: sealed,
    generation: count,
    expiresAt: moment,
    accessEndsAt: moment,
  }),
);

const upstreamState = whole<UpstreamState>()(
  z.object({
    version: count,
    sealed,
    accessHash: sha256,
    issuedAt: moment,
    expiresAt: maybe(moment),
    renewable: z.boolean(),
    refused: z.boolean(),
    refusedAt: maybe(moment),
    hopeless: z.boolean(),
  }),
);

const boundHalves = whole<BoundHalves>()(
  z.object({
    version: count,
    access: sha256,
    refresh: sha256,
  }),
);

const claim = whole<Claim>()(z.object({ owner: z.string(), until: moment }));

const liveGrant = z.object({
  state: z.literal('live'),
  id: grantId,
  clientId,
  subject,
  resource: z.string(),
  scope: maybe(scope),
  issuedAt: moment,
  generation: count,
  presented: count,
  code: maybe(codeEntry),
  access: z.array(accessEntry).readonly(),
  refresh: z.array(refreshEntry).readonly(),
  upstream: upstreamState,
  halves: z.array(boundHalves).readonly(),
  claim: maybe(claim),
});

const endedGrant = z.object({
  state: z.literal('ended'),
  id: grantId,
  clientId,
  subject,
  endedAt: moment,
  reason: z.enum([
    'code_replayed',
    'refresh_replayed',
    'revoked',
    'upstream_refused',
    'upstream_changed',
  ]),
  revocation: maybe(sealed),
});

/** A grant, in force or over. */
export const grantSchema: z.ZodType<Grant> = whole<Grant>()(
  z.discriminatedUnion('state', [liveGrant, endedGrant]),
);

/** The gateway's own registration at an upstream. */
export const registrationSchema: z.ZodType<UpstreamRegistration> = whole<UpstreamRegistration>()(
  z.object({
    server: z.string(),
    clientId: z.string(),
    clientSecret: maybe(sealed),
    secretExpiresAt: maybe(moment),
    method: z.enum(upstreamAuthMethods),
  }),
);

/** That an assertion was used. */
export const assertionSchema: z.ZodType<UsedAssertion> = whole<UsedAssertion>()(
  z.object({ purpose: sha256 }),
);

/** A demand for more scope. */
export const stepUpSchema: z.ZodType<KeptStepUp> = whole<KeptStepUp>()(
  z.object({
    demanded: z.array(z.string()).readonly(),
    grant: maybe(grantId),
    until: moment,
  }),
);
