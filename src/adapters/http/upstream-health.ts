import type { Events } from '../../application/events.ts';
import type { UpstreamHealth } from './health-endpoints.ts';

/** Learns from what happens whether the upstream MCP server answers: nobody is asked for it. */
export function upstreamHealth(): {
  readonly events: Events;
  readonly state: () => UpstreamHealth;
} {
  let state: UpstreamHealth = 'unknown';
  return {
    events: {
      emit: (event) => {
        if (event.type !== 'request_answered') return;
        if (event.error === 'upstream_unavailable') state = 'unreachable';
        else if (event.upstreamDuration !== undefined) state = 'reachable';
      },
    },
    state: () => state,
  };
}
