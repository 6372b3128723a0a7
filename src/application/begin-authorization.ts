import { type FlowId, flowKeptUntil } from '../domain/authorization-flow.ts';
import {
  type AuthorizationParameters,
  type ClientRequest,
  clientRequest,
  type RequestRefusal,
} from '../domain/authorization-request.ts';
import { newFlowId } from '../domain/flow-secrets.ts';
import type { GatewayBases } from '../domain/gateway-address.ts';
import { after, type Seconds } from '../domain/lifetime.ts';
import { oauthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { ClientFault, FindClient } from './find-client.ts';
import type { NoteFlow } from './flow-crowd.ts';
import type { Ports } from './ports.ts';

/** Starts a flow for an authorization request; the value names it. `bases`: the URLs this gateway goes by, that of the request first. */
export type BeginAuthorization = (
  client: string | undefined,
  parameters: AuthorizationParameters,
  bases: GatewayBases,
  /** Where the request comes from, as limits count it. */
  from?: string,
) => Promise<Result<FlowId, RequestRefusal>>;

/** The use case behind /authorize. */
export function beginAuthorization(
  ports: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>,
  find: FindClient,
  flowTtl: Seconds,
  note: NoteFlow,
): BeginAuthorization {
  return async (client, parameters, bases, from) => {
    const found = await find(client ?? '');
    const request = found.ok
      ? clientRequest(found.value?.value, parameters, bases)
      : failure(unusableDocument(found.failure));
    const started = request.ok ? await start(ports, request.value, flowTtl) : request;
    if (started.ok) {
      if (from !== undefined) await note(started.value, from);
      return started;
    }
    const registered = found.ok ? found.value?.value.redirectUris : undefined;
    ports.events.emit({
      type: 'authorization_refused',
      client,
      ...refusalFacts(started.failure, parameters.redirectUri, registered),
    });
    return started;
  };
}

/** What the operator has to know; of redirect URIs only where that is why. */
function refusalFacts(
  refusal: RequestRefusal,
  asked: string | undefined,
  registered: readonly string[] | undefined,
) {
  if (refusal.to === 'client') {
    return { reason: refusal.error.description, redirectUri: undefined, registered: undefined };
  }
  const { reason, detail } = refusal;
  return reason === 'redirect_uri'
    ? { reason: detail, redirectUri: asked, registered: registered?.join(' ') }
    : { reason: detail, redirectUri: undefined, registered: undefined };
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
