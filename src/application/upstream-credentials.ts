import type { GatewayKeys } from '../domain/grant-keys.ts';
import { after, seconds } from '../domain/lifetime.ts';
import { isReadableOutside } from '../domain/metadata.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { type Sealed, seal, unseal } from '../domain/sealing.ts';
import { sha256 } from '../domain/secret-hash.ts';
import {
  type AuthMethodFacts,
  authMethodFor,
  authMethodOfDocument,
  authMethodOfKept,
  authMethodToRegister,
  type UpstreamClient,
} from '../domain/upstream-client.ts';
import { presetFor, type UpstreamPreset } from '../domain/upstream-presets.ts';
import {
  scopesDemanded,
  scopesToRegister,
  serverName,
  serverNames,
  type UpstreamServer,
} from '../domain/upstream-server.ts';
import type { UpstreamFailure } from '../domain/upstream-tokens.ts';
import type { Ports, UpstreamRegistration, Version, Versioned } from './ports.ts';
import type { UpstreamSettings } from './upstream-settings.ts';

/** The gateway's credentials at an upstream's authorization server. */
export interface UpstreamCredentials {
  /** What the operator configured, else a client ID metadata document, else a registration, kept or new (MCP authorization, "Client Registration"). */
  find(server: UpstreamServer): Promise<Result<UpstreamClient, UpstreamFailure>>;
  /** Why there can be none without a person who registers the gateway; asks nothing of anybody. */
  obstacle(server: UpstreamServer): UpstreamFailure | undefined;
  /** Forgets a registration that the server itself has forgotten; false where the gateway did not register. */
  forget(server: UpstreamServer, clientId: string): Promise<boolean>;
}

interface CredentialParts {
  readonly ports: Pick<Ports, 'clock' | 'random' | 'store' | 'authorizationServer' | 'events'>;
  readonly settings: UpstreamSettings;
  readonly callbackUrl: () => string;
  /** The gateway's own client document, where one can be read from outside. */
  readonly documentUrl: () => string | undefined;
  readonly keys: GatewayKeys;
}

/** A server, and all that the ways to credentials have to know of it. */
interface Place {
  readonly server: UpstreamServer;
  readonly preset: UpstreamPreset | undefined;
  readonly redirectUri: string;
}

type Found = Promise<Result<UpstreamClient, UpstreamFailure>>;

/** The credentials over the store of registrations. */
export function upstreamCredentials(parts: CredentialParts): UpstreamCredentials {
  const { settings, callbackUrl } = parts;
  const placeOf = (server: UpstreamServer): Place => ({
    server,
    preset: presetFor([server.issuer, server.authorizationEndpoint, settings.resource]),
    redirectUri: callbackUrl(),
  });
  return {
    find: (server) => find(parts, placeOf(server)),
    obstacle: (server) => {
      const place = placeOf(server);
      return wayTo(parts, place).type === 'by_hand' ? byHand(place) : undefined;
    },
    forget: async (server, clientId) => {
      if (clientId === settings.clientId || clientId === parts.documentUrl()) return false;
      const { registrations } = parts.ports.store;
      const { key, kept } = await keptRegistration(parts, placeOf(server));
      // A record that is over: the store has no delete, and needs none. Another's newer one stays.
      if (kept?.value.clientId === clientId) {
        await registrations.write(key, kept.value, kept.version, parts.ports.clock.now());
      }
      return true;
    },
  };
}

/** How the gateway comes to a client id at a server. */
type Way =
  | { readonly type: 'configured'; readonly clientId: string }
  | { readonly type: 'document'; readonly url: string; readonly method: UpstreamClient['method'] }
  | { readonly type: 'registration'; readonly endpoint: string }
  | { readonly type: 'by_hand' };

function wayTo(parts: CredentialParts, place: Place): Way {
  const { settings, documentUrl } = parts;
  const { server, preset } = place;
  const { clientId } = settings;
  if (clientId !== undefined) return { type: 'configured', clientId };
  const wanted = settings.registration === 'auto' ? preset?.registration : settings.registration;
  const url = documentUrl();
  // An operator who wants it knows that the server is on the same network.
  const isFit = (at: string) => server.acceptsDocuments && isReadableOutside(at);
  const method = authMethodOfDocument(factsOf(parts, place));
  const isWanted = (at: string) => wanted === 'document' || (wanted === undefined && isFit(at));
  if (url !== undefined && method !== undefined && isWanted(url)) {
    return { type: 'document', url, method };
  }
  const endpoint = server.registrationEndpoint;
  return endpoint === undefined || wanted === 'manual'
    ? { type: 'by_hand' }
    : { type: 'registration', endpoint };
}

function find(parts: CredentialParts, place: Place): Found {
  const way = wayTo(parts, place);
  switch (way.type) {
    case 'configured':
      return configuredClient(parts, place, way.clientId);
    case 'document':
      return Promise.resolve(documentClient(way.url, way.method));
    case 'registration':
      return registeredClient(parts, place, way.endpoint);
    case 'by_hand':
      return Promise.resolve(failure(byHand(place)));
  }
}

/** The one sentence that an operator needs where the gateway cannot help itself. */
function byHand({ preset, redirectUri }: Place): UpstreamFailure {
  const hint = preset?.hint === undefined ? '' : ` ${preset.hint}`;
  return {
    kind: 'unusable',
    reason: `The upstream wants a client registered by hand: register one with the callback URL ${redirectUri} and set --upstream-client-id.${hint}`,
    byHand: true,
  };
}

/**
 * The operator's client. It belongs to the server that it was first used at: when the MCP server names another one later, the secret does
 * not go there (MCP authorization, "Authorization Server Binding"), unless the operator named the server too.
 */
async function configuredClient(parts: CredentialParts, place: Place, clientId: string): Found {
  const { ports, settings } = parts;
  const { clientSecret } = settings;
  const name = serverName(place.server);
  if (settings.issuer === undefined && settings.authorizationEndpoint === undefined) {
    const key = sha256(`configured ${clientId} ${settings.resource}`);
    const first = await ports.store.registrations.read(key);
    if (first !== undefined && !serverNames(place.server).includes(first.value.server)) {
      return failure({
        kind: 'unusable',
        reason: `The upstream names another authorization server now, ${name}, and the configured client belongs to ${first.value.server}: set --upstream-as to the one that is meant.`,
      });
    }
    if (first === undefined) {
      const secret = { clientSecret: undefined, secretExpiresAt: undefined };
      const pin = { server: name, clientId, ...secret, method: 'none' } as const;
      const until = after(ports.clock.now(), registrationKept);
      await ports.store.registrations.write(key, pin, undefined, until);
    }
  }
  const hasSecret = clientSecret !== undefined;
  const method = authMethodFor({ ...factsOf(parts, place), answered: undefined, hasSecret });
  return success({ clientId, clientSecret, method });
}

/** A client ID metadata document: its URL is the client id at every server, and the method is the one that it names. */
function documentClient(
  url: string,
  method: UpstreamClient['method'],
): Result<UpstreamClient, UpstreamFailure> {
  return success({ clientId: url, clientSecret: undefined, method });
}

async function registeredClient(parts: CredentialParts, place: Place, endpoint: string): Found {
  const { key, kept } = await keptRegistration(parts, place);
  if (kept === undefined) return register(parts, place, endpoint, key, undefined);
  const opened = openRegistration(kept.value, parts.keys);
  const method = opened && authMethodOfKept(opened.client, factsOf(parts, place));
  if (opened === undefined || method === undefined) {
    return register(parts, place, endpoint, key, kept.version);
  }
  if (opened.isOld) await sealAnew(parts, key, kept, opened.client);
  return success({ ...opened.client, method });
}

/** Under the current gateway key, so that it outlives the previous one: the grants that were made by this client end with it. */
async function sealAnew(
  { ports, keys }: CredentialParts,
  key: string,
  { value, version }: Versioned<UpstreamRegistration>,
  client: UpstreamClient,
): Promise<void> {
  const sealed = { ...value, clientSecret: sealedSecret(client, keys, ports.random.bytes(12)) };
  const until = value.secretExpiresAt ?? after(ports.clock.now(), registrationKept);
  // Where another was faster, it did the same.
  await ports.store.registrations.write(key, sealed, version, until);
}

async function register(
  parts: CredentialParts,
  place: Place,
  endpoint: string,
  key: string,
  over: Version | undefined,
): Found {
  const { ports, settings, keys } = parts;
  const { server, redirectUri } = place;
  const facts = factsOf(parts, place);
  const method = authMethodToRegister(facts);
  const ask = (scope: string | undefined) =>
    ports.authorizationServer.register(endpoint, {
      clientName: settings.clientName,
      redirectUri,
      method,
      scope,
      publicKey: method === 'private_key_jwt' ? settings.publicKey : undefined,
    });
  const all = settings.scope ?? scopesToRegister(server)?.join(' ');
  const least = settings.scope ?? scopesDemanded(server)?.join(' ');
  const first = await ask(all);
  // Some scope of the list may be for other clients than this one.
  const isRefused = !first.ok && first.failure.kind === 'unusable';
  const answer = isRefused && least !== all ? await ask(least) : first;
  if (!answer.ok) return withHint(answer.failure, place);
  const { clientId, clientSecret, method: answered, secretExpiresAt } = answer.value;
  const hasSecret = clientSecret !== undefined;
  const client = {
    clientId,
    clientSecret,
    method: authMethodFor({ ...facts, answered, hasSecret }),
  };
  ports.events.emit({ type: 'upstream_registered', issuer: serverName(server), client: clientId });
  const sealed = {
    server: serverName(server),
    clientId,
    clientSecret: sealedSecret(client, keys, ports.random.bytes(12)),
    secretExpiresAt,
    method: client.method,
  };
  const until = secretExpiresAt ?? after(ports.clock.now(), registrationKept);
  const outcome = await ports.store.registrations.write(key, sealed, over, until);
  if (outcome.type !== 'outdated') return success(client);
  // Another instance registered meanwhile: one registration serves all, since tokens are bound to it.
  const theirs = await ports.store.registrations.read(key);
  return success((theirs && openRegistration(theirs.value, keys))?.client ?? client);
}

function withHint(cause: UpstreamFailure, { preset }: Place): Result<never, UpstreamFailure> {
  const { hint } = preset ?? {};
  return failure(
    cause.kind === 'unusable' && hint !== undefined
      ? { ...cause, reason: `${cause.reason} ${hint}` }
      : cause,
  );
}

function factsOf(
  { settings }: CredentialParts,
  { server, preset }: Place,
): Omit<AuthMethodFacts, 'answered' | 'hasSecret'> {
  return {
    configured: settings.authMethod,
    preset: preset?.authMethod,
    listed: server.authMethods,
    hasKey: settings.publicKey !== undefined,
  };
}

interface KeptRegistration {
  readonly key: string;
  readonly kept: Versioned<UpstreamRegistration> | undefined;
}

/** The registration at a server, by whichever of its names; the key of a new one where there is none. */
async function keptRegistration(
  { ports }: CredentialParts,
  { server, redirectUri }: Place,
): Promise<KeptRegistration> {
  for (const name of serverNames(server)) {
    const key = registrationKey(name, redirectUri);
    const kept = await ports.store.registrations.read(key);
    if (kept !== undefined) return { key, kept };
  }
  return { key: registrationKey(serverName(server), redirectUri), kept: undefined };
}

/**
 * Registrations never cross from one server to another (RFC 9700 §4.4), nor from one callback to another. Nothing else counts: the grants that
 * were made by a client live as long as it does, and a gateway that goes by another name, or asks for other scopes, is no reason to end them.
 */
function registrationKey(name: string, redirectUri: string): string {
  return sha256(JSON.stringify([name, redirectUri]));
}

// An upstream that forgot the client sooner says invalid_client; this only keeps the store from growing for ever.
const registrationKept = seconds(10 * 365 * 86_400);

function sealedSecret(
  { clientId, clientSecret }: UpstreamClient,
  keys: GatewayKeys,
  nonce: Uint8Array,
): Sealed | undefined {
  return clientSecret === undefined
    ? undefined
    : seal(keys.current, nonce, clientSecret, sealContext(clientId));
}

/** A registration whose secret can be read; `isOld`: under a previous gateway key. */
interface OpenedRegistration {
  readonly client: UpstreamClient;
  readonly isOld: boolean;
}

/** `undefined` where the gateway key is another now: the gateway then registers anew. */
function openRegistration(
  { clientId, clientSecret, method }: UpstreamRegistration,
  keys: GatewayKeys,
): OpenedRegistration | undefined {
  if (clientSecret === undefined) {
    return { client: { clientId, clientSecret: undefined, method }, isOld: false };
  }
  for (const key of [keys.current, ...keys.previous]) {
    const opened = unseal(key, clientSecret, sealContext(clientId));
    if (opened !== undefined) {
      const client = { clientId, clientSecret: Buffer.from(opened).toString(), method };
      return { client, isOld: key !== keys.current };
    }
  }
  return undefined;
}

function sealContext(clientId: string): string {
  return `upstream client ${clientId}`;
}
