import type { Seconds } from '../domain/lifetime.ts';
import type { PublicKey } from '../domain/metadata.ts';
import type { UpstreamAuthMethod } from '../domain/upstream-client.ts';
import type { MannerSettings } from '../domain/upstream-request.ts';

/** What the operator said about the upstream. */
export interface UpstreamSettings extends MannerSettings {
  /** `none`: it wants no token; `static`: the gateway has a fixed header for it. */
  readonly auth: 'oauth' | 'none' | 'static';
  readonly issuer: string | undefined;
  /** Both or neither: with them nothing is discovered. */
  readonly authorizationEndpoint: string | undefined;
  readonly tokenEndpoint: string | undefined;
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly authMethod: UpstreamAuthMethod | undefined;
  /** The public half of the gateway's key, where it has one. */
  readonly publicKey: PublicKey | undefined;
  readonly registration: 'auto' | 'document' | 'dynamic';
  /** What the gateway calls itself at registration. */
  readonly clientName: string;
  readonly scope: string | undefined;
  /** Whether plain http off this machine is allowed. */
  readonly plainHttp: boolean;
  readonly limits: UpstreamLimits;
}

/** How long the upstream may take. */
export interface UpstreamLimits {
  /** One call. */
  readonly call: Seconds;
  /** All the calls of one discovery together. */
  readonly discovery: Seconds;
}
