import { failure, type Result } from '../domain/result.ts';
import { serverName, type UpstreamServer } from '../domain/upstream-server.ts';
import { reasonOf, type UpstreamFailure } from '../domain/upstream-tokens.ts';
import type { Ports } from './ports.ts';
import type { KnownUpstream } from './resolve-upstream.ts';

/**
 * Looks for the upstream before anybody needs it, so that an operator learns at the start what would keep users from signing in. It asks
 * for public documents and registers nothing; what it finds is told as an event, and nothing depends on it.
 */
export type LookAtUpstream = () => Promise<void>;

type Looked = Pick<KnownUpstream, 'server' | 'obstacle'>;

/** The look; without an authorization server there is nothing to look for. */
export function lookAtUpstream(
  { events }: Pick<Ports, 'events'>,
  upstream: Looked | undefined,
): LookAtUpstream {
  return async () => {
    if (upstream === undefined) return;
    const usable = await usableServer(upstream);
    events.emit(
      usable.ok
        ? { type: 'upstream_found', issuer: serverName(usable.value) }
        : {
            type: 'upstream_failed',
            flow: undefined,
            grant: undefined,
            reason: reasonOf(usable.failure),
          },
    );
  };
}

async function usableServer(upstream: Looked): Promise<Result<UpstreamServer, UpstreamFailure>> {
  const server = await upstream.server();
  const obstacle = server.ok ? upstream.obstacle(server.value) : undefined;
  return obstacle === undefined ? server : failure(obstacle);
}
