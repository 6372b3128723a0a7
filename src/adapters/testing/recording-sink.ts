import assert from 'node:assert/strict';
import type { McpFailure, McpSink } from '../../application/ports.ts';

/** How an answer ended: as it should, or by a failure. */
export type AnswerEnding = 'end' | McpFailure;

/** A sink that keeps what it hears, and throws when it hears what no upstream may say. */
export interface RecordingSink extends McpSink {
  readonly status: number | undefined;
  /** Names in lower case and values, joined where one came more than once. */
  readonly headers: Readonly<Record<string, string>>;
  readonly challenge: string | undefined;
  readonly bytes: Buffer;
  /** Whether anything was heard at all. */
  readonly silent: boolean;
  readonly started: Promise<void>;
  readonly firstChunk: Promise<void>;
  readonly ended: Promise<AnswerEnding>;
}

/** What a sink does besides listening. */
export interface RecordingSinkOptions {
  /** Called when the answer starts. */
  readonly onStart?: () => void;
  /** Called for each chunk; false holds the upstream back. */
  readonly onData?: () => boolean;
}

/** Makes a sink that has heard nothing yet. */
export function recordingSink({
  onStart = () => {},
  onData = () => true,
}: RecordingSinkOptions = {}): RecordingSink {
  return new Recording(onStart, onData);
}

class Recording implements RecordingSink {
  status: number | undefined;
  headers: Readonly<Record<string, string>> = {};
  challenge: string | undefined;
  readonly started: Promise<void>;
  readonly firstChunk: Promise<void>;
  readonly ended: Promise<AnswerEnding>;
  readonly #chunks: Uint8Array[] = [];
  readonly #onStart: () => void;
  readonly #onData: () => boolean;
  #ending: AnswerEnding | undefined;
  #resolveStarted = (): void => {};
  #resolveFirst = (): void => {};
  #resolveEnded = (_: AnswerEnding): void => {};

  constructor(onStart: () => void, onData: () => boolean) {
    this.#onStart = onStart;
    this.#onData = onData;
    this.started = new Promise((resolve) => {
      this.#resolveStarted = resolve;
    });
    this.firstChunk = new Promise((resolve) => {
      this.#resolveFirst = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get silent(): boolean {
    return this.status === undefined && this.#ending === undefined;
  }

  start(status: number, headers: readonly string[], challenge: string | undefined): void {
    assert.ok(this.silent, 'An answer starts once, and first.');
    this.status = status;
    this.headers = namedHeaders(headers);
    this.challenge = challenge;
    this.#resolveStarted();
    this.#onStart();
  }

  data(chunk: Uint8Array): boolean {
    assert.ok(this.status !== undefined && this.#ending === undefined, 'Data come in between.');
    // A copy: whoever gives a chunk may use its memory again.
    this.#chunks.push(new Uint8Array(chunk));
    this.#resolveFirst();
    return this.#onData();
  }

  end(): void {
    assert.ok(this.status !== undefined, 'What ends has started.');
    this.#end('end');
  }

  fail(failure: McpFailure): void {
    this.#end(failure);
  }

  #end(ending: AnswerEnding): void {
    assert.equal(this.#ending, undefined, 'An answer ends once.');
    this.#ending = ending;
    this.#resolveEnded(ending);
  }
}

function namedHeaders(raw: readonly string[]): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase();
    const value = raw[index + 1] ?? '';
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
}
