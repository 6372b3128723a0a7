import type { GatewayKeys } from '../domain/grant-keys.ts';
import { after, type EpochSeconds, isExpired, seconds } from '../domain/lifetime.ts';
import { failure, type Result, success } from '../domain/result.ts';
import { seal, unseal } from '../domain/sealing.ts';
import { sha256 } from '../domain/secret-hash.ts';
import {
  isAbout,
  type ResourceDocument,
  resourceMetadataUrls,
  serverMetadataUrls,
  serverOf,
} from '../domain/upstream-discovery.ts';
import {
  authMethodFor,
  type Upstream,
  type UpstreamClient,
  type UpstreamServer,
} from '../domain/upstream-server.ts';
import type { UpstreamFailure } from '../domain/upstream-tokens.ts';
import type { Ports, UpstreamRegistration, UpstreamRegistrationAnswer, Version } from './ports.ts';

/** What the operator said about the upstream. */
export interface UpstreamSettings {
  /** The MCP server's URL, as given. */
  readonly resource: string;
  readonly issuer: string | undefined;
  /** Both or neither: with them nothing is discovered. */
  readonly authorizationEndpoint: string | undefined;
  readonly tokenEndpoint: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly scope: string | undefined;
}

/** Finds the upstream's authorization server and the gateway's credentials there; asked lazily, and again after a failure. */
export type ResolveUpstream = () => Promise<Result<Upstream, UpstreamFailure>>;

type Resolution<Value> = Promise<Result<Value, UpstreamFailure>>;
type ResolvePorts = Pick<Ports, 'clock' | 'random' | 'store' | 'authorizationServer' | 'events'>;

/** How long a discovered server is taken as known (seconds). */
const serverKept = seconds(3600);

/** The use case: discovery (RFC 9728, RFC 8414) and registration (RFC 7591), one at a time, however many ask. */
export function resolveUpstream(
  ports: ResolvePorts,
  settings: UpstreamSettings,
  callbackUrl: () => string,
  keys: GatewayKeys,
): ResolveUpstream {
  let known: { readonly upstream: Upstream; readonly until: EpochSeconds } | undefined;
  let running: Resolution<Upstream> | undefined;
  const resolve = async (): Resolution<Upstream> => {
    const server = await findServer(ports, settings);
    if (!server.ok) return server;
    const client = await findClient(ports, settings, server.value, callbackUrl(), keys);
    if (!client.ok) return client;
    const upstream = { server: server.value, client: client.value };
    known = { upstream, until: after(ports.clock.now(), serverKept) };
    return success(upstream);
  };
  return () => {
    if (known && !isExpired(known.until, ports.clock.now())) {
      return Promise.resolve(success(known.upstream));
    }
    running ??= resolve().finally(() => {
      running = undefined;
    });
    return running;
  };
}

async function findServer(
  ports: ResolvePorts,
  settings: UpstreamSettings,
): Resolution<UpstreamServer> {
  const { authorizationEndpoint, tokenEndpoint } = settings;
  if (authorizationEndpoint !== undefined && tokenEndpoint !== undefined) {
    return success({ ...nothingKnown, authorizationEndpoint, tokenEndpoint });
  }
  const resource = await findResource(ports, settings.resource);
  if (!resource.ok) return resource;
  const issuers =
    settings.issuer === undefined ? resource.value?.authorizationServers : [settings.issuer];
  let last: Result<never, UpstreamFailure> = failure({
    kind: 'unusable',
    reason: `${settings.resource} does not say which authorization server it trusts: set --upstream-as, or both endpoints.`,
  });
  for (const issuer of issuers ?? []) {
    const server = await serverAt(ports, issuer, resource.value);
    if (server.ok) return server;
    last = server;
  }
  return last;
}

/** Where the operator names the endpoints nothing is known of the server, and nothing is assumed. */
const nothingKnown = {
  issuer: undefined,
  registrationEndpoint: undefined,
  revocationEndpoint: undefined,
  authMethods: undefined,
  scopesSupported: undefined,
  issuerInResponse: false,
  resource: undefined,
  resourceScopes: undefined,
};

async function findResource(
  ports: ResolvePorts,
  resource: string,
): Resolution<ResourceDocument | undefined> {
  for (const url of resourceMetadataUrls(resource)) {
    const document = await ports.authorizationServer.resourceDocument(url);
    if (!document.ok) return document;
    if (document.value === undefined) continue;
    if (isAbout(document.value, resource)) return document;
    return failure({
      kind: 'unusable',
      reason: `The metadata at ${url} is about another resource.`,
    });
  }
  return success(undefined);
}

async function serverAt(
  ports: ResolvePorts,
  issuer: string,
  resource: ResourceDocument | undefined,
): Resolution<UpstreamServer> {
  if (!URL.canParse(issuer))
    return failure({ kind: 'unusable', reason: `"${issuer}" is not an issuer.` });
  for (const url of serverMetadataUrls(issuer)) {
    const document = await ports.authorizationServer.serverDocument(url);
    if (!document.ok) return document;
    if (document.value === undefined) continue;
    const server = serverOf(document.value, issuer, resource);
    return server.ok ? server : failure({ kind: 'unusable', reason: server.failure });
  }
  return failure({
    kind: 'unusable',
    reason: `${issuer} publishes no authorization server metadata.`,
  });
}

async function findClient(
  ports: ResolvePorts,
  settings: UpstreamSettings,
  server: UpstreamServer,
  callback: string,
  keys: GatewayKeys,
): Resolution<UpstreamClient> {
  const { clientId, clientSecret } = settings;
  if (clientId !== undefined) {
    return success({
      clientId,
      clientSecret,
      method: authMethodFor(clientSecret, server.authMethods),
    });
  }
  if (!isOpen(server)) {
    return failure({
      kind: 'unusable',
      reason: `The upstream wants a client registered by hand: register one with the callback URL ${callback} and set --upstream-client-id.`,
    });
  }
  const kept = await ports.store.registrations.read(registrationKey(server, callback));
  const opened = kept && openRegistration(kept.value, keys);
  return opened
    ? success(opened)
    : register(ports, settings, server, callback, keys, kept?.version);
}

/** A server at which the gateway can register itself. */
interface OpenServer extends UpstreamServer {
  readonly issuer: string;
  readonly registrationEndpoint: string;
}

function isOpen(server: UpstreamServer): server is OpenServer {
  return server.issuer !== undefined && server.registrationEndpoint !== undefined;
}

/** Registrations never cross from one issuer to another (RFC 9700 §4.4), nor from one callback to another. */
function registrationKey({ issuer }: OpenServer, callback: string): string {
  return sha256(`${issuer} ${callback}`);
}

async function register(
  ports: ResolvePorts,
  settings: UpstreamSettings,
  server: OpenServer,
  redirectUri: string,
  keys: GatewayKeys,
  over: Version | undefined,
): Resolution<UpstreamClient> {
  const answer = await ports.authorizationServer.register(server.registrationEndpoint, {
    redirectUri,
    method: server.authMethods?.includes('none') ? 'none' : authMethodFor('', server.authMethods),
    scope: settings.scope ?? server.resourceScopes?.join(' '),
  });
  if (!answer.ok) return answer;
  const client = registeredClient(answer.value, server);
  ports.events.emit({
    type: 'upstream_registered',
    issuer: server.issuer,
    client: client.clientId,
  });
  const key = registrationKey(server, redirectUri);
  const outcome = await ports.store.registrations.write(
    key,
    sealedRegistration(client, keys, ports.random.bytes(12)),
    over,
    after(ports.clock.now(), registrationKept),
  );
  // Another process registered meanwhile: tokens that one client got are refreshed by no other.
  const kept = outcome.type === 'outdated' && (await ports.store.registrations.read(key));
  return success((kept && openRegistration(kept.value, keys)) || client);
}

/** Some answer with a secret although none was asked for, and want it from then on (Figma): the answer counts, not the question. */
function registeredClient(
  { clientId, clientSecret, method }: UpstreamRegistrationAnswer,
  server: UpstreamServer,
): UpstreamClient {
  const granted = method === 'client_secret_post' || method === 'client_secret_basic';
  const chosen = granted ? method : authMethodFor(clientSecret, server.authMethods);
  return { clientId, clientSecret, method: clientSecret === undefined ? 'none' : chosen };
}

// An upstream that forgot the client sooner says invalid_client; this only keeps the store from growing for ever.
const registrationKept = seconds(10 * 365 * 86_400);

function sealedRegistration(
  { clientId, clientSecret, method }: UpstreamClient,
  keys: GatewayKeys,
  nonce: Uint8Array,
): UpstreamRegistration {
  return {
    clientId,
    clientSecret:
      clientSecret === undefined
        ? undefined
        : seal(keys.current, nonce, clientSecret, sealContext(clientId)),
    method,
  };
}

/** `undefined` where the gateway key is another now: the gateway then registers anew. */
function openRegistration(
  { clientId, clientSecret, method }: UpstreamRegistration,
  keys: GatewayKeys,
): UpstreamClient | undefined {
  if (clientSecret === undefined) return { clientId, clientSecret: undefined, method };
  for (const key of [keys.current, ...keys.previous]) {
    const opened = unseal(key, clientSecret, sealContext(clientId));
    if (opened !== undefined)
      return { clientId, clientSecret: Buffer.from(opened).toString(), method };
  }
  return undefined;
}

function sealContext(clientId: string): string {
  return `upstream client ${clientId}`;
}
