import { type FlowId, flowKeptUntil } from '../domain/authorization-flow.ts';
import {
  type AuthorizationParameters,
  type ClientRequest,
  clientRequest,
  type RequestRefusal,
} from '../domain/authorization-request.ts';
import { newFlowId } from '../domain/flow-secrets.ts';
import { after, type Seconds } from '../domain/lifetime.ts';
import { oauthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { ClientFault, FindClient } from './find-client.ts';
import type { Ports } from './ports.ts';

/** Starts a flow for an authorization request; the value names it. `bases`: the URLs this gateway goes by, that of the request first. */
export type BeginAuthorization = (
  client: string | undefined,
  parameters: AuthorizationParameters,
  bases: readonly [string, ...string[]],
) => Promise<Result<FlowId, RequestRefusal>>;

/** The use case behind /authorize. */
export function beginAuthorization(
  ports: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>,
  find: FindClient,
  flowTtl: Seconds,
): BeginAuthorization {
  return async (client, parameters, bases) => {
    const found = await find(client ?? '');
    const request = found.ok
      ? clientRequest(found.value?.value, parameters, bases)
      : failure(unusableDocument(found.failure));
    const started = request.ok ? await start(ports, request.value, flowTtl) : request;
    if (started.ok) return started;
    const refusal = started.failure;
    const asked = found.ok ? found.value?.value.id : client;
    const reason = refusal.to === 'user' ? refusal.detail : refusal.error.description;
    ports.events.emit({ type: 'authorization_refused', client: asked, reason });
    return started;
  };
}

/** Nothing is known of where to return to: the user is told. */
function unusableDocument({ kind, sentence }: ClientFault): RequestRefusal {
  const reason = kind === 'refused' ? 'client_document' : 'client_unavailable';
  return { to: 'user', reason, detail: sentence };
}

async function start(
  ports: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>,
  request: ClientRequest,
  flowTtl: Seconds,
): Promise<Result<FlowId, RequestRefusal>> {
  const id = newFlowId(ports.random.bytes(16));
  const expiresAt = after(ports.clock.now(), flowTtl);
  const flow = { stage: 'started', id, request, expiresAt } as const;
  const outcome = await ports.store.flows.write(id, flow, undefined, flowKeptUntil(flow));
  if (outcome.type !== 'written') {
    const error = oauthError(
      'temporarily_unavailable',
      'Too many sign-ins are under way: try again in a minute.',
      60,
    );
    return failure({ to: 'client', address: request, error });
  }
  const { clientId, clientName, redirectUri } = request;
  ports.events.emit({
    type: 'authorization_started',
    flow: id,
    client: clientId,
    name: clientName,
    redirectUri,
  });
  return success(id);
}
