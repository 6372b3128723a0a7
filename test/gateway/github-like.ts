import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { codeChallengeOf } from '../../src/domain/pkce.ts';
import { listenOnLoopback } from '../support/real/loopback.ts';

/** The OAuth App that is registered there. */
export const app = { clientId: 'Iv1.0123456789abcdef', clientSecret: 'a secret: with +&% in it' };

/** A server that speaks as GitHub's OAuth Apps do: answers form-encoded, errors with status 200, tokens without an end, nothing to refresh with. */
export interface GithubLike {
  readonly authorizeEndpoint: string;
  readonly tokenEndpoint: string;
  /** Method and path of every request. */
  readonly seen: readonly string[];
  /** What its token endpoint answered, in order. */
  readonly answers: readonly string[];
  /** What the user does at the next authorization; codes that are `spoiled` are refused at the token endpoint. */
  next: 'allow' | 'deny' | 'spoil';
  isLive(token: string): boolean;
  /** As when the user revokes the app. */
  revokeAll(): void;
  close(): Promise<void>;
}

/** Starts one on a loopback port. */
export async function startGithubLike(): Promise<GithubLike> {
  const server = createServer();
  const { origin, close } = await listenOnLoopback(server);
  const github = new Github(origin, close);
  server.on('request', (request, response) => {
    github.handle(request, response).catch(() => response.destroy());
  });
  return github;
}

class Github implements GithubLike {
  readonly authorizeEndpoint: string;
  readonly tokenEndpoint: string;
  readonly seen: string[] = [];
  readonly answers: string[] = [];
  readonly close: () => Promise<void>;
  next: GithubLike['next'] = 'allow';
  readonly #challenges = new Map<string, string>();
  readonly #live = new Set<string>();

  constructor(origin: string, close: () => Promise<void>) {
    this.authorizeEndpoint = `${origin}/login/oauth/authorize`;
    this.tokenEndpoint = `${origin}/login/oauth/access_token`;
    this.close = close;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.authorizeEndpoint);
    this.seen.push(`${request.method} ${url.pathname}`);
    if (url.href.startsWith(`${this.authorizeEndpoint}?`)) {
      response.writeHead(302, { Location: this.#authorize(url.searchParams) }).end();
    } else if (request.method === 'POST' && url.href === this.tokenEndpoint) {
      const form = new URLSearchParams(await text(request));
      const answer = this.#token(form, request.headers.authorization ?? '');
      this.answers.push([...answer.keys()].join(' '));
      response.writeHead(200, {
        'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8',
      });
      response.end(answer.toString());
    } else {
      response.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>Not Found</h1>');
    }
  }

  #authorize(query: URLSearchParams): string {
    const target = new URL(query.get('redirect_uri') ?? '');
    target.searchParams.set('state', query.get('state') ?? '');
    if (this.next === 'deny') {
      target.searchParams.set('error', 'access_denied');
      target.searchParams.set('error_description', 'The user has denied your application access.');
      return target.href;
    }
    const code = randomBytes(10).toString('hex');
    if (this.next === 'allow') this.#challenges.set(code, query.get('code_challenge') ?? '');
    target.searchParams.set('code', code);
    return target.href;
  }

  #token(form: URLSearchParams, authorization: string): URLSearchParams {
    const code = form.get('code') ?? '';
    const challenge = this.#challenges.get(code);
    this.#challenges.delete(code);
    if (!isApp(form, authorization)) return refusal('incorrect_client_credentials');
    if (challenge !== codeChallengeOf(form.get('code_verifier') ?? '')) {
      return refusal('bad_verification_code');
    }
    const token = `gho_${randomBytes(18).toString('hex')}`;
    this.#live.add(token);
    return new URLSearchParams({ access_token: token, scope: 'repo,gist', token_type: 'bearer' });
  }

  isLive(token: string): boolean {
    return this.#live.has(token);
  }

  revokeAll(): void {
    this.#live.clear();
  }
}

function refusal(error: string): URLSearchParams {
  return new URLSearchParams({
    error,
    error_description: 'The words of GitHub.',
    error_uri: 'https://docs.github.example/errors',
  });
}

/** By Basic (form-encoded, RFC 6749 §2.3.1) or by the form. */
function isApp(form: URLSearchParams, authorization: string): boolean {
  const basic = /^Basic (.+)$/.exec(authorization)?.[1];
  const [id, secret] = basic
    ? Buffer.from(basic, 'base64').toString().split(':').map(formDecoded)
    : [form.get('client_id'), form.get('client_secret')];
  return id === app.clientId && secret === app.clientSecret;
}

function formDecoded(part: string): string {
  return new URLSearchParams(`v=${part}`).get('v') ?? '';
}
