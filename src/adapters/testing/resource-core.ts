import type { Clock, Random } from '../../application/ports.ts';
import { spellBearerChallenge } from '../../domain/bearer-challenge.ts';
import { challengeAnswer, type McpAnswer } from './mcp-answers.ts';
import { McpSessions, type ReceivedCall } from './mcp-sessions.ts';
import type { UpstreamAccess } from './token-families.ts';

/** What a fake MCP server is made of. */
export interface ResourceServerOptions {
  /** What a token is good for: usually the `access` of a fake authorization server. */
  readonly access: (token: string) => UpstreamAccess | undefined;
  readonly clock: Pick<Clock, 'sleep'>;
  readonly random: Random;
  /** Milliseconds between two steps of the tool `count`; none unless told. */
  readonly pause?: number;
}

/** The rules of the fake MCP server; a port and a real HTTP server are its two faces. */
export class ResourceCore {
  /** Every call that came in, with whatever token. */
  readonly calls: ReceivedCall[] = [];
  readonly sessions: McpSessions;
  readonly #access: ResourceServerOptions['access'];
  readonly #scripted: McpAnswer[] = [];
  /** Where the resource metadata is, for challenges; a face knows its own URL. */
  metadataUrl: string | undefined;

  constructor({ access, clock, random, pause = 0 }: ResourceServerOptions) {
    this.#access = access;
    this.sessions = new McpSessions({ clock, random, pause });
  }

  /** The next calls are answered with these, one each, whatever token they carry. */
  answerNext(answers: readonly McpAnswer[]): void {
    this.#scripted.push(...answers);
  }

  /** Answers a call: as scripted, else as an MCP server behind a bearer check. One without a token only asks where to get one. */
  answer(call: ReceivedCall): McpAnswer {
    if (call.token === undefined) return this.#challenge(undefined);
    this.calls.push(call);
    const scripted = this.#scripted.shift();
    if (scripted !== undefined) return scripted;
    const good = this.#access(call.token) !== undefined;
    return good ? this.sessions.answer(call) : this.#challenge(call.token);
  }

  #challenge(token: string | undefined): McpAnswer {
    return challengeAnswer(
      spellBearerChallenge({
        error: token === undefined ? undefined : 'invalid_token',
        errorDescription: undefined,
        scope: undefined,
        resourceMetadata: this.metadataUrl,
      }),
    );
  }
}
