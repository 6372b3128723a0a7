import type { Scope } from './scope.ts';
import type { UpstreamPreset } from './upstream-presets.ts';
import {
  serverName,
  serverNames,
  type Upstream,
  type UpstreamManners,
  type UpstreamServer,
} from './upstream-server.ts';
import type { UpstreamFailure } from './upstream-tokens.ts';

/** What was asked of the upstream, and with it what its tokens are bound to: a refresh repeats it, at the same server and as the same client. */
export interface UpstreamBinding {
  /** The server, by {@link serverName}. */
  readonly server: string;
  readonly clientId: string;
  readonly resource: string | undefined;
  readonly scope: Scope | undefined;
}

/** What the operator said about requests to the upstream. */
export interface MannerSettings {
  /** The MCP server's URL, as given. */
  readonly resource: string;
  /** `auto`, `off`, or the value to send as `resource`. */
  readonly resourceParameter: string;
  readonly authorizeParameters: Readonly<Record<string, string>>;
  readonly tokenParameters: Readonly<Record<string, string>>;
  /** Whether the end of a grant is told to the upstream's revocation endpoint; `auto`: unless it is known to end too much. */
  readonly revocation: 'auto' | 'on' | 'off';
}

/** How to talk to a server: what the operator said, else what is known of it, else what the specifications say. */
export function mannersOf(
  settings: MannerSettings,
  server: UpstreamServer,
  preset: UpstreamPreset | undefined,
): UpstreamManners {
  return {
    resource: resourceToSend(settings, server, preset),
    authorizeParameters: withoutEmpty({
      ...preset?.authorizeParameters,
      ...settings.authorizeParameters,
    }),
    tokenParameters: withoutEmpty(settings.tokenParameters),
    scopeOnRefresh: preset?.scopeOnRefresh ?? false,
    tokenTypes: ['bearer', ...(preset?.tokenTypes ?? [])],
    revokes:
      settings.revocation === 'auto' ? preset?.revocation !== 'off' : settings.revocation === 'on',
  };
}

/** MCP authorization wants `resource` sent, whether or not the server is known to read it: as its metadata spells it, else as configured. */
function resourceToSend(
  { resource, resourceParameter }: MannerSettings,
  server: UpstreamServer,
  preset: UpstreamPreset | undefined,
): string | undefined {
  if (resourceParameter === 'off') return undefined;
  if (resourceParameter !== 'auto') return resourceParameter;
  return preset?.resource === 'off' ? undefined : (server.resource ?? resource);
}

/** A parameter that is set to nothing takes a preset's away. */
function withoutEmpty(parameters: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''));
}

/** What an authorization at this upstream will be bound to. */
export function bindingTo(
  { server, client, manners }: Upstream,
  scope: Scope | undefined,
): UpstreamBinding {
  const { resource } = manners;
  return { server: serverName(server), clientId: client.clientId, resource, scope };
}

/** Whether tokens with this binding may be sent to this server, as this client. */
export function isBoundTo(binding: UpstreamBinding, { server, client }: Upstream): boolean {
  return isBoundToServer(binding, server) && binding.clientId === client.clientId;
}

/** Whether a binding was made at this server, however it is spelled, and by whichever client. */
export function isBoundToServer(
  binding: UpstreamBinding | undefined,
  server: UpstreamServer,
): boolean {
  return binding !== undefined && serverNames(server).includes(binding.server);
}

/** What the gateway says about one authorization at the upstream. */
export interface UpstreamAuthorization {
  readonly redirectUri: string;
  readonly state: string;
  readonly challenge: string;
  readonly scope: string | undefined;
  readonly resource: string | undefined;
}

/** The URL of screen 2: the upstream's own sign-in and consent (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2.1). */
export function upstreamAuthorizationUrl(
  { server, client, manners }: Upstream,
  authorization: UpstreamAuthorization,
): string {
  // An endpoint keeps its own query (RFC 6749 §3.1), but no parameter may come twice.
  const url = new URL(server.authorizationEndpoint);
  const parameters = {
    ...manners.authorizeParameters,
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: authorization.redirectUri,
    state: authorization.state,
    code_challenge: authorization.challenge,
    code_challenge_method: 'S256',
    scope: authorization.scope,
    resource: authorization.resource,
  };
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url.href;
}

/** The form of a token request that exchanges a code (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export function codeRequest(
  upstream: Upstream,
  binding: UpstreamBinding,
  fields: { readonly code: string; readonly redirectUri: string; readonly verifier: string },
): Readonly<Record<string, string>> {
  return {
    ...upstream.manners.tokenParameters,
    grant_type: 'authorization_code',
    code: fields.code,
    redirect_uri: fields.redirectUri,
    code_verifier: fields.verifier,
    ...resourceOf(binding),
  };
}

/** The form of a token request that refreshes (RFC 6749 §6). */
export function refreshRequest(
  { manners }: Upstream,
  binding: UpstreamBinding,
  refreshToken: string,
): Readonly<Record<string, string>> {
  const scope = manners.scopeOnRefresh ? binding.scope : undefined;
  return {
    ...manners.tokenParameters,
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    ...(scope !== undefined && { scope }),
    ...resourceOf(binding),
  };
}

/** RFC 8707 §2.2: the token request names the resource that the authorization request named. */
function resourceOf({ resource }: UpstreamBinding): Readonly<Record<string, string>> {
  return resource === undefined ? {} : { resource };
}

/** Whether it is the `resource` parameter that the upstream refused (RFC 8707 §2; Entra has numbers of its own for it). */
export function isResourceRefusal(failure: UpstreamFailure): boolean {
  if (failure.kind !== 'refused') return false;
  return failure.error === 'invalid_target' || entraRefusal.test(failure.description ?? '');
}

const entraRefusal = /AADSTS(?:901002|9010010)\b/;

/** Whether the upstream no longer knows the gateway's registration (RFC 6749 §5.2). */
export function isClientRefusal(failure: UpstreamFailure): boolean {
  return failure.kind === 'refused' && failure.error === 'invalid_client';
}
