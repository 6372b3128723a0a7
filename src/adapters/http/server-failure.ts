import type { ServerResponse } from 'node:http';
import type { Events } from '../../application/events.ts';
import { StoreUnavailable } from '../../application/ports.ts';
import { httpStatusOf, oauthError } from '../../domain/oauth-error.ts';
import { sendOAuthError, wantsPage } from './answers.ts';
import { sendProblem } from './problem.ts';

/** Answers a request that something went wrong with inside the gateway: what it was is for the operator alone. */
export function serverFailure(events: Events): (response: ServerResponse, error: unknown) => void {
  return (response, error) => {
    const reason = error instanceof Error ? (error.stack ?? error.name) : String(error);
    events.emit({ type: 'internal_error', reason });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { answer, page } = error instanceof StoreUnavailable ? storeAway : unexpected;
    if (!wantsPage(response.req)) return sendOAuthError(response, answer);
    const { error: code, description: explanation, retryAfter } = answer;
    if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
    const status = httpStatusOf(answer);
    sendProblem(response.req, response, { status, code, explanation, ...page });
  };
}

const storeAway = {
  answer: oauthError(
    'temporarily_unavailable',
    'The gateway cannot reach its store just now: try again.',
    5,
  ),
  page: {
    title: 'This does not work just now',
    remedy: 'Wait a moment, then load this page again. If it stays like this, tell the operator.',
  },
};
const unexpected = {
  answer: oauthError('server_error', 'Something went wrong in the gateway: try again later.'),
  page: {
    title: 'Something went wrong',
    remedy:
      'Go back to the application and start the connection again from there. If that does not help, tell the operator what stands below.',
  },
};
