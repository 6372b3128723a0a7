import { readBearerChallenge, spellBearerChallenge } from '../domain/bearer-challenge.ts';
import { type Scope, scopeUnion } from '../domain/scope.ts';
import type { AuthorizeMcpCall, McpAuthorization } from './authorize-mcp-call.ts';
import type { ScopeChoice } from './choose-scope.ts';
import type { McpCall, McpExchange, McpFailure, McpSink, Ports } from './ports.ts';

/** Takes the answer to a call: the upstream's, or the gateway's own. Exactly one of `start`, `fail` and the three below comes first. */
export interface McpClientSink extends McpSink {
  /** The token is not, or no longer, good: the client is told where to get one (RFC 6750 §3). */
  challenge(): void;
  /** Nothing is wrong with the client's tokens, but it has to come back; seconds, where a time is known. */
  unavailable(retryAfter: number | undefined): void;
  /** Something that should not happen; the store being out of reach is one of them. */
  crash(error: unknown): void;
}

/** Forwards a call with the upstream's token in place of the client's, and streams the answer back. */
export type RelayMcpCall = (bearer: string, call: McpCall, sink: McpClientSink) => McpExchange;

interface RelayParts {
  readonly resourceServer: Ports['resourceServer'];
  readonly access: AuthorizeMcpCall;
  /** Whether the upstream takes tokens of its own authorization server; otherwise there are no others to try. */
  readonly usesTokens: boolean;
  readonly scopes: Pick<ScopeChoice, 'demanded'>;
}

/** The use case behind /mcp. */
export function relayMcpCall(parts: RelayParts): RelayMcpCall {
  return (bearer, call, sink) => {
    const relay = new Relay(parts, bearer, call, sink);
    relay.begin();
    return relay;
  };
}

/**
 * One call under way: a sink for the upstream's answer that lets everything through but a 401, after which it tries once more with
 * another token. One object and no closures, since every call on the hot path pays for it.
 */
class Relay implements McpSink, McpExchange {
  readonly #parts: RelayParts;
  readonly #bearer: string;
  readonly #call: McpCall;
  readonly #sink: McpClientSink;
  #exchange: McpExchange | undefined;
  #version = 0;
  #scope: Scope | undefined;
  #tries = 0;
  #aborted = false;

  constructor(parts: RelayParts, bearer: string, call: McpCall, sink: McpClientSink) {
    this.#parts = parts;
    this.#bearer = bearer;
    this.#call = call;
    this.#sink = sink;
  }

  begin(): void {
    this.#follow(this.#parts.access.authorize(this.#bearer));
  }

  start(status: number, headers: readonly string[], challenge: string | undefined): void {
    if (status !== 401) {
      this.#sink.start(status, headers, challenge && this.#demand(status, challenge));
      return;
    }
    this.#exchange?.abort();
    if (!this.#parts.usesTokens) {
      this.#sink.fail('refused');
      return;
    }
    // A second refusal is the last: the other token was no better.
    const mayRenew = this.#tries === 1;
    this.#follow(this.#parts.access.afterRefusal(this.#bearer, this.#version, mayRenew));
  }

  /** A demand for more scope names what is missing; what was granted is added, so that a client which asks for that alone loses nothing. */
  #demand(status: number, challenge: string): string {
    const said = status === 403 ? readBearerChallenge(challenge) : undefined;
    if (said?.error !== 'insufficient_scope' || said.scope === undefined) return challenge;
    this.#parts.scopes.demanded(said.scope);
    return spellBearerChallenge({ ...said, scope: scopeUnion(this.#scope, said.scope) });
  }

  data(chunk: Uint8Array): boolean {
    return this.#sink.data(chunk);
  }

  end(trailers: readonly string[]): void {
    this.#sink.end(trailers);
  }

  fail(failure: McpFailure): void {
    this.#sink.fail(failure);
  }

  resume(): void {
    this.#exchange?.resume();
  }

  abort(): void {
    this.#aborted = true;
    this.#exchange?.abort();
  }

  #follow(decision: Promise<McpAuthorization>): void {
    decision.then(
      (authorization) => {
        if (!this.#aborted) this.#proceed(authorization);
      },
      (error: unknown) => {
        if (!this.#aborted) this.#sink.crash(error);
      },
    );
  }

  #proceed(authorization: McpAuthorization): void {
    switch (authorization.type) {
      case 'authorized':
        this.#forward(authorization);
        break;
      case 'invalid_token':
        this.#sink.challenge();
        break;
      case 'unavailable':
        this.#sink.unavailable(authorization.retryAfter);
        break;
    }
  }

  #forward({ token, version, scope }: Extract<McpAuthorization, { type: 'authorized' }>): void {
    const call = this.#tries === 0 ? this.#call : callAgain(this.#call);
    // The next request of this client will find the other token; this one cannot be sent again.
    if (call === undefined || this.#tries === 2) {
      this.#sink.challenge();
      return;
    }
    this.#tries += 1;
    this.#version = version;
    this.#scope = scope;
    this.#exchange = this.#parts.resourceServer.forward(call, token, this);
  }
}

/** The call for a second try; `undefined` where its body is gone. */
function callAgain(call: McpCall): McpCall | undefined {
  if (call.body === undefined) return call;
  const body = call.bodyAgain();
  return body && { ...call, body, bodyAgain: () => body };
}
