import { type Dispatcher, request } from 'undici';
import { type Freshness, freshnessOf } from '../../domain/freshness.ts';
import type { Seconds } from '../../domain/lifetime.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import type { UpstreamFailure } from '../../domain/upstream-tokens.ts';

/** A request of the gateway's own to the upstream. */
export interface HttpCall {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether only status and headers count: the body is not waited for. */
  readonly headOnly?: true;
  /** Whether redirects are answers like others. */
  readonly stays?: true;
}

/** An answer of the upstream's, read whole. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly challenge: string | undefined;
  readonly location: string | undefined;
  /** Seconds, where the upstream said when to come back. */
  readonly retryAfter: number | undefined;
  readonly freshFor: Freshness;
  readonly text: string;
}

/** What became of one request, for whoever wants to watch. */
export interface SeenCall {
  readonly method: string;
  readonly url: string;
  /** Absent where there was no answer. */
  readonly status: number | undefined;
  readonly contentType: string | undefined;
  /** Bytes. */
  readonly length: number | undefined;
  /** Why there was no answer. */
  readonly trouble: string | undefined;
}

/** Makes a call, within so many seconds. */
export type MakeCall = (
  call: HttpCall,
  within: Seconds,
) => Promise<Result<Answer, UpstreamFailure>>;

interface CallerOptions {
  readonly dispatcher: Dispatcher | undefined;
  readonly userAgent: string;
  readonly watch: ((seen: SeenCall) => void) | undefined;
}

/** Bytes; metadata of real servers stays below 64 KiB. */
const longestAnswer = 1024 * 1024;
const mostRedirects = 3;

/**
 * Calls with every limit that a stranger needs: one time for all of it (a server that sends a byte now and then is too slow too), a length,
 * and redirects on the same origin only, since a call carries credentials (RFC 9700 §4.12).
 */
export function httpCaller({ dispatcher, userAgent, watch }: CallerOptions): MakeCall {
  const once = async (call: HttpCall, signal: AbortSignal) => {
    const answer = await request(call.url, {
      method: call.method,
      headers: { ...call.headers, 'user-agent': userAgent },
      signal,
      ...(call.body !== undefined && { body: call.body }),
      ...(dispatcher && { dispatcher }),
    });
    const read = await readAnswer(answer, call);
    watch?.({
      ...seen(call),
      status: read.status,
      contentType: read.contentType,
      length: read.text.length,
    });
    return read;
  };
  return async (call, within) => {
    const signal = AbortSignal.timeout(within * 1000);
    let current = call;
    try {
      for (let redirects = 0; ; redirects += 1) {
        const answer = await once(current, signal);
        const target = redirectTarget(current, answer);
        if (target === undefined) return success(answer);
        if (redirects === mostRedirects || !isSameOrigin(target, call.url)) {
          return failure(notFollowed(current.url, target));
        }
        current = { ...current, url: target };
      }
    } catch (error) {
      const trouble = failureOf(error, current.url, within);
      watch?.({ ...seen(current), trouble: trouble.reason });
      return failure(trouble);
    }
  };
}

function seen({ method, url }: HttpCall): SeenCall {
  const nothing = { status: undefined, contentType: undefined, length: undefined };
  return { method, url, ...nothing, trouble: undefined };
}

/** Where an answer points the very same request to: 307 and 308 keep method and body (RFC 9110 §15.4.8), for a GET the others do too. */
function redirectTarget({ method, url, stays }: HttpCall, { status, location }: Answer) {
  if (stays) return undefined;
  const keeps = status === 307 || status === 308;
  const moves = method === 'GET' && (status === 301 || status === 302 || status === 303);
  if (location === undefined || !(keeps || moves)) return undefined;
  return URL.canParse(location, url) ? new URL(location, url).href : undefined;
}

function isSameOrigin(target: string, url: string): boolean {
  return new URL(target).origin === new URL(url).origin;
}

function notFollowed(from: string, target: string): UpstreamFailure {
  return {
    kind: 'unusable',
    reason: `${new URL(from).host} redirects elsewhere, which is not followed: give the address that it leads to.`,
    detail: new URL(target).origin,
  };
}

/** The answer was longer than anything of its kind may be. */
class AnswerTooLong extends Error {
  override readonly name = 'AnswerTooLong';
}

async function readAnswer(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  { headOnly }: HttpCall,
): Promise<Answer> {
  const header = (name: string) => first(headers[name]);
  // A body that is left before its end says so by an error, which else might be heard by nobody: the process would end.
  body.on('error', () => {});
  if (headOnly) body.destroy();
  return {
    status: statusCode,
    contentType: header('content-type') ?? '',
    challenge: all(headers['www-authenticate']),
    location: header('location'),
    retryAfter: secondsOf(header('retry-after')),
    freshFor: freshnessOf(header, 'own'),
    text: headOnly ? '' : await textOf(body),
  };
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > longestAnswer) throw new AnswerTooLong(); // leaving the loop destroys the body
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function first(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}

function all(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.join(', ');
}

/** RFC 9110 §10.2.3 also allows a date; a server that sends one is asked again at our own pace. */
function secondsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}

function failureOf(
  error: unknown,
  url: string,
  within: Seconds,
): Exclude<UpstreamFailure, { kind: 'refused' }> {
  const { host } = new URL(url);
  if (error instanceof AnswerTooLong) {
    return {
      kind: 'unusable',
      reason: `The answer of ${host} is too long: check the address, since nothing of this kind has more than a megabyte.`,
    };
  }
  const { name, code } = error as { readonly name?: string; readonly code?: unknown };
  const what = typeof code === 'string' ? code : name; // that of a timeout is a number
  const limit = name === 'TimeoutError' ? ` after ${Math.round(within)} s` : '';
  return { kind: 'unavailable', reason: `${host}: ${what}${limit}`, retryAfter: undefined };
}
