import type { Clock, Random } from '../../application/ports.ts';
import { after, type EpochSeconds, isExpired, seconds } from '../../domain/lifetime.ts';
import { isCodeChallenge, provesChallenge } from '../../domain/pkce.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import { scopeTokens } from '../../domain/scope.ts';
import {
  TokenFamilies,
  type TokenFamily,
  type UpstreamAccess,
  type UpstreamGrant,
} from './token-families.ts';

/** What the tokens of a fake authorization server are like. Every member may be changed while it runs. */
export interface AuthorizationServerTraits {
  /** Seconds. */
  accessTtl: number;
  /** How an access token's life is announced; one that is not announced does not end by itself. */
  expiresIn: 'number' | 'string' | 'absent';
  /** `kept`: a refresh is answered without a new refresh token, and the old one stays good. `none`: there are none at all. */
  refreshTokens: 'rotating' | 'kept' | 'none';
  /** Whether authorization responses carry `iss` (RFC 9207). */
  issuerInResponse: boolean;
  /** Whether tokens can be revoked (RFC 7009). */
  revocation: boolean;
}

/** A client that is known to a fake authorization server. */
export interface UpstreamClientEntry {
  readonly clientId: string;
  /** Absent for a public client. */
  readonly clientSecret: string | undefined;
  /** Absent: any redirect URI will do. */
  readonly redirectUris: readonly string[] | undefined;
}

/** What a fake authorization server is made of. */
export interface AuthorizationServerOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  /** The scopes it knows; a request for none means all of them. */
  readonly scopes: readonly string[];
  readonly clients: readonly UpstreamClientEntry[];
  readonly traits: AuthorizationServerTraits;
}

/** An authorization request that may be shown to a user. */
export interface AuthorizationAsk extends Omit<UpstreamGrant, 'subject'> {
  readonly redirectUri: string;
  readonly state: string | undefined;
  readonly challenge: string;
}

/** Why there is nothing to show: the user is told by a page, or the client by a redirect. */
export type AskRefusal =
  | { readonly to: 'user'; readonly reason: string }
  | { readonly to: 'client'; readonly url: string };

/** An error in the words of RFC 6749 §5.2. */
export interface ServerError {
  readonly error: string;
  readonly description: string;
}

/** A successful token answer (RFC 6749 §5.1), not yet spelled. */
export interface IssuedTokens {
  readonly access: string;
  readonly refresh: string | undefined;
  /** Seconds. */
  readonly expiresIn: number | undefined;
  /** Only where it is not what was asked for. */
  readonly scope: string | undefined;
}

interface IssuedCode {
  readonly ask: AuthorizationAsk;
  readonly family: TokenFamily;
  readonly expiresAt: EpochSeconds;
  used: boolean;
}

/** Seconds. */
const codeTtl = seconds(60);

/** The rules of the fake authorization server; a port and a real HTTP server are its two faces. */
export class AuthorizationCore {
  readonly traits: AuthorizationServerTraits;
  readonly scopes: readonly string[];
  /** The issuer that responses carry; a face knows its own URL. */
  issuer = '';
  /** Every token that a client asked to have revoked. */
  readonly revocations: string[] = [];
  readonly #clock: Pick<Clock, 'now'>;
  readonly #random: Random;
  readonly #clients: Map<string, UpstreamClientEntry>;
  readonly #registered = new Set<string>();
  readonly #codes = new Map<string, IssuedCode>();
  readonly #families = new TokenFamilies();

  constructor({ clock, random, scopes, clients, traits }: AuthorizationServerOptions) {
    this.traits = traits;
    this.scopes = scopes;
    this.#clock = clock;
    this.#random = random;
    this.#clients = new Map(clients.map((client) => [client.clientId, client]));
  }

  /** Registers a client of its own accord (RFC 7591); a public one gets no secret. */
  register(redirectUris: readonly string[], isPublic: boolean): UpstreamClientEntry {
    const clientId = this.#name('client');
    const clientSecret = isPublic ? undefined : this.#name('secret');
    const client = { clientId, clientSecret, redirectUris };
    this.#clients.set(clientId, client);
    this.#registered.add(clientId);
    return client;
  }

  /** Forgets every client that registered of its own accord. */
  forgetRegisteredClients(): void {
    for (const clientId of this.#registered) this.#clients.delete(clientId);
  }

  /** Judges an authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3). */
  judge(parameters: URLSearchParams): Result<AuthorizationAsk, AskRefusal> {
    const client = this.#clients.get(parameters.get('client_id') ?? '');
    const redirectUri = parameters.get('redirect_uri') ?? '';
    if (client === undefined) return tellUser('There is no such client.');
    const registered = client.redirectUris?.includes(redirectUri) ?? URL.canParse(redirectUri);
    if (!registered) return tellUser('The redirect URI is not registered.');
    const state = parameters.get('state') ?? undefined;
    const challenge = parameters.get('code_challenge') ?? '';
    const fault = faultOf(parameters, challenge);
    if (fault !== undefined) {
      const url = this.#answer(redirectUri, { error: fault, state });
      return failure({ to: 'client', url });
    }
    const { clientId } = client;
    const asked = scopeTokens(parameters.get('scope') ?? undefined);
    const scope = (asked.length > 0 ? asked : this.scopes).join(' ');
    const resource = parameters.get('resource') ?? undefined;
    return success({ clientId, redirectUri, state, challenge, scope, resource });
  }

  /** The user says yes; the value is where the browser goes. */
  allow(ask: AuthorizationAsk, subject: string): string {
    const code = this.#name('code');
    const { clientId, resource } = ask;
    const granted = scopeTokens(ask.scope).filter((token) => this.scopes.includes(token));
    const grant = { clientId, subject, scope: granted.join(' '), resource };
    const expiresAt = after(this.#clock.now(), codeTtl);
    this.#codes.set(code, { ask, family: { grant, revoked: false }, expiresAt, used: false });
    return this.#answer(ask.redirectUri, { code, state: ask.state });
  }

  /** The user says no; the value is where the browser goes. */
  deny(ask: AuthorizationAsk): string {
    return this.#answer(ask.redirectUri, { error: 'access_denied', state: ask.state });
  }

  #answer(redirectUri: string, members: Readonly<Record<string, string | undefined>>): string {
    const url = new URL(redirectUri);
    for (const [name, value] of Object.entries(members)) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    if (this.traits.issuerInResponse) url.searchParams.set('iss', this.issuer);
    return url.href;
  }

  /** Answers a token request (RFC 6749 §3.2). */
  tokens(
    clientId: string,
    clientSecret: string | undefined,
    form: Readonly<Record<string, string>>,
  ): Result<IssuedTokens, ServerError> {
    if (!this.#isClient(clientId, clientSecret)) return badClient;
    switch (form.grant_type) {
      case 'authorization_code':
        return this.#redeem(clientId, form);
      case 'refresh_token':
        return this.#refresh(clientId, form.refresh_token ?? '');
      default:
        return refusal('unsupported_grant_type', 'Send a code or a refresh token.');
    }
  }

  /** Answers a revocation request (RFC 7009 §2); a token that is not known is revoked all the same. */
  revoke(
    clientId: string,
    clientSecret: string | undefined,
    token: string,
  ): Result<undefined, ServerError> {
    if (!this.#isClient(clientId, clientSecret)) return badClient;
    this.revocations.push(token);
    this.#families.revoke(token, clientId);
    return success(undefined);
  }

  #isClient(clientId: string, clientSecret: string | undefined): boolean {
    const client = this.#clients.get(clientId);
    return client !== undefined && client.clientSecret === clientSecret;
  }

  #redeem(
    clientId: string,
    form: Readonly<Record<string, string>>,
  ): Result<IssuedTokens, ServerError> {
    const issued = this.#codes.get(form.code ?? '');
    if (issued === undefined || issued.ask.clientId !== clientId) return badGrant;
    if (issued.used) issued.family.revoked = true; // RFC 6749 §4.1.2
    if (issued.used || isExpired(issued.expiresAt, this.#clock.now())) return badGrant;
    if (issued.ask.redirectUri !== form.redirect_uri) return badGrant;
    if (!provesChallenge(form.code_verifier ?? '', issued.ask.challenge)) return badGrant;
    issued.used = true;
    const { refreshTokens } = this.traits;
    const tokens = this.#issue(issued.family, refreshTokens !== 'none');
    const { scope } = issued.family.grant;
    return success({ ...tokens, scope: scope === issued.ask.scope ? undefined : scope });
  }

  #refresh(clientId: string, token: string): Result<IssuedTokens, ServerError> {
    const rotating = this.traits.refreshTokens === 'rotating';
    const family = this.#families.refresh(token, clientId, rotating);
    return family === undefined ? badGrant : success(this.#issue(family, rotating));
  }

  #issue(family: TokenFamily, withRefresh: boolean): IssuedTokens {
    const { accessTtl, expiresIn } = this.traits;
    const access = this.#name('access');
    const refresh = withRefresh ? this.#name('refresh') : undefined;
    const announced = expiresIn === 'absent' ? undefined : accessTtl;
    const end = announced === undefined ? undefined : after(this.#clock.now(), seconds(announced));
    this.#families.addAccess(access, family, end);
    if (refresh !== undefined) this.#families.addRefresh(refresh, family);
    return { access, refresh, expiresIn: announced, scope: undefined };
  }

  /** What an access token is good for; `undefined`: for nothing. */
  access(token: string): UpstreamAccess | undefined {
    return this.#families.access(token, this.#clock.now());
  }

  /** From now on every access token is refused, though its announced end may be far; refresh tokens are as before. */
  dropAccessTokens(): void {
    this.#families.forgetAccess();
  }

  /** From now on every token is refused. */
  revokeEverything(): void {
    this.#families.forgetAll();
  }

  #name(what: string): string {
    return `upstream-${what}-${Buffer.from(this.#random.bytes(16)).toString('base64url')}`;
  }
}

function faultOf(parameters: URLSearchParams, challenge: string): string | undefined {
  if (parameters.get('response_type') !== 'code') return 'unsupported_response_type';
  const proves = parameters.get('code_challenge_method') === 'S256' && isCodeChallenge(challenge);
  return proves ? undefined : 'invalid_request';
}

function tellUser(reason: string): Result<never, AskRefusal> {
  return failure({ to: 'user', reason });
}

function refusal(error: string, description: string): Result<never, ServerError> {
  return failure({ error, description });
}

const badClient = refusal('invalid_client', 'The client is unknown, or its secret is wrong.');
const badGrant = refusal('invalid_grant', 'The code or refresh token is not accepted.');
