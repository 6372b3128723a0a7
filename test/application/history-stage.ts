import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type Records,
  type Store,
  StoreUnavailable,
  type UpstreamAuthorizationServer,
  type UpstreamResourceServer,
  type Versioned,
} from '../../src/application/ports.ts';
import type { UseCases } from '../../src/application/use-cases.ts';
import type { Client } from '../../src/domain/client-registration.ts';
import type { Grant } from '../../src/domain/grant.ts';
import { seconds } from '../../src/domain/lifetime.ts';
import { failure } from '../../src/domain/result.ts';
import { aClient, form, openedFlow, returned } from './dance.ts';
import { valueIn, type World, wired, world } from './wired.ts';

/** What a history draws for the whole of it. */
export interface Setting {
  readonly grace: number;
  readonly format: 'pair' | 'opaque';
  readonly refreshTokens: 'rotating' | 'kept' | 'none';
  readonly upstreamLife: number;
}

/** Every kind of setting. */
export const settings: fc.Arbitrary<Setting> = fc.record({
  grace: fc.constantFrom(600, 600, 0),
  format: fc.constantFrom('pair', 'opaque'),
  refreshTokens: fc.constantFrom('rotating', 'rotating', 'kept', 'none'),
  upstreamLife: fc.constantFrom(120, 900, 3600, 8 * 3600),
});

/** Three gateway processes and what they stand in: who comes when at the store and at the upstream is for a scheduler to say. */
export class Real {
  readonly outside: World;
  readonly processes: readonly UseCases[];
  readonly clients: readonly Versioned<Client>[];
  /** Calls of one upstream user that came with a token of another. */
  readonly mixedUp: string[] = [];
  /** So many calls are refused whatever token they carry. */
  refusals = 0;
  loses = false;
  /** Whether the store is away for one write, exactly after the upstream has given new tokens. */
  fails = false;
  #isAway = false;
  asked = 0;
  readonly #turns: fc.Scheduler;
  #isRace = false;

  private constructor(
    outside: World,
    turns: fc.Scheduler,
    setting: Setting,
    clients: readonly Versioned<Client>[],
  ) {
    this.outside = outside;
    this.#turns = turns;
    this.clients = clients;
    const changed = {
      policy: { refreshGrace: seconds(setting.grace), format: setting.format },
      ports: {
        store: this.#contested(outside.store),
        authorizationServer: this.#upstream(),
        resourceServer: this.#mcp(),
      },
    };
    this.processes = [1, 2, 3].map(() => wired(outside, changed));
  }

  static async start(turns: fc.Scheduler, setting: Setting): Promise<Real> {
    const { refreshTokens, upstreamLife } = setting;
    const traits =
      refreshTokens === 'none'
        ? ({ refreshTokens, expiresIn: 'absent' } as const)
        : { refreshTokens, accessTtl: upstreamLife };
    const outside = world({ traits });
    const gateway = wired(outside);
    const clients = [await aClient(gateway, outside), await aClient(gateway, outside)];
    return new Real(outside, turns, setting, clients);
  }

  get now(): number {
    return this.outside.clock.now();
  }

  process(number: number): UseCases {
    return this.processes[number % 3] ?? assert.fail('no process');
  }

  client(number: number): Versioned<Client> {
    return this.clients[number] ?? assert.fail('no client');
  }

  /** Does all of it at once: who comes when at the store and the upstream is the scheduler's to say. */
  async race<Value>(deeds: readonly (() => Promise<Value>)[]): Promise<Value[]> {
    this.#isRace = true;
    try {
      return await this.#turns.waitFor(Promise.all(deeds.map((deed) => deed())));
    } finally {
      this.#isRace = false;
    }
  }

  async #turn(): Promise<void> {
    if (this.#isRace) await this.#turns.schedule(Promise.resolve());
  }

  #contested(store: Store): Store {
    const { grants } = store;
    const contested: Records<Grant> = {
      read: async (key) => {
        await this.#turn();
        return grants.read(key);
      },
      write: async (...asked) => {
        await this.#turn();
        if (this.#isAway) {
          this.#isAway = false;
          throw new StoreUnavailable('away');
        }
        return grants.write(...asked);
      },
      scan: () => grants.scan(),
    };
    return { ...store, grants: contested };
  }

  #upstream(): UpstreamAuthorizationServer {
    const { upstream } = this.outside;
    return {
      probe: (...asked) => upstream.probe(...asked),
      resourceDocument: (...asked) => upstream.resourceDocument(...asked),
      serverDocument: (...asked) => upstream.serverDocument(...asked),
      register: (...asked) => upstream.register(...asked),
      revokeToken: (...asked) => upstream.revokeToken(...asked),
      requestTokens: async (...asked) => {
        await this.#turn();
        this.asked += 1;
        const answer = await upstream.requestTokens(...asked);
        if (answer.ok && this.fails) {
          this.fails = false;
          this.#isAway = true;
        }
        if (!this.loses) return answer;
        this.loses = false;
        return failure({ kind: 'unavailable', reason: 'lost', retryAfter: undefined });
      },
    };
  }

  #mcp(): UpstreamResourceServer {
    return {
      forward: ({ body }, token, sink) => {
        const user = this.#userOf(token);
        const caller = body instanceof Uint8Array ? Buffer.from(body).toString() : '';
        if (user !== undefined && user !== caller) this.mixedUp.push(`${user}, not ${caller}`);
        queueMicrotask(() => {
          sink.start(user ? 200 : 401, [], user ? undefined : 'Bearer');
          if (user) sink.end([]);
        });
        return { resume: () => {}, abort: () => {}, drop: () => {} };
      },
      close: () => Promise.resolve(),
    };
  }

  #userOf(token: string): string | undefined {
    if (this.refusals > 0) {
      this.refusals -= 1;
      return undefined;
    }
    return this.outside.upstream.access(token)?.subject;
  }
}

/** The user at the upstream who allows this client, and the body of its calls. */
export function userOf(client: number): string {
  return `upstream-user-${client}`;
}

/** Both screens; the value is the gateway's code. */
export async function codeFor(real: Real, client: number, process: number): Promise<string> {
  const gateway = real.process(process);
  const screen = await openedFlow(gateway, real.client(client));
  const outcome = valueIn(await gateway.submitSignIn(form(screen)));
  assert.equal(outcome.type, 'upstream');
  const url = real.outside.upstream.approve(
    outcome.type === 'upstream' ? outcome.url : '',
    userOf(client),
  );
  const back = valueIn(await gateway.returnFromUpstream(returned(url, screen)));
  assert.equal(back.type, 'code');
  return back.type === 'code' ? back.code : '';
}
