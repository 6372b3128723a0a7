import type { IncomingMessage } from 'node:http';
import { failure, type Result, success } from '../../domain/result.ts';

/** Bytes; a registration with 32 long redirect URIs, or a form with two token pairs of 11 KB each, fits. */
const longestBody = 128 * 1024;

/** Milliseconds within which a body has to be there: whoever sends it a byte at a time is not served. */
const patience = 30_000;

/** Why a body was not read. */
export type BodyFault = 'too_long' | 'too_slow' | 'broken';

/** Reads a body whole. */
export function readBody(request: IncomingMessage): Promise<Result<string, BodyFault>> {
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
      if (length > longestBody) settle(failure('too_long'));
    });
    request.on('end', () => settle(success(Buffer.concat(chunks).toString())));
    request.on('close', () => settle(failure('broken')));
    request.on('error', () => settle(failure('broken')));
  });
}
