import type { IncomingMessage } from 'node:http';
import { failure, type Result, success } from '../../domain/result.ts';

/** How many bytes the body of each endpoint may have. */
export const bodyLimits: Readonly<
  Record<'signIn' | 'authorize' | 'token' | 'registration', number>
> = {
  /** A name and a password. */
  signIn: 16 * 1024,
  authorize: 64 * 1024,
  /** Two token pairs of 11 KB each, and an assertion. */
  token: 128 * 1024,
  /** 32 long redirect URIs, and a key set. */
  registration: 128 * 1024,
};

/** Milliseconds within which a body has to be there: whoever sends it a byte at a time is not served. */
const patience = 30_000;

/** Why a body was not read. */
export type BodyFault = 'too_long' | 'too_slow' | 'broken';

/** Reads a body whole, if it has no more than so many bytes. */
export function readBody(
  request: IncomingMessage,
  longest: number,
): Promise<Result<string, BodyFault>> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (result: Result<string, BodyFault>) => {
      clearTimeout(timer);
      request.removeAllListeners('data');
      resolve(result);
    };
    const timer = setTimeout(() => settle(failure('too_slow')), patience);
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > longest) settle(failure('too_long'));
    });
    request.on('end', () => settle(success(Buffer.concat(chunks).toString())));
    request.on('close', () => settle(failure('broken')));
    request.on('error', () => settle(failure('broken')));
    // Gone before anybody read.
    if (request.destroyed) settle(failure('broken'));
  });
}
