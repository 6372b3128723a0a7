import { type Scope, scopeToAsk, scopeTokens } from '../domain/scope.ts';
import { scopesOf, type UpstreamServer } from '../domain/upstream-server.ts';

/** Decides what the upstream is asked for on behalf of a client. */
export interface ScopeChoice {
  /** What {@link scopeToAsk} says, by all that is known of this upstream; of one that is not known the client's own words are all there is. */
  choose(requested: Scope | undefined, server: UpstreamServer | undefined): Scope | undefined;
  /** The resource asked for more in the middle of its work: a client that comes back with these asks for nothing unknown. */
  demanded(scope: Scope): void;
}

/** The upstream is trusted to answer, but not to grow this process without end. */
const mostRemembered = 200;

/**
 * The choice; `configured` beats all. What was demanded is known to this process alone: several behind one load balancer know the scopes
 * that some metadata lists, and the operator's.
 */
export function scopeChoice(configured: Scope | undefined): ScopeChoice {
  const steppedUp = new Set<string>();
  return {
    choose: (requested, server) =>
      server === undefined
        ? (configured ?? requested)
        : scopeToAsk(requested, scopesOf(server, configured, [...steppedUp])),
    demanded: (scope) => {
      for (const token of scopeTokens(scope)) {
        if (steppedUp.size < mostRemembered) steppedUp.add(token);
      }
    },
  };
}
