import type {
  McpCall,
  McpExchange,
  McpFailure,
  McpSink,
  UpstreamResourceServer,
} from '../../application/ports.ts';
import type { UpstreamToken } from '../../domain/token-pair.ts';
import type { McpAnswer } from './mcp-answers.ts';
import type { McpSessions, ReceivedCall } from './mcp-sessions.ts';
import { ResourceCore, type ResourceServerOptions } from './resource-core.ts';

/** An upstream MCP server as a port: a bearer check, a minimal MCP server behind it, and every misbehaviour on demand. No network. */
export interface FakeResourceServer extends UpstreamResourceServer {
  /** Every call that came in, with whatever token. */
  readonly calls: readonly ReceivedCall[];
  /** The next calls are answered with these, one each, whatever token they carry. */
  answerNext(...answers: readonly McpAnswer[]): void;
  /** Sends a notification on every open GET stream. */
  notify: McpSessions['notify'];
  /** From now on every call fails like this before it begins. */
  goDown(failure?: McpFailure): void;
  /** Ends {@link goDown}. */
  recover(): void;
}

/** Makes a fake MCP server. */
export function fakeResourceServer(options: ResourceServerOptions): FakeResourceServer {
  const core = new ResourceCore(options);
  let trouble: McpFailure | undefined;
  return {
    calls: core.calls,
    answerNext: (...answers) => core.answerNext(answers),
    notify: (notification) => core.sessions.notify(notification),
    goDown: (failure = 'unreachable') => {
      trouble = failure;
    },
    recover: () => {
      trouble = undefined;
    },
    forward: (call, token, sink) => {
      const playing = new Playing(sink);
      // Later: whoever forwards has to know the exchange before its sink hears anything.
      queueMicrotask(() => {
        const played = trouble ? playing.fail(trouble) : playing.play(core, call, token);
        Promise.resolve(played).catch(() => playing.fail('broken'));
      });
      return playing;
    },
    close: () => Promise.resolve(),
  };
}

/** One call under way. */
class Playing implements McpExchange {
  readonly #sink: McpSink;
  #aborted = false;
  #held = false;
  #wake = (): void => {};
  readonly #leaving: Promise<void>;
  #leave = (): void => {};

  constructor(sink: McpSink) {
    this.#sink = sink;
    this.#leaving = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  resume(): void {
    this.#held = false;
    this.#wake();
  }

  abort(): void {
    this.#aborted = true;
    this.#leave();
    this.#wake();
  }

  fail(failure: McpFailure): void {
    if (!this.#aborted) this.#sink.fail(failure);
  }

  async play(core: ResourceCore, call: McpCall, token: UpstreamToken): Promise<void> {
    const received = await receivedCall(call, token);
    if (this.#aborted) return;
    const answer = core.answer(received);
    switch (answer.type) {
      case 'stall':
        return;
      case 'cut':
        return this.fail('broken');
      case 'answer':
        return this.#deliver(answer);
    }
  }

  async #deliver(answer: Extract<McpAnswer, { type: 'answer' }>): Promise<void> {
    this.#sink.start(answer.status, crossingHeaders(answer.headers), answer.challenge);
    for await (const chunk of untilLeft(answer.body, this.#leaving)) {
      if (this.#aborted) return;
      this.#held = false;
      const wantsMore = this.#sink.data(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      if (!wantsMore) await this.#untilResumed();
    }
    if (this.#aborted) return;
    if (answer.breaks) this.#sink.fail('broken');
    else this.#sink.end([]);
  }

  async #untilResumed(): Promise<void> {
    this.#held = true;
    while (this.#held && !this.#aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The chunks of a body until it ends or the caller has left, who is not kept waiting for the next one. */
export async function* untilLeft(
  body: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
  leaving: Promise<void>,
): AsyncGenerator<string | Uint8Array, void> {
  const iterator =
    Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]();
  const gone = leaving.then(() => ({ done: true, value: undefined }) as const);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), gone]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    void iterator.return?.(undefined);
  }
}

async function receivedCall(call: McpCall, token: UpstreamToken): Promise<ReceivedCall> {
  const { method, query } = call;
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  for (let index = 0; index + 1 < call.headers.length; index += 2) {
    const name = (call.headers[index] ?? '').toLowerCase();
    if (crosses(name)) headers[name] = call.headers[index + 1] ?? '';
  }
  return { method, query, headers, body: await bytesOf(call.body), token };
}

const crossing = new Set(['accept', 'content-type', 'last-event-id']);

function crosses(name: string): boolean {
  return crossing.has(name) || name.startsWith('mcp-');
}

/** The gateway sets its own cookies, and nobody else's. */
function crossingHeaders(headers: readonly string[]): readonly string[] {
  const crossed: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [name = '', value = ''] = headers.slice(index, index + 2);
    if (name.toLowerCase() !== 'set-cookie') crossed.push(name, value);
  }
  return crossed;
}

async function bytesOf(body: McpCall['body']): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}
