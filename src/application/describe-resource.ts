import { after, type EpochSeconds, isExpired, seconds } from '../domain/lifetime.ts';
import type { RelayedMetadata } from '../domain/metadata.ts';
import { type Scope, scopeTokens } from '../domain/scope.ts';
import { silentResource, type UpstreamResource } from '../domain/upstream-server.ts';
import type { Ports } from './ports.ts';
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
  readonly ports: Pick<Ports, 'clock'>;
  /** Absent where it has no authorization server of its own, and so no scopes. */
  readonly upstream: Pick<KnownUpstream, 'server' | 'known'> | undefined;
  /** Set by the operator: whatever a client asks for, this is what it gets. */
  readonly configured: Scope | undefined;
}

/** How long a client waits for the words of an upstream that nothing is known of, in milliseconds. */
export const longestWait = 3000;

/** After a look that found nothing anybody may ask, but the upstream is left alone for this long (seconds). */
const pause = seconds(30);

/** The words over what is known of the upstream. */
export function describeResource({ ports, upstream, configured }: DescribeParts): DescribeResource {
  let notBefore: EpochSeconds | undefined;
  const look = async (server: ReturnType<KnownUpstream['server']>) => {
    const found = await server;
    notBefore = found.ok ? undefined : after(ports.clock.now(), pause);
  };
  return {
    words: async () => {
      const { clock } = ports;
      if (
        upstream !== undefined &&
        (notBefore === undefined || isExpired(notBefore, clock.now()))
      ) {
        await Promise.race([look(upstream.server()), clock.sleep(longestWait)]);
      }
      const server = upstream === undefined ? silentResource : upstream.known();
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
