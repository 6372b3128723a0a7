import type { Events } from '../../application/events.ts';
import { type Store, StoreUnavailable } from '../../application/ports.ts';
import { sendJson } from './answers.ts';
import { notesOf } from './request-notes.ts';
import type { Handle } from './router.ts';

/** Whether the upstream MCP server answered when it was last asked; `unknown` where nobody has called it yet. */
export type UpstreamHealth = 'unknown' | 'reachable' | 'unreachable';

/** What readiness depends on. */
export interface HealthParts {
  readonly store: Pick<Store, 'probe'>;
  /** Whether the gateway is about to stop. */
  readonly isDraining: () => boolean;
  readonly upstream: () => UpstreamHealth;
  /** Hears what is wrong with the store, beyond its being away. */
  readonly events: Events;
}

/** GET /healthz: the process answers. Says nothing of what is behind it, so that an orchestrator restarts it for its own faults alone. */
export function livenessEndpoint(): Handle {
  return (_request, response) => {
    notesOf(response).quiet = true;
    sendJson(response, 200, { status: 'alive' });
  };
}

/**
 * GET /readyz: whether requests should be sent here. An upstream that is away is told and not fatal: with it all instances would leave
 * at once, and the clients would see nothing but a closed door.
 */
export function readinessEndpoint(parts: HealthParts): Handle {
  const { isDraining, upstream } = parts;
  return async (_request, response) => {
    notesOf(response).quiet = true;
    const store = await stateOf(parts);
    const status = isDraining() ? 'draining' : store === 'reachable' ? 'ready' : 'not_ready';
    const body = { status, store, upstream: upstream() };
    sendJson(response, status === 'ready' ? 200 : 503, body);
  };
}

async function stateOf({ store, events }: HealthParts): Promise<'reachable' | 'unreachable'> {
  try {
    await store.probe();
    return 'reachable';
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) {
      events.emit({ type: 'internal_error', reason: String(error) });
    }
    return 'unreachable';
  }
}
