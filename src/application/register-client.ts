import {
  type Client,
  type ClientMetadata,
  clientId,
  registerClient,
} from '../domain/client-registration.ts';
import { after, type EpochSeconds, seconds } from '../domain/lifetime.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { Ports, Versioned } from './ports.ts';

/** A client that was just registered; the only moment its secret is known. */
export interface RegisteredClient {
  readonly client: Client;
  /** Absent for a public client. */
  readonly secret: string | undefined;
}

/** Registers a client (RFC 7591 §3.1). */
export type RegisterClient = (
  metadata: ClientMetadata,
) => Promise<Result<RegisteredClient, OAuthError>>;

/** The use case behind POST /register. */
export function registerClientUseCase(
  ports: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>,
): RegisterClient {
  return async (metadata) => {
    const text = (bytes: number) => Buffer.from(ports.random.bytes(bytes)).toString('base64url');
    const secret = text(32);
    const now = ports.clock.now();
    const client = registerClient(metadata, { id: clientId(text(16)), secret, now });
    const stored = client.ok ? await keep(ports, client.value) : client;
    if (!stored.ok) {
      const { error, description } = stored.failure;
      ports.events.emit({ type: 'registration_refused', error, reason: description });
      return stored;
    }
    const { id, name, secretHash } = stored.value;
    ports.events.emit({ type: 'client_registered', client: id, name });
    return success({ client: stored.value, secret: secretHash && secret });
  };
}

async function keep(
  ports: Pick<Ports, 'store'>,
  client: Client,
): Promise<Result<Client, OAuthError>> {
  const outcome = await ports.store.clients.write(client.id, client, undefined, keptUntil(client));
  return outcome.type === 'written'
    ? success(client)
    : failure(
        oauthError('temporarily_unavailable', 'Too many clients are registered: try later.', 60),
      );
}

/** A client that never got a token is forgotten after a day, one that no longer comes after 90 days. */
function keptUntil(client: Client): EpochSeconds {
  return client.usedAt === undefined
    ? after(client.registeredAt, seconds(day))
    : after(client.usedAt, seconds(90 * day));
}

const day = 86_400;

/** Notes that a client is in use, once a day: it stays registered. That another writer was faster means that it is noted already. */
export async function noteUse(
  ports: Pick<Ports, 'clock' | 'store'>,
  { value, version }: Versioned<Client>,
): Promise<void> {
  const now = ports.clock.now();
  if (value.usedAt !== undefined && now < value.usedAt + day) return;
  const used = { ...value, usedAt: now };
  await ports.store.clients.write(value.id, used, version, keptUntil(used));
}
