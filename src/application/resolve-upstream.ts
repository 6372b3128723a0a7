import { after, type EpochSeconds, isExpired, type Seconds, seconds } from '../domain/lifetime.ts';
import { type Result, success } from '../domain/result.ts';
import { presetFor } from '../domain/upstream-presets.ts';
import { mannersOf } from '../domain/upstream-request.ts';
import {
  serverName,
  type Upstream,
  type UpstreamManners,
  type UpstreamServer,
} from '../domain/upstream-server.ts';
import type { UpstreamFailure } from '../domain/upstream-tokens.ts';
import { type Discovered, discoverUpstream } from './discover-upstream.ts';
import type { Ports } from './ports.ts';
import type { UpstreamCredentials } from './upstream-credentials.ts';
import type { UpstreamSettings } from './upstream-settings.ts';

/** The upstream as it is known now: found at the first need, and again when there is reason to. */
export interface KnownUpstream {
  /** The server, the gateway's credentials there, and how to talk to it. Asks the network only if nothing good enough is known. */
  resolve(): Promise<Result<Upstream, UpstreamFailure>>;
  /** The server alone, without registering there: nothing but public documents is asked for. */
  server(): Promise<Result<UpstreamServer, UpstreamFailure>>;
  /**
   * The server, for who can do without: nobody is kept waiting for long, nor at all soon after a look that found nothing. Then it is the
   * server as it was last found, if ever.
   */
  glance(): Promise<UpstreamServer | undefined>;
  /** What keeps the gateway from having credentials at this server, as far as that is known without asking there. */
  obstacle(server: UpstreamServer): UpstreamFailure | undefined;
  /** The server as it was last found, if ever; asks nothing of the network. */
  known(): UpstreamServer | undefined;
  /** What is known may be wrong: the upstream refused a good token, or its endpoint fails. The next {@link resolve} looks again, but not at every doubt. */
  doubt(): void;
  /** The upstream does not know this client (any more); false where it is not one that the gateway registered. */
  forgetClient(clientId: string): Promise<boolean>;
  /** Whether `resource` may be left out where the upstream refuses it; false where the operator wants it sent. */
  mayLeaveOutResource(): boolean;
  /** This server refused the `resource` parameter, and took the same without: from now on it is not sent there. */
  leaveOutResource(server: string): void;
}

interface KnownParts {
  readonly ports: Pick<Ports, 'clock' | 'authorizationServer'>;
  readonly settings: UpstreamSettings;
  readonly credentials: UpstreamCredentials;
}

/** How long a discovered server is taken as known: as its documents say, within these bounds (seconds). A login takes two looks. */
const kept = { usually: seconds(3600), atLeast: seconds(60), atMost: seconds(86_400) } as const;

/** How long a glance waits for an upstream that nothing is known of, in milliseconds. */
export const longestWait = 3000;

/** After a look that found nothing anybody may ask, but for a glance the upstream is left alone for this long (seconds). */
const pause = seconds(30);

/** The upstream, looked for one at a time, however many ask. */
export function knownUpstream(parts: KnownParts): KnownUpstream {
  return new Known(parts);
}

interface KnownServer {
  readonly server: UpstreamServer;
  readonly foundAt: EpochSeconds;
  readonly until: EpochSeconds;
}

class Known implements KnownUpstream {
  readonly #parts: KnownParts;
  #server: KnownServer | undefined;
  #upstream: Upstream | undefined;
  #finding: Promise<Result<UpstreamServer, UpstreamFailure>> | undefined;
  #running: Promise<Result<Upstream, UpstreamFailure>> | undefined;
  /** The server that does without `resource`, by {@link serverName}. */
  #withoutResource: string | undefined;
  /** Before this no glance looks. */
  #notBefore: EpochSeconds | undefined;

  constructor(parts: KnownParts) {
    this.#parts = parts;
  }

  resolve(): Promise<Result<Upstream, UpstreamFailure>> {
    if (this.#upstream !== undefined && this.#isFresh()) {
      return Promise.resolve(success(this.#upstream));
    }
    this.#running ??= this.#look().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  server(): Promise<Result<UpstreamServer, UpstreamFailure>> {
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined;
    });
    return this.#finding;
  }

  async glance(): Promise<UpstreamServer | undefined> {
    const { clock } = this.#parts.ports;
    const mayLook = this.#notBefore === undefined || isExpired(this.#notBefore, clock.now());
    if (mayLook && !this.#isFresh()) {
      const looking = this.server();
      const wait = clock.sleep(longestWait).then(() => {
        // One who waited in vain is enough: the look goes on, and clears this when it succeeds.
        if (this.#finding === looking) this.#pause();
      });
      await Promise.race([looking, wait]);
    }
    return this.known();
  }

  obstacle(server: UpstreamServer): UpstreamFailure | undefined {
    return this.#parts.credentials.obstacle(server);
  }

  known(): UpstreamServer | undefined {
    return this.#server?.server;
  }

  doubt(): void {
    const known = this.#server;
    if (known === undefined) return;
    const until = after(known.foundAt, kept.atLeast);
    if (until < known.until) this.#server = { ...known, until };
  }

  async forgetClient(clientId: string): Promise<boolean> {
    if (this.#upstream?.client.clientId !== clientId) return true; // another request was faster
    const forgotten = await this.#parts.credentials.forget(this.#upstream.server, clientId);
    if (forgotten) this.#upstream = undefined;
    return forgotten;
  }

  mayLeaveOutResource(): boolean {
    return this.#parts.settings.resourceParameter === 'auto';
  }

  leaveOutResource(server: string): void {
    this.#withoutResource = server;
    // The client stays known: whoever asks to forget it meanwhile has to hear whose it is.
    if (this.#upstream !== undefined) {
      this.#upstream = this.#spelled(this.#upstream.server, this.#upstream.client);
    }
  }

  #isFresh(): boolean {
    return (
      this.#server !== undefined && !isExpired(this.#server.until, this.#parts.ports.clock.now())
    );
  }

  async #look(): Promise<Result<Upstream, UpstreamFailure>> {
    const server = await this.server();
    if (!server.ok) return server;
    const client = await this.#parts.credentials.find(server.value);
    if (!client.ok) return client;
    this.#upstream = this.#spelled(server.value, client.value);
    return success(this.#upstream);
  }

  async #find(): Promise<Result<UpstreamServer, UpstreamFailure>> {
    const { ports, settings } = this.#parts;
    if (this.#server !== undefined && this.#isFresh()) return success(this.#server.server);
    const found = await discoverUpstream(ports, settings, this.#server?.server);
    this.#notBefore = undefined;
    if (found.ok) return success(this.#keep(found.value));
    // The metadata being out of reach says nothing against what was there before.
    if (found.failure.kind === 'unavailable' && this.#server !== undefined) {
      return success(this.#keep({ server: this.#server.server, freshFor: kept.atLeast }));
    }
    this.#pause();
    return found;
  }

  #pause(): void {
    this.#notBefore = after(this.#parts.ports.clock.now(), pause);
  }

  #keep({ server, freshFor }: Discovered): UpstreamServer {
    const foundAt = this.#parts.ports.clock.now();
    this.#server = { server, foundAt, until: after(foundAt, bounded(freshFor)) };
    return server;
  }

  #spelled(server: UpstreamServer, client: Upstream['client']): Upstream {
    const manners = mannersAt(this.#parts.settings, server);
    const isWithout = this.#withoutResource === serverName(server);
    const resource = isWithout ? undefined : manners.resource;
    return { server, client, manners: { ...manners, resource } };
  }
}

/** How to talk to a server that was found. */
export function mannersAt(settings: UpstreamSettings, server: UpstreamServer): UpstreamManners {
  const preset = presetFor([server.issuer, server.authorizationEndpoint, settings.resource]);
  return mannersOf(settings, server, preset);
}

function bounded(freshFor: Seconds | undefined): Seconds {
  const { usually, atLeast, atMost } = kept;
  return seconds(Math.max(atLeast, Math.min(freshFor ?? usually, atMost)));
}
