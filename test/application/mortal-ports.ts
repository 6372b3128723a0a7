import type { McpSink, Ports, Records, UpstreamExchange } from '../../src/application/ports.ts';

/** When a process dies: at which of its steps (the first is 0), and whether what it asked for still happens. */
export interface Death {
  readonly step: number;
  readonly after: boolean;
}

/** The ports of a process that dies. Nothing it asks for afterwards happens, and nothing it waits for ever comes. */
export interface MortalPorts {
  readonly ports: Ports;
  /** The name of each step that it came to. */
  readonly steps: readonly string[];
  readonly died: Promise<void>;
}

/** Makes them: each reading or writing of a record and each call to the upstream is a step. */
export function mortalPorts(ports: Ports, death: Death): MortalPorts {
  const steps: string[] = [];
  let isDead = false;
  let die = (): void => {};
  const died = new Promise<void>((resolve) => {
    die = () => {
      isDead = true;
      resolve();
    };
  });
  const isLast = (after: boolean) => steps.length - 1 === death.step && death.after === after;

  async function step<Value>(name: string, effect: () => Promise<Value>): Promise<Value> {
    if (isDead) return never();
    steps.push(name);
    if (isLast(false)) die();
    if (isDead) return never();
    const isMine = isLast(true);
    const value = await effect();
    if (isMine) die();
    return isDead ? never() : value;
  }

  const records = <Value>(kind: string, kept: Records<Value>): Records<Value> => ({
    read: (...asked) => step(`read ${kind}`, () => kept.read(...asked)),
    write: (...asked) => step(`write ${kind}`, () => kept.write(...asked)),
    scan: () => kept.scan(),
  });
  const { store, clock, authorizationServer: as } = ports;
  const mortal: Ports = {
    ...ports,
    clock: {
      now: () => clock.now(),
      sleep: async (milliseconds) => {
        await clock.sleep(milliseconds);
        if (isDead) await never();
      },
    },
    store: {
      flows: records('flow', store.flows),
      clients: records('client', store.clients),
      grants: records('grant', store.grants),
      registrations: records('registration', store.registrations),
      assertions: records('assertion', store.assertions),
      stepUps: records('step-up', store.stepUps),
      probe: () => store.probe(),
      close: () => store.close(),
    },
    authorizationServer: {
      probe: (...asked) => step('probe', () => as.probe(...asked)),
      resourceDocument: (...asked) => step('document', () => as.resourceDocument(...asked)),
      serverDocument: (...asked) => step('document', () => as.serverDocument(...asked)),
      register: (...asked) => step('registration', () => as.register(...asked)),
      requestTokens: (...asked) => step('upstream tokens', () => as.requestTokens(...asked)),
      revokeToken: (...asked) => step('upstream revocation', () => as.revokeToken(...asked)),
    },
    resourceServer: {
      forward: (call, token, sink) => {
        if (isDead) return nothing;
        steps.push('call');
        if (isLast(false)) die();
        if (isDead) return nothing;
        const exchange = ports.resourceServer.forward(
          call,
          token,
          whileAlive(sink, () => isDead),
        );
        if (isLast(true)) die();
        return exchange;
      },
      close: () => ports.resourceServer.close(),
    },
  };
  return { ports: mortal, steps, died };
}

function never(): Promise<never> {
  return new Promise(() => {});
}

const nothing: UpstreamExchange = { resume: () => {}, abort: () => {}, drop: () => {} };

function whileAlive(sink: McpSink, isDead: () => boolean): McpSink {
  return {
    interim: (...heard) => isDead() || sink.interim(...heard),
    start: (...heard) => isDead() || sink.start(...heard),
    data: (chunk) => isDead() || sink.data(chunk),
    end: (trailers) => isDead() || sink.end(trailers),
    fail: (failure) => isDead() || sink.fail(failure),
  };
}
