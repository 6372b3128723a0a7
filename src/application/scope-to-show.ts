import type { Flow } from '../domain/authorization-flow.ts';
import type { Subject } from '../domain/grant.ts';
import type { Scope } from '../domain/scope.ts';
import type { ChooseScope } from './choose-scope.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

/**
 * What the upstream will be asked for on behalf of a flow, as screen 1 has to show it: the client's own words are only where it begins. While
 * the upstream cannot be found they are all that is known, and nothing is asked of it. Until somebody has signed in,
 * all that the resource demanded of this client lately is shown, and what a user granted it before is not: it is nobody else's to know, and
 * nothing that the user does not allow it anyway.
 */
export type ScopeToShow = (flow: Flow, signedIn: Subject | undefined) => Promise<Scope | undefined>;

/** Shows what the choice will be. */
export function scopeToShow(
  upstream: Pick<KnownUpstream, 'glance'> | undefined,
  choose: ChooseScope,
): ScopeToShow {
  return async ({ request }, signedIn) => {
    // Before the user said yes nobody registers or asks for anything there: the server's public documents are enough.
    return choose(request, signedIn, await upstream?.glance());
  };
}
