import type { Flow } from '../domain/authorization-flow.ts';
import type { Brand } from '../domain/brand.ts';
import type { ClientMetadataDocument } from '../domain/client-document.ts';
import type { AssertionClaims, ClientKey } from '../domain/client-keys.ts';
import type { Client } from '../domain/client-registration.ts';
import type { Grant, Subject } from '../domain/grant.ts';
import type { EpochSeconds, Seconds } from '../domain/lifetime.ts';
import type { PublicKey } from '../domain/metadata.ts';
import type { Result } from '../domain/result.ts';
import type { Sealed } from '../domain/sealing.ts';
import type { Sha256 } from '../domain/secret-hash.ts';
import type { GrantId, UpstreamToken } from '../domain/token-pair.ts';
import type { UpstreamAuthMethod } from '../domain/upstream-client.ts';
import type {
  ProbeAnswer,
  ResourceDocument,
  ServerDocument,
} from '../domain/upstream-discovery.ts';
import type { Upstream } from '../domain/upstream-server.ts';
import type { UpstreamFailure, UpstreamTokenAnswer } from '../domain/upstream-tokens.ts';
import type { Events } from './events.ts';

/** Time. */
export interface Clock {
  now(): EpochSeconds;
  /** Waits at least this many milliseconds. */
  sleep(milliseconds: number): Promise<void>;
}

/** Cryptographically strong randomness. */
export interface Random {
  bytes(count: number): Uint8Array;
}

/** Marks one state of a record; it changes with every write. */
export type Version = Brand<number, 'Version'>;

/** A record's value, and the mark of the state it was read in. */
export interface Versioned<Value> {
  readonly value: Value;
  readonly version: Version;
}

/** What became of a write. `outdated`: another writer was faster. `full`: the store takes no new record now. */
export type WriteOutcome =
  | { readonly type: 'written'; readonly version: Version }
  | { readonly type: 'outdated' }
  | { readonly type: 'full' };

/** Records of one kind. A store that cannot be reached throws {@link StoreUnavailable}; it never answers as if a record were not there. */
export interface Records<Value> {
  /** The record, unless there is none or it has expired. */
  read(key: string): Promise<Versioned<Value> | undefined>;
  /**
   * Writes only over the version that was read (`undefined`: only where there is no record), as one step that no other writer sees
   * half of. The record is gone from `expiresAt` on. Only a new record is ever refused as `full`: what exists can always be changed.
   */
  write(
    key: string,
    value: Value,
    over: Version | undefined,
    expiresAt: EpochSeconds,
  ): Promise<WriteOutcome>;
  /**
   * All records, in no order, a small batch at a time: for operators and work in the background, never for a request. What is there
   * from the beginning to the end is seen, perhaps twice; what comes or goes meanwhile may be. A record that cannot be read is left out.
   */
  scan(): AsyncIterable<Versioned<Value>>;
}

/** The gateway's registration at an upstream, the secret sealed under the gateway key. */
export interface UpstreamRegistration {
  /** Where it is registered; a record is of no use at any other server. */
  readonly server: string;
  readonly clientId: string;
  readonly clientSecret: Sealed | undefined;
  /** When the secret ends, where the server said so. */
  readonly secretExpiresAt: EpochSeconds | undefined;
  readonly method: UpstreamAuthMethod;
}

/** That an assertion was used, under the hash of its name; and what for. */
export interface UsedAssertion {
  readonly purpose: Sha256;
}

/** A resource's demand for more scope, as it is kept for a client, or for a client and one of its users. */
export interface KeptStepUp {
  readonly demanded: readonly string[];
  /** The user's grant that met it last; of no user, none. */
  readonly grant: GrantId | undefined;
  readonly until: EpochSeconds;
}

/** How often something has happened, and when last. */
export interface Tally {
  readonly count: number;
  readonly last: EpochSeconds;
}

/** One more of something. */
export interface TallyStep {
  readonly now: EpochSeconds;
  /** How long after the last one all are forgotten. */
  readonly life: Seconds;
  /** Adds only where so many were counted; left out: whatever was. */
  readonly over?: number;
}

/** Tallies that all processes with the same store share. A call that fails is no misfortune: whoever counts does so by himself then. */
export interface Counters {
  read(key: string): Promise<Tally | undefined>;
  /** Adds one, as one step that nobody else sees half of; answers with what there was before. */
  add(key: string, step: TallyStep): Promise<Tally | undefined>;
  /** Takes one back, if there is one. */
  takeBack(key: string): Promise<void>;
}

/** Everything that outlives a request. */
export interface Store {
  readonly flows: Records<Flow>;
  readonly clients: Records<Client>;
  readonly grants: Records<Grant>;
  readonly registrations: Records<UpstreamRegistration>;
  readonly assertions: Records<UsedAssertion>;
  readonly stepUps: Records<KeptStepUp>;
  /** Left out where the processes that share the store count each for itself. */
  readonly counters?: Counters;
  /** Resolves where records can be read and written now; else rejects, with {@link StoreUnavailable} where the store is away. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

/** The kinds of records, by their names in the store. */
export type RecordKind = Exclude<keyof Store, 'counters' | 'probe' | 'close'>;

/** What a record of a kind is about. */
export type RecordOf<Name extends RecordKind> = Store[Name] extends {
  read(key: string): Promise<Versioned<infer Value> | undefined>;
}
  ? Value
  : never;

/** The store cannot be reached, or did not answer in time. Whoever asked is to be told to come back: 503. */
export class StoreUnavailable extends Error {
  override readonly name: string = 'StoreUnavailable';
}

/** One record is there and cannot be read: it must not pass for one that is not there. Asking again does not help; other records are as good as ever. */
export class UnreadableRecord extends StoreUnavailable {
  override readonly name = 'UnreadableRecord';
}

/** Screen 1: who is it? */
export interface SignIn {
  /** The subject these credentials belong to; the same answer, after the same time, for an unknown user and a wrong password. */
  verify(username: string, password: string): Promise<Subject | undefined>;
  /** Whether a subject may still sign in: a browser that remembers one who may not is asked again. Left out: everybody may. */
  isUser?(subject: Subject): Promise<boolean>;
}

/** What the gateway says of itself when it registers at an upstream (RFC 7591 §2). */
export interface UpstreamRegistrationRequest {
  readonly clientName: string;
  readonly redirectUri: string;
  readonly method: UpstreamAuthMethod;
  readonly scope: string | undefined;
  /** The public half of the gateway's key, with `private_key_jwt`. */
  readonly publicKey: PublicKey | undefined;
}

/** What an upstream gave at registration (RFC 7591 §3.2.1). */
export interface UpstreamRegistrationAnswer {
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly method: string | undefined;
  /** When the secret ends; absent where it does not. */
  readonly secretExpiresAt: EpochSeconds | undefined;
}

/** What came of asking for a document. */
export interface Fetched<Document> {
  /** Absent where there is no such document, or where it is none that can be used; `broken` where it means to be one all the same. */
  readonly document: Document | undefined;
  /** How long it may be taken as known, by its HTTP headers (RFC 9111 §4.2.1); absent where they do not say. */
  readonly freshFor: Seconds | undefined;
}

/**
 * The upstream as an OAuth client sees it. A document or a probe is asked for within the given time, everything else within
 * the limit of a single call; time is all of the call's, redirects and body included.
 */
export interface UpstreamAuthorizationServer {
  /** Sends the MCP server a request without a token. */
  probe(url: string, within: Seconds): Promise<Result<ProbeAnswer, UpstreamFailure>>;
  /** Protected resource metadata (RFC 9728 §3.2). */
  resourceDocument(
    url: string,
    within: Seconds,
  ): Promise<Result<Fetched<ResourceDocument | 'broken'>, UpstreamFailure>>;
  /** Authorization server metadata (RFC 8414 §3.2). */
  serverDocument(
    url: string,
    within: Seconds,
  ): Promise<Result<Fetched<ServerDocument>, UpstreamFailure>>;
  /** Dynamic registration (RFC 7591 §3.1). */
  register(
    endpoint: string,
    request: UpstreamRegistrationRequest,
  ): Promise<Result<UpstreamRegistrationAnswer, UpstreamFailure>>;
  /** A token request (RFC 6749 §3.2) with the gateway's own authentication added. */
  requestTokens(
    upstream: Upstream,
    form: Readonly<Record<string, string>>,
  ): Promise<Result<UpstreamTokenAnswer, UpstreamFailure>>;
  /** Revokes a token (RFC 7009 §2.1); a token that is unknown there counts as revoked. */
  revokeToken(
    upstream: Upstream,
    endpoint: string,
    token: string,
  ): Promise<Result<undefined, UpstreamFailure>>;
}

/** How long an upstream call takes at most, unless told (seconds). */
export const upstreamCallLimit = 10;

/** A document from a client's own site. */
export interface FetchedDocument<Value> {
  readonly value: Value;
  /** How long it may be taken for current, by its HTTP headers (seconds). */
  readonly freshFor: number;
}

/**
 * Why a document from a client's site cannot be used. `unavailable`: it may be had later. `refused`: what was answered is not what it
 * should be, or it was withdrawn. The reason is for the operator alone: it tells how the network looks from here.
 */
export interface DocumentFailure {
  readonly kind: 'unavailable' | 'refused';
  readonly reason: string;
}

/**
 * What clients publish about themselves, at URLs of strangers: whatever those say, no special address is ever connected to, no redirect
 * followed, and no answer waited for or read without a limit.
 */
export interface ClientDocuments {
  /** A Client ID Metadata Document. */
  metadata(url: string): Promise<Result<FetchedDocument<ClientMetadataDocument>, DocumentFailure>>;
  /** A JSON Web Key Set (RFC 7517 §5). */
  keys(url: string): Promise<Result<FetchedDocument<readonly ClientKey[]>, DocumentFailure>>;
}

/** Signed client assertions (RFC 7523). */
export interface ClientAssertions {
  /** What one says, unproven; `undefined` where it is none, or says that it is signed in a way that is not accepted. */
  read(assertion: string): AssertionClaims | undefined;
  /** Whether one of the keys signed it, by one of the algorithms that are accepted. */
  isSignedBy(assertion: string, keys: readonly ClientKey[]): Promise<boolean>;
}

/** A request to /mcp, on its way to the upstream. */
export interface McpCall {
  readonly method: string;
  /** With its question mark, or empty. */
  readonly query: string;
  /** Names and values alternating, as they came. Which of them cross is the upstream adapter's to know. */
  readonly headers: readonly string[];
  /** Absent without a body; bytes where all of it is there; else a stream that can be read once. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** The whole body again, for one more try; `undefined` where it was not kept. */
  bodyAgain(): Uint8Array | undefined;
}

/** Why there is no answer from the upstream resource server; `refused`: it does not take the gateway's own fixed credentials. */
export type McpFailure = 'unreachable' | 'timeout' | 'broken' | 'refused';

/**
 * Takes an answer as it arrives. A sink and not a stream: on this one path an async iterable costs a third more. Either `fail` comes
 * alone, or `start` first, then `data` any number of times, then `end` or `fail`. Before all that, `interim` any number of times.
 */
export interface McpSink {
  /** An interim answer (1xx, RFC 9110 §15.2) with the headers that may cross. */
  interim(status: number, headers: readonly string[]): void;
  /**
   * Status and headers that may cross (names and values alternating); `challenge` is the upstream's own WWW-Authenticate, which never
   * crosses as it is.
   */
  start(status: number, headers: readonly string[], challenge: string | undefined): void;
  /** False: hold the upstream back until {@link McpExchange.resume}. */
  data(chunk: Uint8Array): boolean;
  /** Trailers that may cross, names and values alternating. */
  end(trailers: readonly string[]): void;
  fail(failure: McpFailure): void;
}

/** A call under way. */
export interface McpExchange {
  /** Takes more data after {@link McpSink.data} said no. */
  resume(): void;
  /** Ends the call; nothing more reaches the sink. */
  abort(): void;
}

/** A call under way at the upstream. */
export interface UpstreamExchange extends McpExchange {
  /** Lets go of an answer that nobody wants: nothing more reaches the sink, and the connection is spared where that takes little. */
  drop(): void;
}

/** The upstream's MCP server: always the one URL of the configuration. */
export interface UpstreamResourceServer {
  forward(call: McpCall, token: UpstreamToken, sink: McpSink): UpstreamExchange;
  close(): Promise<void>;
}

/** Everything the use cases need of the world. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly signIn: SignIn;
  readonly clientDocuments: ClientDocuments;
  readonly assertions: ClientAssertions;
  readonly authorizationServer: UpstreamAuthorizationServer;
  readonly resourceServer: UpstreamResourceServer;
  readonly events: Events;
}
