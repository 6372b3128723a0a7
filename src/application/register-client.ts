import {
  type Client,
  type ClientMetadata,
  clientId,
  registerClient,
} from '../domain/client-registration.ts';
import type { TokenPolicy } from '../domain/grant.ts';
import { after, type EpochSeconds, seconds } from '../domain/lifetime.ts';
import { type OAuthError, oauthError } from '../domain/oauth-error.ts';
import { failure, type Result, success } from '../domain/result.ts';
import type { KeyUrlRule } from './check-assertion.ts';
import type { KnownClient } from './find-client.ts';
import type { Ports } from './ports.ts';
import { rateLimit } from './rate-limit.ts';
import { type UnusedClients, unusedClients } from './unused-clients.ts';

/** A client that was just registered; the only moment its secret is known. */
export interface RegisteredClient {
  readonly client: Client;
  /** Absent for a public client. */
  readonly secret: string | undefined;
}

/** Registers a client (RFC 7591 §3.1). `from`: the address it comes from, where it comes over a network. */
export type RegisterClient = (
  metadata: ClientMetadata,
  from?: string,
) => Promise<Result<RegisteredClient, OAuthError>>;

/** Whether strangers may register themselves, and how often. */
export interface RegistrationSettings {
  readonly open: boolean;
  /** How many registrations a minute an address may make. */
  readonly perMinute: number;
}

/** The use case behind POST /register. */
export function registerClientUseCase(
  ports: Pick<Ports, 'clock' | 'random' | 'store' | 'events'>,
  { open, perMinute }: RegistrationSettings,
  keyUrlFault: KeyUrlRule,
): RegisterClient {
  const limit = rateLimit(ports, 'registration', perMinute);
  const unused = unusedClients(ports);

  const refusal = async (from: string | undefined): Promise<OAuthError | undefined> => {
    if (!open) return closed;
    const wait = from === undefined ? undefined : await limit(from);
    return wait === undefined ? undefined : oauthError('too_many_requests', tooMany, wait);
  };

  const register = async (metadata: ClientMetadata) => {
    const text = (bytes: number) => Buffer.from(ports.random.bytes(bytes)).toString('base64url');
    const secret = text(32);
    const now = ports.clock.now();
    const client = registered(metadata, { id: clientId(text(16)), secret, now }, keyUrlFault);
    const stored = client.ok ? await keep(ports, unused, client.value) : client;
    if (!stored.ok) return stored;
    const { id, name, secretHash } = stored.value;
    ports.events.emit({ type: 'client_registered', client: id, name });
    return success({ client: stored.value, secret: secretHash && secret });
  };

  return async (metadata, from) => {
    const refused = await refusal(from);
    const outcome = refused ? failure(refused) : await register(metadata);
    if (!outcome.ok) {
      const { error, description } = outcome.failure;
      ports.events.emit({ type: 'registration_refused', error, reason: description });
    }
    return outcome;
  };
}

/** By the rules for every client, and for what would have to be fetched for it. */
function registered(
  metadata: ClientMetadata,
  issued: Parameters<typeof registerClient>[1],
  keyUrlFault: KeyUrlRule,
): Result<Client, OAuthError> {
  const client = registerClient(metadata, issued);
  const source = client.ok ? client.value.keys?.source : undefined;
  const fault = source?.type === 'url' ? keyUrlFault(source.url) : undefined;
  return fault === undefined ? client : failure(oauthError('invalid_client_metadata', fault));
}

const tooMany = 'Too many clients were registered from this address: try later.';
const closed = oauthError(
  'access_denied',
  'Clients cannot register themselves here: ask the operator of this gateway for a client id.',
);

async function keep(
  ports: Pick<Ports, 'store'>,
  unused: UnusedClients,
  client: Client,
): Promise<Result<Client, OAuthError>> {
  const write = () => ports.store.clients.write(client.id, client, undefined, keptUntil(client));
  const first = await write();
  const isFull = first.type === 'full' && (await unused.forgetOldest());
  const outcome = isFull ? await write() : first;
  if (outcome.type !== 'written') return failure(noRoom);
  await unused.add(client.id);
  return success(client);
}

const noRoom = oauthError(
  'temporarily_unavailable',
  'Too many clients are registered: try later.',
  60,
);

/** A client that never got a token is forgotten after a day. */
function keptUntil({ registeredAt }: Client): EpochSeconds {
  return after(registeredAt, seconds(day));
}

const day = 86_400;

/** Until when one in use is kept: 90 days, and never shorter than a grant of it may still live, whose client has to be known. */
function keptInUse({ refreshTtl, clockSkew }: TokenPolicy, now: EpochSeconds): EpochSeconds {
  // Its use is noted once a day.
  return after(now, seconds(Math.max(90 * day, refreshTtl + clockSkew + day)));
}

/** Notes that a client is in use, once a day: it stays registered. That another writer was faster means that it is noted already. */
export async function noteUse(
  ports: Pick<Ports, 'clock' | 'store'>,
  { value, version }: KnownClient,
  policy: TokenPolicy,
): Promise<void> {
  if (version === undefined) return; // it is not in the store, and cannot be forgotten there
  const now = ports.clock.now();
  if (value.usedAt !== undefined && now < value.usedAt + day) return;
  const used = { ...value, usedAt: now };
  await ports.store.clients.write(value.id, used, version, keptInUse(policy, now));
}
