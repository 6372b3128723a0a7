import type { ReturnFromUpstream } from '../../application/return-from-upstream.ts';
import { flowOfState } from '../../domain/flow-secrets.ts';
import { sendOn, sendPage } from './answers.ts';
import { sendToClient } from './authorize-endpoint.ts';
import type { FlowCookies } from './flow-cookie.ts';
import { parameters } from './parameters.ts';
import { sendStepRefusal } from './problem.ts';
import { notesOf } from './request-notes.ts';
import type { Handle } from './router.ts';

/** GET /upstream/callback: the browser is back from screen 2 (RFC 6749 §4.1.2). */
export function upstreamCallbackEndpoint(
  returnFrom: ReturnFromUpstream,
  cookies: FlowCookies,
): Handle {
  return async (request, response, query) => {
    // Who only looks must not spend the upstream's code.
    if (request.method === 'HEAD') return sendPage(response, 200, '');
    const sent = parameters(query);
    const state = sent.get('state');
    const flow = flowOfState(state);
    notesOf(response).flow = flow;
    const returned = await returnFrom({
      state,
      cookie: cookies.read(request, flow),
      code: sent.get('code'),
      error: sent.get('error'),
      errorDescription: sent.get('error_description'),
      issuer: sent.get('iss'),
    });
    if (!returned.ok) return sendStepRefusal(request, response, returned.failure);
    const outcome = returned.value;
    if (outcome.type === 'upstream') return sendOn(response, outcome.url);
    const cleared = flow ? { 'Set-Cookie': cookies.clear(flow) } : {};
    const result = outcome.type === 'code' ? { code: outcome.code } : outcome.error;
    sendToClient(response, outcome.address, result, cleared);
  };
}
