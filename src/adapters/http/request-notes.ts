import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Events, RequestFacts } from '../../application/events.ts';
import type { Caller } from './forwarding.ts';

/** What is noted about a request on its way, for the operator. */
export interface RequestNotes {
  readonly id: string;
  readonly caller: Caller | undefined;
  /** The row of the table of routes. */
  route: string;
  /** Nobody wants to read about it: health checks. */
  quiet: boolean;
  /** The answer is the gateway's own, and does not need what is left of the body. */
  leavesRest: boolean;
  flow: string | undefined;
  grantType: RequestFacts['grantType'];
  error: string | undefined;
  upstreamDuration: number | undefined;
}

/** Where a response keeps the notes about its request: every call looks there several times. */
const kept: unique symbol = Symbol('notes');

interface NotedResponse extends ServerResponse {
  [kept]?: RequestNotes;
}

/** The notes about the request that this response answers; others than the listener's own have none that lead anywhere. */
export function notesOf(response: NotedResponse): RequestNotes {
  return response[kept] ?? blank('', undefined);
}

function blank(id: string, caller: Caller | undefined): RequestNotes {
  return {
    id,
    caller,
    route: 'none',
    quiet: false,
    leavesRest: false,
    flow: undefined,
    grantType: undefined,
    error: undefined,
    upstreamDuration: undefined,
  };
}

/** Takes notes about a request, and tells them when it has been answered; `over` hears of that first. */
export function takeNotes(
  request: IncomingMessage,
  response: NotedResponse,
  id: string,
  caller: Caller,
  events: Events,
  over: (request: IncomingMessage, notes: RequestNotes) => void,
): RequestNotes {
  const notes = blank(id, caller);
  const { socket, method = '' } = request;
  const startedAt = performance.now();
  const writtenBefore = socket.bytesWritten;
  response[kept] = notes;
  response.on('close', () => {
    over(request, notes);
    if (notes.quiet) return;
    events.emit({
      type: 'request_answered',
      request: notes.id,
      method,
      route: notes.route,
      status: response.statusCode,
      bytes: socket.bytesWritten - writtenBefore,
      duration: performance.now() - startedAt,
      upstreamDuration: notes.upstreamDuration,
      address: caller.address,
      flow: notes.flow,
      grantType: notes.grantType,
      error: notes.error,
      aborted: !response.writableFinished,
    });
  });
  return notes;
}

/** Names requests: a part that no other process has, and a count. */
export function requestIds(random: Uint8Array): () => string {
  const prefix = Buffer.from(random).toString('hex');
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count.toString(36)}`;
  };
}
