import type { Flow } from '../domain/authorization-flow.ts';
import { type Scope, scopeToAsk } from '../domain/scope.ts';
import { scopesOf } from '../domain/upstream-server.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

/**
 * What the upstream will be asked for on behalf of a flow, as screen 1 has to show it: the client's own words are only where it begins. While
 * the upstream cannot be found they are all that is known, and nothing is asked of it.
 */
export type ScopeToShow = (flow: Flow) => Promise<Scope | undefined>;

/** Shows what {@link scopeToAsk} will say. */
export function scopeToShow(
  upstream: Pick<KnownUpstream, 'resolve'> | undefined,
  configured: Scope | undefined,
): ScopeToShow {
  return async ({ request }) => {
    const resolved = await upstream?.resolve();
    return resolved?.ok
      ? scopeToAsk(request.scope, scopesOf(resolved.value.server, configured))
      : (configured ?? request.scope);
  };
}
