import type { McpFailure } from '../../src/application/ports.ts';
import type { McpClientSink } from '../../src/application/relay-mcp-call.ts';

/** How a call to /mcp ended for the client. */
export type Ending =
  | { readonly type: 'end' | 'challenge' | 'full' }
  | { readonly type: 'fail'; readonly failure: McpFailure }
  | { readonly type: 'unavailable'; readonly retryAfter: number | undefined }
  | { readonly type: 'crash'; readonly error: unknown };

/** A client's side of one call. */
export interface HeardAnswer extends McpClientSink {
  readonly interims: readonly number[];
  readonly status: number | undefined;
  readonly headers: readonly string[];
  readonly text: string;
  /** The upstream's own challenge. */
  readonly upstreamChallenge: string | undefined;
  /** Resolves with the end of the call, however it came. */
  readonly ended: Promise<Ending>;
  /** Resolves with the first chunk. */
  readonly firstChunk: Promise<void>;
  /** Whether the next chunk is answered with "no more for now". */
  hold: boolean;
  /** Whether another call is let in. */
  room: boolean;
}

export function heardAnswer(): HeardAnswer {
  let end = (_: Ending): void => {};
  let first = (): void => {};
  const ended = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  const firstChunk = new Promise<void>((resolve) => {
    first = resolve;
  });
  const heard = {
    interims: [] as readonly number[],
    status: undefined as number | undefined,
    headers: [] as readonly string[],
    text: '',
    upstreamChallenge: undefined as string | undefined,
    hold: false,
    room: true,
    ended,
    firstChunk,
    interim: (status: number) => {
      heard.interims = [...heard.interims, status];
    },
    start: (status: number, headers: readonly string[], challenge: string | undefined) => {
      heard.upstreamChallenge = challenge;
      heard.status = status;
      heard.headers = headers;
    },
    data: (chunk: Uint8Array) => {
      heard.text += Buffer.from(chunk).toString();
      first();
      return !heard.hold;
    },
    end: () => end({ type: 'end' }),
    fail: (failure: McpFailure) => end({ type: 'fail', failure }),
    admit: () => {
      if (heard.room) return true;
      end({ type: 'full' });
      return false;
    },
    forwarded: () => {},
    challenge: () => end({ type: 'challenge' }),
    unavailable: (retryAfter: number | undefined) => end({ type: 'unavailable', retryAfter }),
    crash: (error: unknown) => end({ type: 'crash', error }),
  };
  return heard;
}
