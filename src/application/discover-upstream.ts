import { after, type EpochSeconds, type Seconds, seconds, timeLeft } from '../domain/lifetime.ts';
import { type OutboundRule, outboundFault, outboundRule } from '../domain/outbound-rule.ts';
import { failure, type Result, success } from '../domain/result.ts';
import {
  type DescribedServer,
  isAbout,
  legacyServer,
  type ProbeReading,
  type ResourceDocument,
  readProbe,
  resourceMetadataUrls,
  resourceOf,
  serverMetadataUrls,
  serverOf,
  silenceOf,
  speaksFor,
} from '../domain/upstream-discovery.ts';
import { presetFor } from '../domain/upstream-presets.ts';
import { silentResource, type UpstreamServer } from '../domain/upstream-server.ts';
import type { UpstreamFailure } from '../domain/upstream-tokens.ts';
import type { Fetched, Ports } from './ports.ts';
import type { UpstreamSettings } from './upstream-settings.ts';

/** A server that was found, and how long it may be taken as known. */
export interface Discovered {
  readonly server: UpstreamServer;
  /** Absent where the documents do not say. */
  readonly freshFor: Seconds | undefined;
}

type Found<Value> = Promise<Result<Value, UpstreamFailure>>;
type DiscoveryPorts = Pick<Ports, 'clock' | 'authorizationServer'>;

/**
 * Finds the upstream's authorization server (MCP authorization, "Authorization Server Discovery"): what the operator named, else what the
 * MCP server's challenge and metadata name, else what the 2025-03-26 specification falls back to. All tokens are bound to the server that
 * is `known` from before: it is given up for another only where the documents say so, and not because one of them is out of reach.
 */
export async function discoverUpstream(
  ports: DiscoveryPorts,
  settings: UpstreamSettings,
  known: UpstreamServer | undefined,
): Found<Discovered> {
  const named = namedServer(settings);
  if (named !== undefined) return success({ server: named, freshFor: undefined });
  const walk = new Walk(ports, settings, known?.issuer);
  const server = await walk.server();
  return server.ok ? success({ server: server.value, freshFor: walk.freshFor }) : server;
}

/** The server whose endpoints the operator named: nothing more is known of it, and nothing is asked. */
function namedServer(settings: UpstreamSettings): UpstreamServer | undefined {
  const { authorizationEndpoint, tokenEndpoint, issuer } = settings;
  if (authorizationEndpoint === undefined || tokenEndpoint === undefined) return undefined;
  return {
    issuer,
    authorizationEndpoint,
    tokenEndpoint,
    registrationEndpoint: undefined,
    revocationEndpoint: undefined,
    authMethods: undefined,
    scopesSupported: undefined,
    issuerInResponse: false,
    acceptsDocuments: false,
    ...silentResource,
  };
}

/** Of an MCP server that did not answer. */
const unread: ProbeReading = { status: 0, metadataUrl: undefined, scopes: undefined };

/** More are not tried: a list of servers is a stranger's word. */
const mostServers = 5;

/** One discovery under way: its time, and what it found out on the way. */
class Walk {
  readonly #ports: DiscoveryPorts;
  readonly #settings: UpstreamSettings;
  readonly #rule: OutboundRule;
  readonly #deadline: EpochSeconds;
  /** The issuer that was found before. */
  readonly #known: string | undefined;
  /** The shortest life of any document that was used. */
  freshFor: Seconds | undefined;
  /** A document that could not be asked for: it may be there all the same. */
  #trouble: Result<never, UpstreamFailure> | undefined;

  constructor(ports: DiscoveryPorts, settings: UpstreamSettings, known: string | undefined) {
    this.#ports = ports;
    this.#settings = settings;
    this.#known = known;
    this.#rule = outboundRule(settings.resource, settings.plainHttp);
    this.#deadline = after(ports.clock.now(), settings.limits.discovery);
  }

  async server(): Found<UpstreamServer> {
    const { resource, issuer } = this.#settings;
    const probe = await this.#within((time) =>
      this.#ports.authorizationServer.probe(resource, time),
    );
    if (!probe.ok) {
      // Of the server that the operator named; what was known before says more than that.
      const isEnough = issuer !== undefined && this.#known === undefined;
      return isEnough ? this.#serverOfSilent() : probe;
    }
    const reading = readProbe(probe.value, resource, this.#rule);
    const metadata = await this.#resource(reading);
    if (!metadata.ok) return metadata;
    const server = await this.#serverFor(metadata.value, reading);
    if (!server.ok) return server;
    return success({ ...server.value, ...resourceOf(reading, metadata.value) });
  }

  /** The server alone, while the MCP server says nothing: soon to be looked for again. */
  async #serverOfSilent(): Found<UpstreamServer> {
    const server = await this.#serverFor(undefined, unread);
    this.freshFor = seconds(0);
    return server.ok ? success({ ...server.value, ...silentResource }) : server;
  }

  /** The metadata of the MCP server: where its challenge says, else at the well-known places; `undefined` where it has none. */
  async #resource({ metadataUrl }: ProbeReading): Found<ResourceDocument | undefined> {
    const { resource } = this.#settings;
    const wellKnown = resourceMetadataUrls(resource).filter((url) => url !== metadataUrl);
    const places = metadataUrl === undefined ? wellKnown : [metadataUrl, ...wellKnown];
    this.#trouble = undefined;
    let fault: string | undefined;
    for (const url of places) {
      const document = await this.#resourceDocument(url);
      if (document === undefined) continue;
      if (document !== 'broken' && isAbout(document, resource)) return success(document);
      fault = whyUnused(url, document);
      // The challenge may point elsewhere by mistake (Asana's does); the MCP server's own place is still its own word, and its last.
      if (url === resourceMetadataUrls(resource)[0]) break;
    }
    // The operator's word needs no support from the MCP server's.
    if (this.#settings.issuer !== undefined) return success(undefined);
    if (fault === undefined) return this.#nothing();
    return failure({ kind: 'unusable', reason: fault });
  }

  async #serverFor(
    metadata: ResourceDocument | undefined,
    reading: ProbeReading,
  ): Found<DescribedServer> {
    const { issuer } = this.#settings;
    const issuers = issuer === undefined ? (metadata?.authorizationServers ?? []) : [issuer];
    if (issuers.length === 0) return this.#legacyServer(reading);
    let last = unpublished(issuers[0]);
    const isKnown = (each: string) => this.#isKnown(each);
    const knownFirst = [...issuers.filter(isKnown), ...issuers.filter((each) => !isKnown(each))];
    for (const each of knownFirst.slice(0, mostServers)) {
      const server = await this.#serverAt(each);
      if (server.ok && server.value !== undefined) return success(server.value);
      if (!server.ok && server.failure.kind === 'unavailable' && isKnown(each)) return server;
      last = server.ok ? unpublished(each) : server;
    }
    return last;
  }

  /** Before there was metadata of resources, the origin of the MCP server was its authorization server (2025-03-26). */
  async #legacyServer(reading: ProbeReading): Found<DescribedServer> {
    const { resource } = this.#settings;
    const { origin } = new URL(resource);
    if (this.#known !== undefined && !this.#isKnown(origin)) return this.#forgotten(this.#known);
    const server = await this.#serverAt(origin);
    if (!server.ok) return server;
    if (server.value !== undefined) return success(server.value);
    if (this.#known !== undefined) return this.#forgotten(this.#known);
    return reading.status === 401
      ? success(legacyServer(resource))
      : unusable(silenceOf(reading, resource));
  }

  #isKnown(issuer: string): boolean {
    const preset = presetFor([issuer]);
    return this.#known !== undefined && speaksFor(this.#known, { issuer, preset });
  }

  /** That a server was named once and is not now, nor any other in its place, is more likely a fault than a step back to 2025. */
  #forgotten(known: string): Result<never, UpstreamFailure> {
    const reason = `${this.#settings.resource} no longer names ${known}, nor another authorization server`;
    return failure({ kind: 'unavailable', reason, retryAfter: undefined });
  }

  /** The server of an issuer; `undefined` where it has no metadata. */
  async #serverAt(issuer: string): Found<DescribedServer | undefined> {
    const fault = outboundFault(issuer, this.#rule);
    if (fault !== undefined) {
      return unusable(
        `The authorization server ${issuer} ${fault}, so it is not asked: set --upstream-as to the one that is meant, or --upstream-plain-http=allow where the network is private.`,
      );
    }
    this.#trouble = undefined;
    // Of the server alone: what an MCP server is known for is not lent to a stranger that it names.
    const preset = presetFor([issuer]);
    for (const url of serverMetadataUrls(issuer)) {
      const document = await this.#serverDocument(url);
      if (document === undefined) continue;
      const server = serverOf(document, { issuer, rule: this.#rule, preset });
      return server.ok ? server : unusable(server.failure);
    }
    return this.#nothing();
  }

  #resourceDocument(url: string) {
    return this.#document((time) => this.#ports.authorizationServer.resourceDocument(url, time));
  }

  #serverDocument(url: string) {
    return this.#document((time) => this.#ports.authorizationServer.serverDocument(url, time));
  }

  /** A document, if it is there; some servers answer every path that they do not know with 500. */
  async #document<Document>(
    fetch: (time: Seconds) => Found<Fetched<Document>>,
  ): Promise<Document | undefined> {
    const fetched = await this.#within(fetch);
    if (!fetched.ok) {
      this.#trouble = fetched;
      return undefined;
    }
    const { document, freshFor } = fetched.value;
    if (document === undefined) return undefined;
    if (freshFor !== undefined) {
      this.freshFor = seconds(Math.min(freshFor, this.freshFor ?? freshFor));
    }
    return document;
  }

  /** That there is nothing is only known where every place could be asked: a server in trouble must not look like one of 2025. */
  #nothing(): Result<undefined, UpstreamFailure> {
    return this.#trouble ?? success(undefined);
  }

  async #within<Value>(call: (time: Seconds) => Found<Value>): Found<Value> {
    const { limits } = this.#settings;
    const left = timeLeft(this.#deadline, this.#ports.clock.now());
    if (left === 0) {
      const reason = `discovery took longer than ${limits.discovery} seconds`;
      return failure({ kind: 'unavailable', reason, retryAfter: undefined });
    }
    return call(seconds(Math.min(left, limits.call)));
  }
}

function whyUnused(url: string, document: ResourceDocument | 'broken'): string {
  return document === 'broken'
    ? `The metadata at ${url} cannot be read, so it is not used: its operator has to mend it; or set --upstream-as.`
    : `The metadata at ${url} is about another resource, ${document.resource}, so it is not used: correct --upstream-rs, or set --upstream-as.`;
}

function unpublished(issuer: string | undefined): Result<never, UpstreamFailure> {
  return unusable(
    `${issuer} publishes no authorization server metadata: set --upstream-as to the one that is meant, or name both endpoints by --upstream-authorize-endpoint and --upstream-token-endpoint.`,
  );
}

function unusable(reason: string): Result<never, UpstreamFailure> {
  return failure({ kind: 'unusable', reason });
}
