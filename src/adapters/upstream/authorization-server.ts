import { type Dispatcher, request } from 'undici';
import type { z } from 'zod';
import {
  type UpstreamAuthorizationServer,
  type UpstreamRegistrationRequest,
  upstreamCallLimit,
} from '../../application/ports.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import type { Upstream } from '../../domain/upstream-server.ts';
import type { UpstreamFailure } from '../../domain/upstream-tokens.ts';
import { registrationAnswer, resourceDocument, serverDocument } from './metadata-documents.ts';
import { type Answer, AnswerTooLong, readAnswer } from './read-answer.ts';
import { judgeTokenResponse } from './token-response.ts';

/** Bytes; metadata of real servers stays below 64 KiB. */
const longestAnswer = 1024 * 1024;

type Call = Promise<Result<Answer, UpstreamFailure>>;

/** The upstream's authorization server over HTTP. No redirect is followed, every call ends in time, and no answer is read without a limit. */
export function httpAuthorizationServer(dispatcher?: Dispatcher): UpstreamAuthorizationServer {
  const call = async (url: string, options: CallOptions): Call => {
    try {
      // One time for all of it: a server that sends a byte now and then is too slow too.
      const signal = AbortSignal.timeout(upstreamCallLimit * 1000);
      const answer = await request(url, { ...options, signal, ...(dispatcher && { dispatcher }) });
      return success(await readAnswer(answer, longestAnswer));
    } catch (error) {
      return failure(failureOf(error, url));
    }
  };
  return {
    resourceDocument: async (url) => document(await call(url, getJson), resourceDocument),
    serverDocument: async (url) => document(await call(url, getJson), serverDocument),
    register: async (endpoint, registration) =>
      registered(await call(endpoint, registrationCall(registration))),
    requestTokens: async (upstream, form) => {
      const answer = await call(upstream.server.tokenEndpoint, formCall(upstream, form));
      return answer.ok ? judgeTokenResponse(answer.value) : answer;
    },
    revokeToken: async (upstream, endpoint, token) =>
      revoked(await call(endpoint, formCall(upstream, { token }))),
  };
}

interface CallOptions {
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const getJson: CallOptions = { method: 'GET', headers: { accept: 'application/json' } };

/** No document: whatever is not a success, or not what it should be (a web application answers every path with its page). */
function document<Document>(
  answer: Result<Answer, UpstreamFailure>,
  schema: z.ZodType<Document>,
): Result<Document | undefined, UpstreamFailure> {
  if (!answer.ok) return answer;
  const { status, retryAfter, text } = answer.value;
  if (status >= 500 || status === 429) {
    return failure({ kind: 'unavailable', reason: `status ${status}`, retryAfter });
  }
  return success(status === 200 ? parsed(text, schema) : undefined);
}

function parsed<Value>(text: string, schema: z.ZodType<Value>): Value | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function registrationCall({
  redirectUri,
  method,
  scope,
}: UpstreamRegistrationRequest): CallOptions {
  return {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'MCP OAuth Gateway',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: method,
      scope,
    }),
  };
}

function registered(answer: Result<Answer, UpstreamFailure>) {
  if (!answer.ok) return answer;
  const { status, retryAfter, text } = answer.value;
  if (status >= 500 || status === 429) {
    return failure({ kind: 'unavailable', reason: `status ${status}`, retryAfter } as const);
  }
  const registration = status < 300 ? parsed(text, registrationAnswer) : undefined;
  if (registration !== undefined) return success(registration);
  const reason = `The upstream refused to register this gateway (status ${status}): register a client by hand and set --upstream-client-id.`;
  return failure({ kind: 'unusable', reason } as const);
}

function formCall({ client }: Upstream, form: Readonly<Record<string, string>>): CallOptions {
  const { clientId, clientSecret, method } = client;
  const body = new URLSearchParams(form);
  const headers = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  };
  if (method === 'client_secret_basic') {
    const credentials = `${formEncoded(clientId)}:${formEncoded(clientSecret ?? '')}`;
    const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    return { method: 'POST', headers: { ...headers, authorization }, body: body.toString() };
  }
  body.set('client_id', clientId);
  if (method === 'client_secret_post') body.set('client_secret', clientSecret ?? '');
  return { method: 'POST', headers, body: body.toString() };
}

/** RFC 7009 §2.2: a token that is not known there is revoked all the same; only a server in trouble has to be asked again. */
function revoked(answer: Result<Answer, UpstreamFailure>): Result<undefined, UpstreamFailure> {
  if (!answer.ok) return answer;
  const { status, retryAfter } = answer.value;
  if (status < 300) return success(undefined);
  const reason = `status ${status}`;
  return status >= 500 || status === 429
    ? failure({ kind: 'unavailable', reason, retryAfter })
    : failure({ kind: 'refused', error: 'revocation_refused', description: reason });
}

/** RFC 6749 §2.3.1: id and secret are form-encoded before they are joined. */
function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

function failureOf(error: unknown, url: string): UpstreamFailure {
  const { host } = new URL(url);
  if (error instanceof AnswerTooLong) {
    return { kind: 'unusable', reason: `The answer of ${host} is too long.` };
  }
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  return { kind: 'unavailable', reason: `${host}: ${code ?? name}`, retryAfter: undefined };
}
