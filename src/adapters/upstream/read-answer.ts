import type { Dispatcher } from 'undici';

/** An answer of the upstream's, read whole. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** Seconds, where the upstream said when to come back. */
  readonly retryAfter: number | undefined;
  readonly text: string;
}

/** The answer was longer than anything of its kind may be. */
export class AnswerTooLong extends Error {
  override readonly name = 'AnswerTooLong';
}

/** Reads an answer of at most `limit` bytes; throws {@link AnswerTooLong} beyond that, or the network's error. */
export async function readAnswer(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  limit: number,
): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new AnswerTooLong(); // leaving the loop destroys the body
    chunks.push(chunk);
  }
  return {
    status: statusCode,
    contentType: first(headers['content-type']) ?? '',
    retryAfter: secondsOf(first(headers['retry-after'])),
    text: Buffer.concat(chunks).toString(),
  };
}

function first(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}

/** RFC 9110 §10.2.3 also allows a date; a server that sends one is asked again at our own pace. */
function secondsOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}
