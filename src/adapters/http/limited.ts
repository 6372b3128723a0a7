import type { ServerResponse } from 'node:http';
import type { RateLimit } from '../../application/rate-limit.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import { sendOAuthError, wantsPage } from './answers.ts';
import { sendProblem } from './problem.ts';
import { notesOf } from './request-notes.ts';
import type { Handle } from './router.ts';
import { senderOf } from './sender.ts';

/** An endpoint that turns senders away who come too often: with a page for a person, and JSON for a program. */
export function limited(limit: RateLimit, handle: Handle): Handle {
  return async (request, response, query) => {
    const wait = await limit(senderOf(notesOf(response).caller?.address));
    if (wait === undefined) return handle(request, response, query);
    if (!wantsPage(request)) return sendJsonRefusal(response, wait);
    response.setHeader('Retry-After', String(wait));
    sendProblem(request, response, { ...tooMany, remedy: `Wait ${wait} seconds, then try again.` });
  };
}

function sendJsonRefusal(response: ServerResponse, wait: number): void {
  const sentence = `${tooMany.explanation} Try again in ${wait} seconds.`;
  sendOAuthError(response, oauthError('too_many_requests', sentence, wait), {
    // What else of the request is on its way is not read.
    Connection: 'close',
  });
}

const tooMany = {
  status: 429,
  code: 'too_many_requests',
  title: 'Too many requests',
  explanation: 'Too many requests came from your address within a minute.',
};
