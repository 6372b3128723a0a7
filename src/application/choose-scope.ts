import type { ClientRequest } from '../domain/authorization-request.ts';
import type { Subject } from '../domain/grant.ts';
import { type Scope, scopeToAsk } from '../domain/scope.ts';
import { scopesOf, type UpstreamServer } from '../domain/upstream-server.ts';
import type { StepUps } from './step-ups.ts';

/**
 * Decides what the upstream is asked for on behalf of a client: what {@link scopeToAsk} says, by all that is known of this upstream; of one
 * that is not known the client's own words are all there is. `subject`: the client's user, where somebody has signed in.
 */
export type ChooseScope = (
  request: ClientRequest,
  subject: Subject | undefined,
  server: UpstreamServer | undefined,
) => Promise<Scope | undefined>;

/** The choice; `configured` beats all. */
export function chooseScope(
  configured: Scope | undefined,
  stepUps: Pick<StepUps, 'of'>,
): ChooseScope {
  return async (request, subject, server) => {
    if (configured !== undefined || server === undefined) return configured ?? request.scope;
    const stepUp = await stepUps.of(request.clientId, subject);
    return scopeToAsk(request.scope, scopesOf(server, configured, stepUp));
  };
}
