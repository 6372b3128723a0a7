import type { Events } from '../../application/events.ts';
import { type BannerFacts, banner, bannerFields } from './banner.ts';
import type { GatewayConfig } from './gateway-configuration.ts';
import type { StopSignal } from './stop-signals.ts';

/** Where events go, and what else the operator has to hear. */
export interface OperatorLog extends Events {
  say(level: 'info' | 'warn', message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Writes out what waits to be written. */
  flush(): void;
}

/** Opens the log of a configuration, in a format. */
export type OpenLog = (config: GatewayConfig, format: 'text' | 'json') => Promise<OperatorLog>;

/** What the operator is told: by the log, and of start and stop. */
export interface OperatorVoice {
  readonly log: OperatorLog | undefined;
  readonly tell: {
    started(facts: BannerFacts): void;
    stopping(signal: StopSignal): void;
  };
}

interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A banner for people; for programs the same as lines of the log. Without a log nothing is logged. */
export async function operatorVoice(
  stdout: Terminal,
  openLog: OpenLog | undefined,
  config: GatewayConfig,
): Promise<OperatorVoice> {
  const { logFormat } = config;
  const format = logFormat === 'auto' ? (stdout.isTTY ? 'text' : 'json') : logFormat;
  const log = await openLog?.(config, format);
  if (log !== undefined && format === 'json') return { log, tell: toldByLog(log) };
  const print = (text: string) => stdout.write(`${text}\n`);
  return {
    log,
    tell: {
      started: (facts) => print(banner(facts).join('\n')),
      stopping: (signal) => print(`Stopping after ${signal}; a second signal stops at once.`),
    },
  };
}

function toldByLog(log: OperatorLog): OperatorVoice['tell'] {
  return {
    started: (facts) => {
      log.say('info', 'started', bannerFields(facts));
      for (const warning of facts.warnings) log.say('warn', warning);
    },
    stopping: (signal) => log.say('info', 'stopping', { signal }),
  };
}
