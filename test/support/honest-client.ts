import { setTimeout as wait } from 'node:timers/promises';
import {
  type Answer,
  logIn,
  postToken,
  type Registered,
  refreshForm,
  send,
  type Tokens,
  tokensOf,
} from '../gateway/raw-client.ts';

/** What becomes of a request: answered, or not yet: the gateway is gone, or says that it should be asked again. */
type Attempt = { readonly type: 'answered'; readonly answer: Answer } | { readonly type: 'later' };

/** An answer that no honest client may get. */
export class LockedOut extends Error {
  override readonly name = 'LockedOut';
}

/**
 * A client that plays by the rules: it presents what it was answered last, and asks again where it got no answer. It remembers everything that was
 * acknowledged to it, and whoever lets it down hears so.
 */
export class HonestClient {
  readonly #base: string;
  readonly #client: Registered;
  #refreshToken: string;
  /** The newest last. */
  #accessTokens: readonly string[];
  #isRevoked = false;

  private constructor(base: string, client: Registered, tokens: Tokens) {
    this.#base = base;
    this.#client = client;
    this.#refreshToken = tokens.refresh_token;
    this.#accessTokens = [tokens.access_token];
  }

  /** Goes the whole way through both screens. Rejects where the gateway goes away meanwhile. */
  static async logIn(base: string): Promise<HonestClient> {
    const { client, tokens } = await logIn(base);
    return new HonestClient(base, client, tokens);
  }

  /** Whether a revocation of it was acknowledged. */
  get isRevoked(): boolean {
    return this.#isRevoked;
  }

  /** One refresh; true once it is answered. */
  async refresh(): Promise<boolean> {
    const attempt = await this.#token();
    if (attempt.type === 'later') return false;
    const tokens = tokensOf(good(attempt.answer, 'a refresh'));
    this.#refreshToken = tokens.refresh_token;
    this.#accessTokens = [...this.#accessTokens, tokens.access_token].slice(-4);
    return true;
  }

  /** One call with the newest access token; true once it is answered. */
  call(): Promise<boolean> {
    return this.#works(this.#accessTokens.at(-1) ?? '');
  }

  /** Revokes the grant; true once that is answered. */
  async revoke(): Promise<boolean> {
    const body = { token: this.#refreshToken, client_id: this.#client.client_id };
    const attempt = await attempted(send(`${this.#base}/revoke`, { method: 'POST', body }));
    if (attempt.type === 'later') return false;
    good(attempt.answer, 'a revocation');
    this.#isRevoked = true;
    return true;
  }

  /** Makes sure that everything works that was acknowledged, or nothing where that was the revocation. */
  async check(): Promise<void> {
    if (this.#isRevoked) return this.#checkDead();
    for (const token of this.#accessTokens) await insist(() => this.#works(token));
    await insist(() => this.refresh());
    await insist(() => this.call());
  }

  async #checkDead(): Promise<void> {
    for (const token of this.#accessTokens) {
      const { status } = await answered(() => attempted(called(this.#base, token)));
      if (status !== 401) throw new LockedOut(`a revoked access token was answered ${status}`);
    }
    const { status, text } = await answered(() => this.#token());
    if (status !== 400 || !text.includes('invalid_grant')) {
      throw new LockedOut(`a revoked refresh token was answered ${status} ${text}`);
    }
  }

  #token(): Promise<Attempt> {
    return attempted(postToken(this.#base, refreshForm(this.#refreshToken, this.#client)));
  }

  async #works(token: string): Promise<boolean> {
    const attempt = await attempted(called(this.#base, token));
    if (attempt.type === 'answered') good(attempt.answer, 'a call');
    return attempt.type === 'answered';
  }
}

function called(base: string, token: string): Promise<Answer> {
  const parameters = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'honest', version: '1' },
  };
  return send(`${base}/mcp`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: parameters }),
  });
}

async function attempted(sent: Promise<Answer>): Promise<Attempt> {
  try {
    const answer = await sent;
    return [502, 503, 504].includes(answer.status)
      ? { type: 'later' }
      : { type: 'answered', answer };
  } catch {
    return { type: 'later' }; // the connection broke
  }
}

function good(answer: Answer, what: string): Answer {
  if (answer.status === 200) return answer;
  throw new LockedOut(`${what} was answered ${answer.status} ${answer.text}`);
}

const mostAttempts = 600;

/** Asks as often as a patient client would, a tenth of a second apart. */
async function answered(ask: () => Promise<Attempt>): Promise<Answer> {
  for (let round = 0; round < mostAttempts; round += 1) {
    const attempt = await ask();
    if (attempt.type === 'answered') return attempt.answer;
    await wait(100);
  }
  throw new LockedOut('there was no answer for a minute');
}

/** Repeats a step until it is answered. */
export async function insist(step: () => Promise<boolean>): Promise<void> {
  for (let round = 0; round < mostAttempts; round += 1) {
    if (await step()) return;
    await wait(100);
  }
  throw new LockedOut('there was no answer for a minute');
}
