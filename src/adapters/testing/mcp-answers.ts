/** Bytes of an answer, all at once or as they come. */
export type AnswerBody = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

/** How a fake MCP server answers a call. */
export type McpAnswer =
  | {
      readonly type: 'answer';
      readonly status: number;
      /** Names and values alternating. */
      readonly headers: readonly string[];
      /** A WWW-Authenticate of its own. */
      readonly challenge: string | undefined;
      readonly body: AnswerBody;
      /** Whether the connection is cut where the body ends. */
      readonly breaks: boolean;
    }
  /** No answer at all until the caller leaves. */
  | { readonly type: 'stall' }
  /** The connection is cut before the first byte of an answer. */
  | { readonly type: 'cut' };

/** What may be said about an answer besides its body. */
export interface AnswerOptions {
  readonly status?: number;
  /** Names and values alternating. */
  readonly headers?: readonly string[];
  /** Whether the connection is cut where the body ends. */
  readonly breaks?: boolean;
}

/** An answer of JSON. */
export function jsonAnswer(value: unknown, options: AnswerOptions = {}): McpAnswer {
  return answer('application/json', [JSON.stringify(value)], options);
}

/** An answer that is an event stream; each chunk is sent on its own, as it comes. */
export function eventStreamAnswer(body: AnswerBody, options: AnswerOptions = {}): McpAnswer {
  return answer('text/event-stream', body, options);
}

/** An answer of these bytes. */
export function bytesAnswer(body: AnswerBody, options: AnswerOptions = {}): McpAnswer {
  return answer('application/octet-stream', body, options);
}

/** An answer without a body. */
export function emptyAnswer(status: number, headers: readonly string[] = []): McpAnswer {
  return { type: 'answer', status, headers, challenge: undefined, body: [], breaks: false };
}

/** A refusal of the token (RFC 6750 §3): 401 unless told, with a challenge. */
export function challengeAnswer(challenge?: string, status = 401): McpAnswer {
  const told = challenge ?? 'Bearer error="invalid_token"';
  return { type: 'answer', status, headers: [], challenge: told, body: [], breaks: false };
}

/** The words of one server-sent event that carries a JSON-RPC message. */
export function messageEvent(message: unknown): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

function answer(type: string, body: AnswerBody, options: AnswerOptions): McpAnswer {
  const { status = 200, headers = [], breaks = false } = options;
  return {
    type: 'answer',
    status,
    headers: ['Content-Type', type, ...headers],
    challenge: undefined,
    body,
    breaks,
  };
}
