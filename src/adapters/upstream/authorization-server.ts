import type { z } from 'zod';
import type {
  Clock,
  Fetched,
  UpstreamAuthorizationServer,
  UpstreamRegistrationAnswer,
  UpstreamRegistrationRequest,
} from '../../application/ports.ts';
import type { Seconds } from '../../domain/lifetime.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import type { Upstream } from '../../domain/upstream-server.ts';
import { refusal, type UpstreamFailure } from '../../domain/upstream-tokens.ts';
import { authenticated } from './client-authentication.ts';
import type { Answer, HttpCall, MakeCall } from './http-call.ts';
import {
  registrationAnswer,
  registrationError,
  registrationRequest,
  resourceAnswer,
  serverDocument,
} from './metadata-documents.ts';
import { probeCall } from './probe.ts';
import type { SigningKey } from './signing-key.ts';
import { judgeTokenResponse } from './token-response.ts';
import { wordsOf } from './words-of.ts';

/** How the upstream is reached as an authorization server. */
export interface AuthorizationServerOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly call: MakeCall;
  /** How long a single call may take. */
  readonly callLimit: Seconds;
  /** For `private_key_jwt`. */
  readonly key?: SigningKey | undefined;
  /** A header that the MCP server wants in place of a token. */
  readonly header?: readonly [string, string] | undefined;
}

/** The upstream's OAuth side over HTTP. */
export function httpAuthorizationServer(
  options: AuthorizationServerOptions,
): UpstreamAuthorizationServer {
  const { clock, call, callLimit, key, header } = options;
  const formCall = async (
    upstream: Upstream,
    url: string,
    form: Readonly<Record<string, string>>,
  ): Promise<HttpCall> => {
    const { headers, body } = await authenticated(upstream, form, key, clock.now());
    const all = { ...headers, ...formHeaders };
    return { url, method: 'POST', headers: all, body: body.toString() };
  };
  return {
    probe: async (url, within) => {
      const answer = await call(probeCall(url, header), within);
      return answer.ok ? probed(answer.value) : answer;
    },
    resourceDocument: async (url, within) =>
      fetched(await call(documentCall(url), within), resourceAnswer),
    serverDocument: async (url, within) =>
      fetched(await call(documentCall(url), within), serverDocument),
    register: async (endpoint, registration) =>
      registered(await call(registrationCall(endpoint, registration), callLimit), registration),
    requestTokens: async (upstream, form) => {
      const answer = await call(
        await formCall(upstream, upstream.server.tokenEndpoint, form),
        callLimit,
      );
      return answer.ok ? judgeTokenResponse(answer.value, upstream.manners.tokenTypes) : answer;
    },
    revokeToken: async (upstream, endpoint, token) =>
      revoked(await call(await formCall(upstream, endpoint, { token }), callLimit)),
  };
}

const formHeaders = {
  accept: 'application/json',
  'content-type': 'application/x-www-form-urlencoded',
};

function documentCall(url: string): HttpCall {
  return { url, method: 'GET', headers: { accept: 'application/json' } };
}

function registrationCall(url: string, registration: UpstreamRegistrationRequest): HttpCall {
  const headers = { accept: 'application/json', 'content-type': 'application/json' };
  return { url, method: 'POST', headers, body: JSON.stringify(registrationRequest(registration)) };
}

/** A server in trouble says nothing about what it would want. */
function trouble({ status, retryAfter }: Answer): UpstreamFailure | undefined {
  const inTrouble = status >= 500 || status === 429;
  return inTrouble ? { kind: 'unavailable', reason: `status ${status}`, retryAfter } : undefined;
}

function probed(answer: Answer) {
  const inTrouble = trouble(answer);
  return inTrouble
    ? failure(inTrouble)
    : success({ status: answer.status, challenge: answer.challenge });
}

/** No document: whatever is not a success, or not what it should be (a web application answers every path with its page). */
function fetched<Document>(
  answer: Result<Answer, UpstreamFailure>,
  schema: z.ZodType<Document>,
): Result<Fetched<Document>, UpstreamFailure> {
  if (!answer.ok) return answer;
  const { status, freshFor, text } = answer.value;
  const inTrouble = trouble(answer.value);
  if (inTrouble) return failure(inTrouble);
  return success({ document: status === 200 ? parsed(text, schema) : undefined, freshFor });
}

function parsed<Value>(text: string, schema: z.ZodType<Value>): Value | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function registered(
  answer: Result<Answer, UpstreamFailure>,
  { redirectUri }: UpstreamRegistrationRequest,
): Result<UpstreamRegistrationAnswer, UpstreamFailure> {
  if (!answer.ok) return answer;
  const { status, text } = answer.value;
  const inTrouble = trouble(answer.value);
  if (inTrouble) return failure(inTrouble);
  const registration = status < 300 ? parsed(text, registrationAnswer) : undefined;
  if (registration !== undefined) return success(registration);
  const said = parsed(text, registrationError);
  const code = said && refusal(said.error, undefined);
  const shown = code?.kind === 'refused' ? `, ${code.error}` : '';
  const reason = `The upstream refused to register this gateway (status ${status}${shown}): register a client by hand with the callback URL ${redirectUri} and set --upstream-client-id.`;
  return failure({ kind: 'unusable', reason, detail: wordsOf(answer.value), byHand: true });
}

/** RFC 7009 §2.2: a token that is not known there is revoked all the same; only a server in trouble has to be asked again. */
function revoked(answer: Result<Answer, UpstreamFailure>): Result<undefined, UpstreamFailure> {
  if (!answer.ok) return answer;
  const { status } = answer.value;
  if (status < 300) return success(undefined);
  const inTrouble = trouble(answer.value);
  const description = `status ${status}`;
  return failure(inTrouble ?? { kind: 'refused', error: 'revocation_refused', description });
}
