import { randomUUID } from 'node:crypto';
import type { OAuthClientProvider as OAuthClientProviderV2 } from '@modelcontextprotocol/client';
import type {
  OAuthClientProvider as OAuthClientProviderV1,
  OAuthDiscoveryState,
} from '@modelcontextprotocol/sdk/client/auth.js';
import type {
  OAuthClientInformationMixed,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js';

/** Who the client says it is. */
export interface MemoryOAuthProviderOptions {
  /** Nobody listens there: the browser driver stops when it gets there. */
  readonly redirectUri?: string;
  /** Added to, or put in place of, the registration that is sent. */
  readonly clientMetadata?: Partial<OAuthClientMetadata>;
  /** Makes the `state` of each authorization; false sends none, as the SDKs do by themselves. */
  readonly state?: (() => string) | false;
  /** A client that is registered already: no dynamic registration. */
  readonly clientInformation?: OAuthClientInformationMixed;
}

/**
 * What an MCP client remembers about an authorization, in memory. It serves SDK v1 and v2 alike and keeps what they
 * store unchanged, so that both recognise their own stamps.
 */
export class MemoryOAuthProvider implements OAuthClientProviderV1, OAuthClientProviderV2 {
  readonly redirectUrl: string;
  readonly clientMetadata: OAuthClientMetadata;
  readonly state?: () => string;
  /** Every URL that the SDK wanted to open in the user's browser. */
  readonly authorizationUrls: URL[] = [];
  /** How often tokens were stored, by an exchange or by a refresh. */
  savedTokens = 0;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #codeVerifier: string | undefined;
  #discovery: OAuthDiscoveryState | undefined;

  constructor(options: MemoryOAuthProviderOptions = {}) {
    this.redirectUrl = options.redirectUri ?? 'http://127.0.0.1:33418/callback';
    this.clientMetadata = {
      client_name: 'An MCP client under test',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...options.clientMetadata,
    };
    const { state = randomUUID } = options;
    if (state !== false) this.state = () => state();
    this.#client = options.clientInformation;
  }

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.#client;
  }

  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.#client = client;
  }

  tokens(): OAuthTokens | undefined {
    return this.#tokens;
  }

  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
    this.savedTokens += 1;
  }

  redirectToAuthorization(url: URL): void {
    this.authorizationUrls.push(url);
  }

  saveCodeVerifier(verifier: string): void {
    this.#codeVerifier = verifier;
  }

  codeVerifier(): string {
    if (this.#codeVerifier === undefined) throw new Error('No authorization has been started.');
    return this.#codeVerifier;
  }

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovery = state;
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovery;
  }

  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (scope === 'all' || scope === 'client') this.#client = undefined;
    if (scope === 'all' || scope === 'tokens') this.#tokens = undefined;
    if (scope === 'all' || scope === 'verifier') this.#codeVerifier = undefined;
    if (scope === 'all' || scope === 'discovery') this.#discovery = undefined;
  }
}
