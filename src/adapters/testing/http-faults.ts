import type { ServerResponse } from 'node:http';
import type { Clock } from '../../application/ports.ts';
import type { Gate } from './gate.ts';

/** A way in which an HTTP server misbehaves. */
export type HttpFault = AnswerFault | SlowFault | HeldFault;

/** An answer, but this many milliseconds late. */
export interface SlowFault {
  readonly type: 'slow';
  readonly milliseconds: number;
}

/** An answer, but not before a gate is opened. */
export interface HeldFault {
  readonly type: 'held';
  readonly gate: Pick<Gate, 'pass'>;
}

/** Something else than the answer. */
export type AnswerFault =
  /** The connection is cut before the first byte of an answer; `late`: after the request was carried out (authorization server only). */
  | { readonly type: 'cut'; readonly late?: boolean }
  /** The connection is cut in the middle of the answer's body. */
  | { readonly type: 'broken' }
  /** No answer at all. */
  | { readonly type: 'stall' }
  /** An answer of nothing but this status. */
  | { readonly type: 'status'; readonly status: number; readonly retryAfter?: number }
  /** A web page where none is wanted. */
  | { readonly type: 'html'; readonly status?: number }
  /** JSON without an end: as many bytes as it says. */
  | { readonly type: 'huge'; readonly bytes: number };

/** Misbehaviour on demand, by path. */
export interface HttpFaults {
  /** From now on requests to this path (all paths unless told) fail like this. */
  misbehave(fault: HttpFault, path?: string): void;
  /** Ends every misbehaviour. */
  behave(): void;
}

/** The faults that a server was told of. */
export class FaultTable implements HttpFaults {
  readonly #faults = new Map<string | undefined, HttpFault>();

  misbehave(fault: HttpFault, path?: string): void {
    this.#faults.set(path, fault);
  }

  behave(): void {
    this.#faults.clear();
  }

  /** Plays the fault of a path before the request is looked at; `answered`: nothing is left to do. */
  async before(
    path: string,
    response: ServerResponse,
    clock: Pick<Clock, 'sleep'>,
  ): Promise<'answered' | 'go_on'> {
    const fault = this.#faultOf(path);
    if (fault === undefined) return 'go_on';
    if (fault.type === 'slow') {
      await clock.sleep(fault.milliseconds);
      return 'go_on';
    }
    if (fault.type === 'held') {
      await fault.gate.pass();
      return 'go_on';
    }
    if (fault.type === 'cut' && fault.late) return 'go_on';
    play(fault, response);
    return 'answered';
  }

  /** Whether the answer of a request that was carried out is lost. */
  losesAnswer(path: string): boolean {
    const fault = this.#faultOf(path);
    return fault?.type === 'cut' && fault.late === true;
  }

  #faultOf(path: string): HttpFault | undefined {
    return this.#faults.get(path) ?? this.#faults.get(undefined);
  }
}

function play(fault: AnswerFault, response: ServerResponse): void {
  switch (fault.type) {
    case 'cut':
      response.destroy();
      return;
    case 'broken':
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 1000 });
      response.write('{"half": ', () => response.destroy());
      return;
    case 'stall':
      return;
    case 'status':
      response.writeHead(fault.status, {
        ...(fault.retryAfter !== undefined && { 'Retry-After': fault.retryAfter }),
      });
      response.end();
      return;
    case 'html':
      response.writeHead(fault.status ?? 200, { 'Content-Type': 'text/html; charset=utf-8' });
      response.end('<!doctype html><title>Sorry</title><p>We are doing some maintenance.');
      return;
    case 'huge':
      sendHuge(fault.bytes, response);
      return;
  }
}

const block = Buffer.alloc(64 * 1024, 'x');

/** As fast as it is read, and no longer than anybody reads it. */
function sendHuge(bytes: number, response: ServerResponse): void {
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      left -= block.length;
      if (!response.write(block)) return;
    }
    response.end('"}');
  };
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.write('{"filling": "');
  response.on('drain', more);
  more();
}
