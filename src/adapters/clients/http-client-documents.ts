import { Agent, type Dispatcher, request } from 'undici';
import type { ClientDocuments, DocumentFailure, FetchedDocument } from '../../application/ports.ts';
import { publicKeys } from '../../domain/client-keys.ts';
import { clientMetadataDocument } from '../../domain/client-metadata.ts';
import { freshnessOf } from '../../domain/freshness.ts';
import { failure, type Result, success } from '../../domain/result.ts';
import { ForbiddenAddress, guardedConnector, type ResolveName } from './guarded-connector.ts';
import { isLoopbackAddress, isSpecialAddress } from './special-address.ts';

/** How strangers' documents are fetched. */
export interface ClientDocumentsOptions {
  /** Only for tests: loopback too, and there also over http. */
  readonly insecure?: boolean;
  readonly userAgent: string;
  /** Milliseconds for one document, from the look-up to its last byte. */
  readonly patience?: number;
  readonly resolve?: ResolveName;
}

/** Bytes. What the draft recommends for a document (§8.3 of -02); key sets with certificates in them are longer. */
const longest = { metadata: 5 * 1024, keys: 64 * 1024 };

/** What parsed JSON is; `undefined` where it is not what it should be. */
type Read<Value> = (json: unknown) => Value | undefined;

type Fetched<Value> = Promise<Result<FetchedDocument<Value>, DocumentFailure>>;

/** Documents over HTTP, through a connection of its own to each site that is let go at once. */
export function httpClientDocuments({
  insecure = false,
  userAgent,
  patience = 5000,
  resolve,
}: ClientDocumentsOptions): ClientDocuments {
  const isForbidden = (address: string, host: string) =>
    isSpecialAddress(address) && !(insecure && isLoopbackAddress(address) && isLoopbackName(host));
  const dispatcher = new Agent({
    connect: guardedConnector(isForbidden, patience, resolve),
    maxHeaderSize: 16 * 1024,
    keepAliveTimeout: 1,
    pipelining: 0,
  });
  // No cookies, no credentials, no proxy, no redirect: none of them was asked for.
  const headers = { accept: 'application/json', 'user-agent': userAgent };

  const fetch = async <Value>(url: string, limit: number, read: Read<Value>): Fetched<Value> => {
    if (!url.startsWith('https:') && !insecure) return refused('it is not at an https URL');
    try {
      const signal = AbortSignal.timeout(patience);
      const answer = await request(url, { dispatcher, headers, signal });
      // A body that is left before its end says so by an error, which else nobody hears: the process would end.
      answer.body.on('error', () => {});
      const fault = faultOf(answer, limit);
      if (fault === undefined) return await judged(answer, limit, read);
      answer.body.destroy();
      return failure(fault);
    } catch (error) {
      return failure(unreachable(error));
    }
  };

  return {
    metadata: (url) => fetch(url, longest.metadata, clientMetadataDocument),
    keys: (url) => fetch(url, longest.keys, publicKeys),
  };
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || isLoopbackAddress(host);
}

/** What is wrong with an answer by its head alone. */
function faultOf(
  { statusCode, headers }: Dispatcher.ResponseData,
  limit: number,
): DocumentFailure | undefined {
  // §4 of the draft: 200 and nothing else, and no redirect is followed. But a firewall or a faulty deployment says 403 or 404 for a while: only
  // who says that it is gone for good (RFC 9110 §15.5.11) withdraws it, and logs out everybody who uses that client.
  if (statusCode !== 200) {
    const kind = statusCode === 410 ? 'refused' : 'unavailable';
    return { kind, reason: `its server answered ${statusCode}` };
  }
  const type = first(headers['content-type'])?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!/^application\/([\w.-]+\+)?json$/.test(type)) {
    return { kind: 'refused', reason: 'its Content-Type is not JSON' };
  }
  return Number(first(headers['content-length']) ?? 0) > limit ? tooLong(limit) : undefined;
}

async function judged<Value>(
  { headers, body }: Dispatcher.ResponseData,
  limit: number,
  read: Read<Value>,
): Fetched<Value> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) return failure(tooLong(limit)); // leaving the loop destroys the body
    chunks.push(chunk);
  }
  const value = read(parsedJson(Buffer.concat(chunks).toString()));
  if (value === undefined) return refused('it is not the JSON that it should be');
  const header = (name: string) =>
    name === 'cache-control' ? headers[name]?.toString() : first(headers[name]);
  return success({ value, freshFor: freshnessOf(header, 'shared') ?? 0 });
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function first(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}

function tooLong(limit: number): DocumentFailure {
  return { kind: 'refused', reason: `it is longer than ${limit} bytes` };
}

function refused(reason: string): Result<never, DocumentFailure> {
  return failure({ kind: 'refused', reason });
}

/** A special address counts as out of reach: whoever names it must not learn from the answer what DNS says in here. */
function unreachable(error: unknown): DocumentFailure {
  if (error instanceof ForbiddenAddress) return { kind: 'unavailable', reason: error.message };
  // The code of a DOMException is a number that tells nothing.
  const { name, code } = error as { readonly name?: string; readonly code?: unknown };
  const what = typeof code === 'string' ? code : name;
  return { kind: 'unavailable', reason: `it could not be fetched (${what})` };
}
