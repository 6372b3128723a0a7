import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock, Random } from '../../application/ports.ts';
import {
  type AskRefusal,
  AuthorizationCore,
  type AuthorizationServerTraits,
  type UpstreamClientEntry,
} from './authorization-core.ts';
import { usualTraits } from './fake-authorization-server.ts';
import { FaultTable, type HttpFaults } from './http-faults.ts';
import { bodyOf, type LoopbackServer, startLoopbackServer } from './loopback-server.ts';
import { pageHeaders, refusalPage, screenTwoPage } from './screen-two.ts';
import type { UpstreamAccess } from './token-families.ts';
import {
  jsonReply,
  type Reply,
  type TokenAnswerTraits,
  tokenReply,
  usualAnswers,
} from './token-replies.ts';
import { wallClock } from './wall-clock.ts';

/** What an authorization server over HTTP is like. Every member may be changed while it runs. */
export interface HttpAuthorizationServerTraits
  extends AuthorizationServerTraits,
    TokenAnswerTraits {
  /** Whether screen 2 says yes without asking. */
  autoApprove: boolean;
  /** Whether clients may register themselves (RFC 7591). */
  registration: boolean;
  /** Whether metadata is published (RFC 8414). */
  metadata: boolean;
}

/** What an authorization server over HTTP may be told at its start. */
export interface HttpAuthorizationServerOptions {
  /** The clock on the wall unless told. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Chosen by the system unless told. */
  readonly port?: number;
  /** What its pages call it. */
  readonly name?: string;
  readonly scopes?: readonly string[];
  readonly clients?: readonly UpstreamClientEntry[];
  readonly traits?: Partial<HttpAuthorizationServerTraits>;
}

/** An upstream authorization server over HTTP, that can be told to misbehave. */
export interface HttpAuthorizationServer extends LoopbackServer, HttpFaults {
  /** Its issuer identifier: the origin. */
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string;
  /** May be changed at any time. */
  readonly traits: HttpAuthorizationServerTraits;
  /** Token requests that were carried out, by `grant_type`. */
  readonly tokenRequests: Readonly<Record<string, number>>;
  /** Registrations so far. */
  readonly registrations: number;
  /** The tokens that it was asked to revoke, in their order. */
  readonly revocations: readonly string[];
  /** Screen 2 with a yes, without a browser: the callback URL that one would be sent to. */
  approve(authorizationUrl: string, subject?: string): string;
  /** What an access token is good for; `undefined`: for nothing. */
  access(token: string): UpstreamAccess | undefined;
  /** Every access token is refused from now on, though its announced end may be far. */
  dropAccessTokens(): void;
  /** Every token is refused from now on. */
  revokeEverything(): void;
}

/** What an HTTP server that behaves like GitHub's OAuth Apps does: form-encoded answers, errors with status 200, no end, no refresh token. */
export const githubHttpTraits: Partial<HttpAuthorizationServerTraits> = {
  expiresIn: 'absent',
  refreshTokens: 'none',
  issuerInResponse: false,
  revocation: false,
  format: 'form_unless_json_is_asked',
  errorStatus: 200,
  registration: false,
  metadata: false,
};

/** Starts an authorization server on a loopback port. */
export async function startHttpAuthorizationServer(
  options: HttpAuthorizationServerOptions = {},
): Promise<HttpAuthorizationServer> {
  const server = new Endpoints(options);
  const listening = await startLoopbackServer((request, response) => {
    server.handle(request, response).catch(() => response.destroy());
  }, options.port);
  const { core, faults } = server;
  core.issuer = listening.origin;
  return {
    ...listening,
    issuer: listening.origin,
    authorizationEndpoint: `${listening.origin}/authorize`,
    tokenEndpoint: `${listening.origin}/token`,
    revocationEndpoint: `${listening.origin}/revoke`,
    traits: server.traits,
    tokenRequests: server.tokenRequests,
    get registrations() {
      return server.registrations;
    },
    revocations: core.revocations,
    approve: (authorizationUrl, subject = 'upstream-user') => {
      const ask = core.judge(new URL(authorizationUrl).searchParams);
      if (!ask.ok) throw new Error('The authorization request is not acceptable.');
      return core.allow(ask.value, subject);
    },
    access: (token) => core.access(token),
    dropAccessTokens: () => core.dropAccessTokens(),
    revokeEverything: () => core.revokeEverything(),
    misbehave: (fault, path) => faults.misbehave(fault, path),
    behave: () => faults.behave(),
  };
}

const registration = z.object({
  redirect_uris: z.array(z.string()).min(1),
  token_endpoint_auth_method: z.string().default('client_secret_basic'),
});

class Endpoints {
  readonly traits: HttpAuthorizationServerTraits;
  readonly core: AuthorizationCore;
  readonly faults = new FaultTable();
  readonly tokenRequests: Record<string, number> = {};
  registrations = 0;
  readonly #clock: Clock;
  readonly #name: string;

  constructor({
    clock = wallClock,
    random = { bytes: randomBytes },
    name = 'Upstream',
    scopes = ['read', 'write'],
    clients = [],
    traits = {},
  }: HttpAuthorizationServerOptions) {
    this.traits = { ...usualTraits, ...usualAnswers, ...openTraits, ...traits };
    this.core = new AuthorizationCore({ clock, random, scopes, clients, traits: this.traits });
    this.#clock = clock;
    this.#name = name;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.core.issuer);
    const done = await this.faults.before(pathname, response, this.#clock);
    if (done === 'answered') return;
    const body = (await bodyOf(request)).toString();
    const reply = this.#reply(`${request.method} ${pathname}`, searchParams, body, request.headers);
    if (this.faults.losesAnswer(pathname)) response.destroy();
    else response.writeHead(reply.status, reply.headers).end(reply.body);
  }

  #reply(
    endpoint: string,
    parameters: URLSearchParams,
    body: string,
    headers: IncomingHttpHeaders,
  ): Reply {
    switch (endpoint) {
      case 'GET /.well-known/oauth-authorization-server':
        return this.#metadata();
      case 'GET /authorize':
        return this.#ask(parameters);
      case 'POST /authorize':
        return this.#decide(new URLSearchParams(body));
      case 'POST /token':
        return this.#token(headers, new URLSearchParams(body));
      case 'POST /revoke':
        return this.#revoke(headers, new URLSearchParams(body));
      case 'POST /register':
        return this.#register(body);
      default:
        return notFound;
    }
  }

  #metadata(): Reply {
    const { issuer, scopes } = this.core;
    const { metadata, registration: open, revocation, issuerInResponse } = this.traits;
    if (!metadata) return notFound;
    return jsonReply(200, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      revocation_endpoint: revocation ? `${issuer}/revoke` : undefined,
      registration_endpoint: open ? `${issuer}/register` : undefined,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
      code_challenge_methods_supported: ['S256'],
      scopes_supported: scopes,
      authorization_response_iss_parameter_supported: issuerInResponse,
    });
  }

  #ask(parameters: URLSearchParams): Reply {
    const ask = this.core.judge(parameters);
    if (!ask.ok) return this.#refuse(ask.failure);
    if (this.traits.autoApprove) return redirect(this.core.allow(ask.value, subject));
    const query = parameters.toString();
    return pageReply(200, screenTwoPage({ ask: ask.value, query, serverName: this.#name }));
  }

  /** Judged again: what a form brings back may be anything. */
  #decide(form: URLSearchParams): Reply {
    const ask = this.core.judge(new URLSearchParams(form.get('request') ?? ''));
    if (!ask.ok) return this.#refuse(ask.failure);
    const allowed = form.get('decision') === 'allow';
    return redirect(allowed ? this.core.allow(ask.value, subject) : this.core.deny(ask.value));
  }

  #refuse(refusal: AskRefusal): Reply {
    return refusal.to === 'client'
      ? redirect(refusal.url)
      : pageReply(400, refusalPage(this.#name, refusal.reason));
  }

  #token(headers: IncomingHttpHeaders, form: URLSearchParams): Reply {
    const fields = Object.fromEntries(form);
    const grantType = fields.grant_type ?? '';
    this.tokenRequests[grantType] = (this.tokenRequests[grantType] ?? 0) + 1;
    const { id, secret } = credentialsOf(headers, form);
    return tokenReply(this.core.tokens(id, secret, fields), headers.accept, this.traits);
  }

  /** RFC 7009 §2.2: nothing but the status counts. */
  #revoke(headers: IncomingHttpHeaders, form: URLSearchParams): Reply {
    if (!this.traits.revocation) return notFound;
    const { id, secret } = credentialsOf(headers, form);
    const revoked = this.core.revoke(id, secret, form.get('token') ?? '');
    return revoked.ok ? jsonReply(200, {}) : jsonReply(401, { error: revoked.failure.error });
  }

  #register(body: string): Reply {
    if (!this.traits.registration) return notFound;
    const read = registration.safeParse(parsed(body));
    if (!read.success) return jsonReply(400, { error: 'invalid_client_metadata' });
    const { redirect_uris, token_endpoint_auth_method } = read.data;
    const client = this.core.register(redirect_uris, token_endpoint_auth_method === 'none');
    this.registrations += 1;
    return jsonReply(201, {
      client_id: client.clientId,
      client_secret: client.clientSecret,
      client_secret_expires_at: client.clientSecret === undefined ? undefined : 0,
      redirect_uris,
      token_endpoint_auth_method,
    });
  }
}

const openTraits = { autoApprove: false, registration: true, metadata: true };
const subject = 'upstream-user';

/** RFC 6749 §2.3.1: Basic with form-encoded parts, or fields of the form. */
function credentialsOf(headers: IncomingHttpHeaders, form: URLSearchParams) {
  const basic = /^Basic (.+)$/i.exec(headers.authorization ?? '')?.[1];
  if (basic === undefined) {
    return { id: form.get('client_id') ?? '', secret: form.get('client_secret') ?? undefined };
  }
  const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':');
  return { id: formDecoded(id), secret: formDecoded(secret) };
}

function formDecoded(text: string): string {
  return new URLSearchParams(`value=${text}`).get('value') ?? '';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pageReply(status: number, body: string): Reply {
  return { status, headers: pageHeaders, body };
}

function redirect(location: string): Reply {
  return { status: 302, headers: { Location: location, 'Cache-Control': 'no-store' }, body: '' };
}

const notFound = jsonReply(404, { error: 'not_found' });
