import type { Flow } from '../domain/authorization-flow.ts';
import type { Scope } from '../domain/scope.ts';
import type { ScopeChoice } from './choose-scope.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

/**
 * What the upstream will be asked for on behalf of a flow, as screen 1 has to show it: the client's own words are only where it begins. While
 * the upstream cannot be found they are all that is known, and nothing is asked of it.
 */
export type ScopeToShow = (flow: Flow) => Promise<Scope | undefined>;

/** Shows what the choice will be. */
export function scopeToShow(
  upstream: Pick<KnownUpstream, 'glance'> | undefined,
  scopes: Pick<ScopeChoice, 'choose'>,
): ScopeToShow {
  return async ({ request }) => {
    // Before the user said yes nobody registers or asks for anything there: the server's public documents are enough.
    return scopes.choose(request.scope, await upstream?.glance());
  };
}
