import type {
  Clock,
  Fetched,
  Random,
  UpstreamAuthorizationServer,
  UpstreamRegistrationAnswer,
  UpstreamRegistrationRequest,
} from '../../application/ports.ts';
import type { Seconds } from '../../domain/lifetime.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import { upstreamToken } from '../../domain/token-pair.ts';
import {
  type ProbeAnswer,
  type ResourceDocument,
  resourceMetadataUrls,
  type ServerDocument,
  serverMetadataUrls,
} from '../../domain/upstream-discovery.ts';
import type { Upstream } from '../../domain/upstream-server.ts';
import type { UpstreamFailure, UpstreamTokenAnswer } from '../../domain/upstream-tokens.ts';
import {
  AuthorizationCore,
  type AuthorizationServerTraits,
  type IssuedTokens,
  type UpstreamClientEntry,
} from './authorization-core.ts';
import { type Gate, gate } from './gate.ts';
import type { UpstreamAccess } from './token-families.ts';

/** What a fake authorization server may be told at its start. */
export interface FakeAuthorizationServerOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** The MCP server whose tokens it issues. */
  readonly resource?: string;
  readonly issuer?: string;
  readonly scopes?: readonly string[];
  readonly clients?: readonly UpstreamClientEntry[];
  readonly traits?: Partial<AuthorizationServerTraits>;
}

/**
 * An upstream authorization server as a port: real rules (PKCE, redirect URI, client secret, rotation with family revocation), no
 * network, and every misbehaviour on demand.
 */
export interface FakeAuthorizationServer extends UpstreamAuthorizationServer {
  readonly issuer: string;
  /** What its tokens are like; may be changed at any time. */
  readonly traits: AuthorizationServerTraits;
  /** The resource metadata it serves, by URL; may be changed at any time. */
  readonly resourceDocuments: Map<string, ResourceDocument>;
  /** The server metadata it serves, by URL; may be changed at any time. */
  readonly serverDocuments: Map<string, ServerDocument>;
  /** What the MCP server answers to a request without a token; may be changed at any time. */
  probeAnswer: ProbeAnswer;
  /** How long its documents may be kept; may be changed at any time. */
  freshFor: Seconds | undefined;
  /** Every URL that was probed or asked for a document, in order. */
  readonly asked: readonly string[];
  /** Every registration, as it was asked for. */
  readonly registrationRequests: readonly UpstreamRegistrationRequest[];
  /** The form of every token request that reached it. */
  readonly tokenForms: readonly Readonly<Record<string, string>>[];
  /** Token requests so far, by `grant_type`: those that reached it, whatever became of them. */
  readonly tokenRequests: { authorization_code: number; refresh_token: number };
  /** Registrations so far. */
  readonly registrations: number;
  /** The tokens that it was asked to revoke, in their order. */
  readonly revocations: readonly string[];
  /** Screen 2 with a yes: the callback URL that the browser is sent to. Throws where the request is not acceptable. */
  approve(authorizationUrl: string, subject?: string): string;
  /** Screen 2 with a no. */
  deny(authorizationUrl: string): string;
  /** What an access token is good for; `undefined`: for nothing. */
  access(token: string): UpstreamAccess | undefined;
  /** Forgets every client that registered itself. */
  forgetClients(): void;
  /** From now on it cannot be reached. */
  goDown(retryAfter?: number): void;
  /** From now on every token request, and every revocation, is refused with this error code. */
  refuse(error: string, description?: string): void;
  /** From now on every token request is answered with something that is no token response. */
  babble(): void;
  /** Ends {@link goDown}, {@link refuse} and {@link babble}. */
  recover(): void;
  /** The next token request is carried out, and its answer lost on the way. */
  loseNextAnswer(): void;
  /** The next token request is carried out, and its answer held back until the gate is opened. */
  holdNextAnswer(): Gate;
  /** Every access token is refused from now on, though its announced end may be far. */
  dropAccessTokens(): void;
  /** Every token is refused from now on. */
  revokeEverything(): void;
}

/** Makes a fake authorization server. */
export function fakeAuthorizationServer(
  options: FakeAuthorizationServerOptions,
): FakeAuthorizationServer {
  return new FakeServer(options);
}

class FakeServer implements FakeAuthorizationServer {
  readonly issuer: string;
  readonly traits: AuthorizationServerTraits;
  readonly resourceDocuments: Map<string, ResourceDocument>;
  readonly serverDocuments: Map<string, ServerDocument>;
  readonly tokenRequests = { authorization_code: 0, refresh_token: 0 };
  readonly asked: string[] = [];
  readonly registrationRequests: UpstreamRegistrationRequest[] = [];
  readonly tokenForms: Readonly<Record<string, string>>[] = [];
  readonly revocations: readonly string[];
  probeAnswer: ProbeAnswer = { status: 401, challenge: 'Bearer' };
  freshFor: Seconds | undefined;
  /** Not a method: it is handed on to a resource server. */
  readonly access = (token: string): UpstreamAccess | undefined => this.#core.access(token);
  readonly #core: AuthorizationCore;
  #trouble: UpstreamFailure | undefined;
  #losesNext = false;
  #gate: Gate | undefined;

  constructor({
    clock,
    random,
    issuer = 'https://as.upstream.example',
    resource = 'https://mcp.upstream.example/mcp',
    scopes = ['read', 'write'],
    clients = [],
    traits = {},
  }: FakeAuthorizationServerOptions) {
    this.issuer = issuer;
    this.traits = { ...usualTraits, ...traits };
    this.#core = new AuthorizationCore({ clock, random, scopes, clients, traits: this.traits });
    this.#core.issuer = issuer;
    this.revocations = this.#core.revocations;
    this.resourceDocuments = new Map([
      [resourceMetadataUrls(resource)[0] ?? '', resourceDocument(resource, issuer, scopes)],
    ]);
    this.serverDocuments = new Map([
      [serverMetadataUrls(issuer)[0] ?? '', this.#serverDocument(scopes)],
    ]);
  }

  #serverDocument(scopes: readonly string[]): ServerDocument {
    const { issuer, traits } = this;
    return {
      issuer,
      authorizationEndpoint: `${issuer}/authorize`,
      tokenEndpoint: `${issuer}/token`,
      registrationEndpoint: `${issuer}/register`,
      revocationEndpoint: traits.revocation ? `${issuer}/revoke` : undefined,
      authMethods: ['client_secret_basic', 'client_secret_post'],
      challengeMethods: ['S256'],
      scopesSupported: scopes,
      issuerInResponse: traits.issuerInResponse,
      acceptsDocuments: false,
    };
  }

  get registrations(): number {
    return this.registrationRequests.length;
  }

  async probe(url: string): Promise<Result<ProbeAnswer, UpstreamFailure>> {
    this.asked.push(url);
    return this.#isDown() ?? success(this.probeAnswer);
  }

  resourceDocument(
    url: string,
  ): Promise<Result<Fetched<ResourceDocument | 'broken'>, UpstreamFailure>> {
    return this.#fetch(url, this.resourceDocuments);
  }

  serverDocument(url: string): Promise<Result<Fetched<ServerDocument>, UpstreamFailure>> {
    return this.#fetch(url, this.serverDocuments);
  }

  async #fetch<Document>(
    url: string,
    documents: ReadonlyMap<string, Document>,
  ): Promise<Result<Fetched<Document>, UpstreamFailure>> {
    this.asked.push(url);
    return this.#isDown() ?? success({ document: documents.get(url), freshFor: this.freshFor });
  }

  async register(
    _endpoint: string,
    request: UpstreamRegistrationRequest,
  ): Promise<Result<UpstreamRegistrationAnswer, UpstreamFailure>> {
    const down = this.#isDown();
    if (down !== undefined) return down;
    this.registrationRequests.push(request);
    const { redirectUri, method } = request;
    const { clientId, clientSecret } = this.#core.register([redirectUri], method === 'none');
    return success({ clientId, clientSecret, method, secretExpiresAt: undefined });
  }

  forgetClients(): void {
    this.#core.forgetRegisteredClients();
  }

  async requestTokens(
    { client }: Upstream,
    form: Readonly<Record<string, string>>,
  ): Promise<Result<UpstreamTokenAnswer, UpstreamFailure>> {
    if (this.#trouble?.kind !== 'unavailable') this.#count(form);
    if (this.#trouble !== undefined) return failure(this.#trouble);
    const answer = this.#core.tokens(client.clientId, client.clientSecret, form);
    const heldBy = this.#gate;
    this.#gate = undefined;
    await heldBy?.pass();
    if (this.#losesNext) {
      this.#losesNext = false;
      return failure(unreachable(undefined));
    }
    if (answer.ok) return success(portAnswer(answer.value));
    return failure({ kind: 'refused', ...answer.failure });
  }

  async revokeToken(
    { client }: Upstream,
    _endpoint: string,
    token: string,
  ): Promise<Result<undefined, UpstreamFailure>> {
    const trouble = this.#trouble;
    // Of an answer to a revocation only the status counts, whatever stands in it.
    if (trouble !== undefined && trouble.kind !== 'unusable') return failure(trouble);
    const answer = this.#core.revoke(client.clientId, client.clientSecret, token);
    return answer.ok ? answer : failure({ kind: 'refused', ...answer.failure });
  }

  #count(form: Readonly<Record<string, string>>): void {
    this.tokenForms.push(form);
    const { grant_type: grantType } = form;
    if (grantType === 'authorization_code') this.tokenRequests.authorization_code += 1;
    if (grantType === 'refresh_token') this.tokenRequests.refresh_token += 1;
  }

  #isDown(): Result<never, UpstreamFailure> | undefined {
    return this.#trouble?.kind === 'unavailable' ? failure(this.#trouble) : undefined;
  }

  approve(authorizationUrl: string, subject = 'upstream-user'): string {
    return this.#core.allow(this.#ask(authorizationUrl), subject);
  }

  deny(authorizationUrl: string): string {
    return this.#core.deny(this.#ask(authorizationUrl));
  }

  #ask(authorizationUrl: string) {
    const ask = this.#core.judge(new URL(authorizationUrl).searchParams);
    if (ask.ok) return ask.value;
    throw new Error(ask.failure.to === 'user' ? ask.failure.reason : ask.failure.url);
  }

  goDown(retryAfter?: number): void {
    this.#trouble = unreachable(retryAfter);
  }

  refuse(error: string, description?: string): void {
    this.#trouble = { kind: 'refused', error, description };
  }

  babble(): void {
    this.#trouble = { kind: 'unusable', reason: 'The upstream answered with a web page.' };
  }

  recover(): void {
    this.#trouble = undefined;
  }

  loseNextAnswer(): void {
    this.#losesNext = true;
  }

  holdNextAnswer(): Gate {
    this.#gate = gate();
    return this.#gate;
  }

  dropAccessTokens(): void {
    this.#core.dropAccessTokens();
  }

  revokeEverything(): void {
    this.#core.revokeEverything();
  }
}

/** What the tokens of a well-behaved server are like. */
export const usualTraits: AuthorizationServerTraits = {
  accessTtl: 3600,
  expiresIn: 'number',
  refreshTokens: 'rotating',
  issuerInResponse: true,
  revocation: true,
};

/** What the tokens of a GitHub OAuth App are like: no announced end, nothing to refresh with. */
export const githubTraits: AuthorizationServerTraits = {
  accessTtl: 0,
  expiresIn: 'absent',
  refreshTokens: 'none',
  issuerInResponse: false,
  revocation: false,
};

function resourceDocument(
  resource: string,
  issuer: string,
  scopes: readonly string[],
): ResourceDocument {
  return {
    resource,
    authorizationServers: [issuer],
    scopesSupported: scopes,
    documentation: undefined,
    policy: undefined,
    termsOfService: undefined,
  };
}

function unreachable(retryAfter: number | undefined): UpstreamFailure {
  return { kind: 'unavailable', reason: 'as.upstream.example: ECONNREFUSED', retryAfter };
}

function portAnswer({ access, refresh, expiresIn, scope }: IssuedTokens): UpstreamTokenAnswer {
  return {
    access: minted(access),
    refresh: refresh === undefined ? undefined : minted(refresh),
    expiresIn,
    scope,
  };
}

function minted(text: string) {
  const token = upstreamToken(text);
  if (token === undefined) throw new Error(`"${text}" is no token.`);
  return token;
}
