import { banner } from './banner.ts';
import { readCommandLine, refusal } from './command-line.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import { printed } from './printed.ts';
import { startFailure } from './start-failure.ts';

/** What of `process` a run needs; `process` itself fits. */
export interface ProcessLike {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { readonly columns?: number; write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  on(signal: StopSignal, listener: () => void): unknown;
  off(signal: StopSignal, listener: () => void): unknown;
}

type StopSignal = 'SIGTERM' | 'SIGINT';

/** What of a gateway a run needs. */
export interface RunnableGateway {
  /** Rejects with the system's error (`code`) when an address cannot be listened on. */
  listen(): Promise<{ readonly addresses: readonly string[]; readonly port: number }>;
  close(): Promise<void>;
}

/**
 * Runs the gateway until a signal stops it. Resolves with the exit code: 0 for a clean stop (or
 * `--help`), 1 for a failed start, 2 at a second signal, 3 for a stop that failed. The caller exits
 * at once with it.
 */
export async function runCommandLine(
  process: ProcessLike,
  createGateway: (config: GatewayConfig) => RunnableGateway,
  version: string,
  store = 'memory (grants end with this process)',
): Promise<number> {
  const print = (text: string) => process.stdout.write(`${text}\n`);
  const complain = (text: string) => process.stderr.write(`${text}\n`);
  const asked = readCommandLine(process.argv.slice(2), process.env);
  if (asked.type === 'help' || asked.type === 'version') {
    print(await printed(asked, version, process.stdout.columns));
    return 0;
  }
  if (asked.type === 'refuse') {
    complain(asked.text);
    return 1;
  }

  const { config, sources, warnings } = asked;
  // Heard from the first moment, so that a signal during the start is not lost.
  const signals = stopSignals(process);
  const serve = async (): Promise<number> => {
    let gateway: RunnableGateway;
    try {
      gateway = createGateway(config);
      const { addresses, port } = await gateway.listen();
      print(banner({ version, config, sources, addresses, port, store, warnings }).join('\n'));
    } catch (error) {
      complain(refusal([startFailure(error, config, sources)]).text);
      return 1;
    }
    print(`Stopping after ${await signals.first}; a second signal stops at once.`);
    try {
      await gateway.close();
      return 0;
    } catch (error) {
      complain(`The gateway did not stop cleanly: ${String(error)}`);
      return 3;
    }
  };
  const code = await Promise.race([serve(), signals.second.then(() => 2)]);
  signals.release();
  return code;
}

interface StopSignals {
  readonly first: Promise<StopSignal>;
  readonly second: Promise<StopSignal>;
  /** Gives the signals back to whoever embeds the run. */
  release(): void;
}

function stopSignals(process: ProcessLike): StopSignals {
  const names: readonly StopSignal[] = ['SIGTERM', 'SIGINT'];
  const waiting: ((signal: StopSignal) => void)[] = [];
  const first = new Promise<StopSignal>((resolve) => waiting.push(resolve));
  const second = new Promise<StopSignal>((resolve) => waiting.push(resolve));
  const listeners = names.map((name) => ({ name, listener: () => waiting.shift()?.(name) }));
  for (const { name, listener } of listeners) process.on(name, listener);
  return {
    first,
    second,
    release: () => {
      for (const { name, listener } of listeners) process.off(name, listener);
    },
  };
}
