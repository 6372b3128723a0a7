import type { ServerResponse } from 'node:http';
import type { Events } from '../../application/events.ts';
import { StoreUnavailable } from '../../application/ports.ts';
import { oauthError } from '../../domain/oauth-error.ts';
import { sendOAuthError } from './answers.ts';

/** Answers a request that something went wrong with inside the gateway: what it was is for the operator alone. */
export function serverFailure(events: Events): (response: ServerResponse, error: unknown) => void {
  return (response, error) => {
    const reason = error instanceof Error ? (error.stack ?? error.name) : String(error);
    events.emit({ type: 'internal_error', reason });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const answer = error instanceof StoreUnavailable ? storeAway : unexpected;
    sendOAuthError(response, answer);
  };
}

const storeAway = oauthError(
  'temporarily_unavailable',
  'The gateway cannot reach its store just now: try again.',
  5,
);
const unexpected = oauthError(
  'server_error',
  'Something went wrong in the gateway: try again later.',
);
