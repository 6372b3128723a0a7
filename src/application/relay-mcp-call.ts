import { readBearerChallenge } from '../domain/bearer-challenge.ts';
import type { GrantId } from '../domain/token-pair.ts';
import type { AuthorizeMcpCall, McpAuthorization } from './authorize-mcp-call.ts';
import type {
  McpCall,
  McpExchange,
  McpFailure,
  McpSink,
  Ports,
  UpstreamExchange,
} from './ports.ts';
import type { StepUps } from './step-ups.ts';

/** Takes the answer to a call: the upstream's, or the gateway's own. Exactly one of `start`, `fail` and the three below comes first. */
export interface McpClientSink extends McpSink {
  /** The token is not, or no longer, good: the client is told where to get one (RFC 6750 §3). */
  challenge(): void;
  /** Nothing is wrong with the client's tokens, but it has to come back; seconds, where a time is known. */
  unavailable(retryAfter: number | undefined): void;
  /** Whether there is room for one more call of this grant; where there is none, the sink has answered. */
  admit(grant: GrantId): boolean;
  /** The call is on its way upstream; once more where it is tried again. */
  forwarded(): void;
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
  readonly stepUps: Pick<StepUps, 'demanded'>;
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
  #exchange: UpstreamExchange | undefined;
  #version = 0;
  #grant: GrantId | undefined;
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

  interim(status: number, headers: readonly string[]): void {
    this.#sink.interim(status, headers);
  }

  start(status: number, headers: readonly string[], challenge: string | undefined): void {
    if (status !== 401) {
      if (status === 403 && challenge !== undefined) this.#noteDemand(challenge);
      this.#sink.start(status, headers, challenge);
      return;
    }
    this.#exchange?.drop();
    if (!this.#parts.usesTokens) {
      this.#sink.fail('refused');
      return;
    }
    // A second refusal is the last: the other token was no better.
    const mayRenew = this.#tries === 1;
    this.#follow(this.#parts.access.afterRefusal(this.#bearer, this.#version, mayRenew));
  }

  #noteDemand(challenge: string): void {
    const said = readBearerChallenge(challenge);
    if (said?.error !== 'insufficient_scope' || said.scope === undefined) return;
    if (this.#grant !== undefined) void this.#parts.stepUps.demanded(this.#grant, said.scope);
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

  #forward({ grant, token, version }: Extract<McpAuthorization, { type: 'authorized' }>): void {
    const call = this.#tries === 0 ? this.#call : callAgain(this.#call);
    // The next request of this client will find the other token; this one cannot be sent again.
    if (call === undefined || this.#tries === 2) {
      this.#sink.challenge();
      return;
    }
    if (this.#tries === 0 && !this.#sink.admit(grant)) return;
    this.#tries += 1;
    this.#version = version;
    this.#grant = grant;
    this.#sink.forwarded();
    this.#exchange = this.#parts.resourceServer.forward(call, token, this);
  }
}

/** The call for a second try; `undefined` where its body is gone. */
function callAgain(call: McpCall): McpCall | undefined {
  if (call.body === undefined) return call;
  const { method, query, headers } = call;
  const body = call.bodyAgain();
  return body && { method, query, headers, body, bodyAgain: () => body };
}
