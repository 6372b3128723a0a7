import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Random } from '../../application/ports.ts';
import { untilLeft } from './fake-resource-server.ts';
import { FaultTable, type HttpFaults } from './http-faults.ts';
import { bodyOf, type LoopbackServer, startLoopbackServer } from './loopback-server.ts';
import type { McpAnswer } from './mcp-answers.ts';
import type { McpSessions, ReceivedCall } from './mcp-sessions.ts';
import { ResourceCore, type ResourceServerOptions } from './resource-core.ts';
import { wallClock } from './wall-clock.ts';

/** What an MCP server over HTTP may be told at its start. */
export interface HttpResourceServerOptions extends Pick<ResourceServerOptions, 'access' | 'pause'> {
  /** The issuer that its metadata names (RFC 9728 §2). */
  readonly issuer: string;
  /** The clock on the wall unless told. */
  readonly clock?: Clock;
  readonly random?: Random;
  /** Chosen by the system unless told. */
  readonly port?: number;
  /** Where its metadata is: with the path inserted, at the root, or nowhere (RFC 9728 §3.1). Both unless told. */
  readonly metadata?: 'both' | 'path' | 'root' | 'none';
  readonly scopes?: readonly string[];
}

/** An upstream MCP server over HTTP: a minimal MCP server behind a bearer check, that can be told to misbehave. */
export interface HttpResourceServer extends LoopbackServer, HttpFaults {
  /** The MCP endpoint. */
  readonly url: string;
  /** Every call to the MCP endpoint that came with a token, whatever it was. */
  readonly calls: readonly ReceivedCall[];
  /** The next calls are answered with these, one each, whatever token they carry. */
  answerNext(...answers: readonly McpAnswer[]): void;
  /** Sends a notification on every open GET stream. */
  notify: McpSessions['notify'];
}

const path = '/mcp';

/** Starts an MCP server on a loopback port. */
export async function startHttpResourceServer(
  options: HttpResourceServerOptions,
): Promise<HttpResourceServer> {
  const { clock = wallClock, random = { bytes: randomBytes }, access, pause } = options;
  const core = new ResourceCore({ access, clock, random, ...(pause !== undefined && { pause }) });
  const faults = new FaultTable();
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://upstream');
    if ((await faults.before(url.pathname, response, clock)) === 'answered') return;
    if (url.pathname === path) return answerCall(core, request, url.search, response);
    const found = metadataPaths(options).includes(url.pathname);
    return found ? sendMetadata(listening.origin, options, response) : notFound(response);
  };
  const listening = await startLoopbackServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  }, options.port);
  const [metadataPath] = metadataPaths(options);
  core.metadataUrl = metadataPath && `${listening.origin}${metadataPath}`;
  return {
    ...listening,
    url: `${listening.origin}${path}`,
    calls: core.calls,
    answerNext: (...answers) => core.answerNext(answers),
    notify: (notification) => core.sessions.notify(notification),
    misbehave: (fault, where) => faults.misbehave(fault, where),
    behave: () => faults.behave(),
  };
}

const wellKnown = '/.well-known/oauth-protected-resource';

function metadataPaths({
  metadata = 'both',
}: Pick<HttpResourceServerOptions, 'metadata'>): readonly string[] {
  const paths = { path: [`${wellKnown}${path}`], root: [wellKnown], none: [] };
  return metadata === 'both' ? [...paths.path, ...paths.root] : paths[metadata];
}

function sendMetadata(
  origin: string,
  { issuer, scopes = ['read', 'write'] }: HttpResourceServerOptions,
  response: ServerResponse,
): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(
    JSON.stringify({
      resource: `${origin}${path}`,
      authorization_servers: [issuer],
      scopes_supported: scopes,
      bearer_methods_supported: ['header'],
    }),
  );
}

function notFound(response: ServerResponse): void {
  response.writeHead(404).end();
}

async function answerCall(
  core: ResourceCore,
  request: IncomingMessage,
  query: string,
  response: ServerResponse,
): Promise<void> {
  const body = await bodyOf(request);
  const answer = core.answer(receivedCall(request, query, body));
  switch (answer.type) {
    case 'stall':
      return;
    case 'cut':
      response.destroy();
      return;
    case 'answer':
      return deliver(answer, response);
  }
}

function receivedCall(request: IncomingMessage, query: string, body: Buffer): ReceivedCall {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value);
  const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
  return { method: request.method ?? '', query, headers, body, token };
}

async function deliver(
  answer: Extract<McpAnswer, { type: 'answer' }>,
  response: ServerResponse,
): Promise<void> {
  const challenge = answer.challenge === undefined ? [] : ['WWW-Authenticate', answer.challenge];
  response.writeHead(answer.status, [...answer.headers, ...challenge]);
  response.flushHeaders(); // a stream may be silent for long
  const leaving = new Promise<void>((resolve) => {
    response.once('close', resolve);
  });
  for await (const chunk of untilLeft(answer.body, leaving)) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await Promise.race([drained(response), leaving]);
  }
  if (answer.breaks) response.destroy();
  else response.end();
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
  });
}
