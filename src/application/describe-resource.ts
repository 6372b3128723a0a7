import type { RelayedMetadata } from '../domain/metadata.ts';
import { type Scope, scopeTokens } from '../domain/scope.ts';
import { silentResource, type UpstreamResource } from '../domain/upstream-server.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

/** The words of the upstream that the gateway relays. */
export interface DescribeResource {
  /**
   * For the metadata (RFC 9728 §2): looks for the upstream if nothing is known of it, but never keeps a client waiting for long.
   * `undefined` while it is not found: what is answered then is not to be kept.
   */
  words(): Promise<RelayedMetadata | undefined>;
  /** For a challenge (RFC 6750 §3): what is known already, since a refusal waits for nobody. */
  demanded(): Scope | undefined;
}

interface DescribeParts {
  /** Absent where it has no authorization server of its own, and so no scopes. */
  readonly upstream: Pick<KnownUpstream, 'glance' | 'known'> | undefined;
  /** Set by the operator: whatever a client asks for, this is what it gets. */
  readonly configured: Scope | undefined;
}

/** The words over what is known of the upstream. */
export function describeResource({ upstream, configured }: DescribeParts): DescribeResource {
  return {
    words: async () => {
      const server = upstream === undefined ? silentResource : await upstream.glance();
      return server && wordsOf(server, configured);
    },
    demanded: () => configured ?? upstream?.known()?.challengeScopes?.join(' '),
  };
}

function wordsOf(resource: UpstreamResource, configured: Scope | undefined): RelayedMetadata {
  return {
    scopes_supported: configured === undefined ? resource.resourceScopes : scopeTokens(configured),
    resource_documentation: resource.documentation,
    resource_policy_uri: resource.policy,
    resource_tos_uri: resource.termsOfService,
  };
}
